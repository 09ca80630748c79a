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

-- Whatever ends a message or takes it out, the line goes on. One that is dead or held keeps its place until somebody
-- lets it go.
CREATE TRIGGER line_is_left_at_the_end AFTER UPDATE OF status, ended_at ON outgoing
WHEN NEW.in_line = 1 AND NEW.ended_at IS NOT NULL AND NEW.status <> 'dead'
BEGIN UPDATE outgoing SET in_line = 0 WHERE key = NEW.key; END;
CREATE TRIGGER line_goes_on AFTER UPDATE OF in_line ON outgoing
WHEN OLD.in_line = 1 AND NEW.in_line = 0
BEGIN
    UPDATE outgoing SET waits_for = '' WHERE waits_for = 'turn' AND key = (
        SELECT min(key) FROM outgoing
        WHERE recipient = NEW.recipient AND partition_key = NEW.partition_key AND in_line = 1
    );
END;
CREATE TRIGGER line_goes_on_without AFTER DELETE ON outgoing
WHEN OLD.in_line = 1
BEGIN
    UPDATE outgoing SET waits_for = '' WHERE waits_for = 'turn' AND key = (
        SELECT min(key) FROM outgoing
        WHERE recipient = OLD.recipient AND partition_key = OLD.partition_key AND in_line = 1
    );
END;

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

-- By which routes the messages that wait for transports were planned.
CREATE TABLE planned_by (
    only            INTEGER PRIMARY KEY CHECK (only = 1),
    routes          TEXT NOT NULL
) STRICT;
