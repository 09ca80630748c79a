-- Whose turn it is. A message with a partition key stands in line with the others of its recipient and key, from its
-- acceptance until it lets the next one go. A message that can only wait says for what ('' is: for its time), so that
-- nobody looks at it before; the queue is an index in front of which that stands.

ALTER TABLE outgoing ADD COLUMN in_line INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outgoing ADD COLUMN waits_for TEXT NOT NULL DEFAULT '';

UPDATE outgoing SET in_line = 1 WHERE partition_key IS NOT NULL AND status = 'waiting' AND kind <> 'receipt';
CREATE INDEX outgoing_line ON outgoing (recipient, partition_key) WHERE in_line = 1;
UPDATE outgoing SET waits_for = 'turn'
WHERE in_line = 1 AND EXISTS (
    SELECT 1 FROM outgoing AS earlier
    WHERE earlier.recipient = outgoing.recipient AND earlier.partition_key = outgoing.partition_key
    AND earlier.in_line = 1 AND earlier.key < outgoing.key
);

DROP INDEX outgoing_due;
CREATE INDEX outgoing_due ON outgoing (waits_for, priority, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX outgoing_deadline ON outgoing (deadline) WHERE due_at IS NOT NULL;

-- How the breakers stand that are not closed and at rest.
CREATE TABLE breaker (
    transport       TEXT PRIMARY KEY,
    fingerprint     TEXT NOT NULL,                      -- of the transport that failed
    failures        INTEGER NOT NULL,
    opened_at       INTEGER
) STRICT, WITHOUT ROWID;
