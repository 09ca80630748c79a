-- Rows carry checksums, which are verified when they are read. Those of the rows that are there are computed
-- in the same transaction. 0 means that a row has none.
ALTER TABLE outgoing ADD COLUMN head_sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outgoing ADD COLUMN state_sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outgoing_body ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incoming ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incoming_body ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;

-- A statement that changes a row without a new checksum (a person's shell) leaves a row without one, and not
-- one that looks damaged. Damage fires no trigger.
CREATE TRIGGER outgoing_state_without_sum AFTER UPDATE ON outgoing
WHEN NEW.state_sum = OLD.state_sum AND NEW.state_sum <> 0
    AND (NEW.status, NEW.reason, NEW.fallback, NEW.receipt, NEW.flight, NEW.ended_at)
        IS NOT (OLD.status, OLD.reason, OLD.fallback, OLD.receipt, OLD.flight, OLD.ended_at)
BEGIN UPDATE outgoing SET state_sum = 0 WHERE key = NEW.key; END;
CREATE TRIGGER outgoing_head_without_sum AFTER UPDATE ON outgoing
WHEN NEW.head_sum = OLD.head_sum AND NEW.head_sum <> 0
    AND (NEW.kind, NEW.id, NEW.source, NEW.sender, NEW.recipient, NEW.deadline, NEW.expires, NEW.accepted_at, NEW.digest)
        IS NOT (OLD.kind, OLD.id, OLD.source, OLD.sender, OLD.recipient, OLD.deadline, OLD.expires, OLD.accepted_at, OLD.digest)
BEGIN UPDATE outgoing SET head_sum = 0 WHERE key = NEW.key; END;
CREATE TRIGGER outgoing_body_without_sum AFTER UPDATE ON outgoing_body
WHEN NEW.sum = OLD.sum AND NEW.sum <> 0 AND NEW.json <> OLD.json
BEGIN UPDATE outgoing_body SET sum = 0 WHERE key = NEW.key; END;
CREATE TRIGGER incoming_without_sum AFTER UPDATE ON incoming
WHEN NEW.sum = OLD.sum AND NEW.sum <> 0 AND NEW.status <> OLD.status
BEGIN UPDATE incoming SET sum = 0 WHERE key = NEW.key; END;

-- What was found damaged and taken out of its table, as it was.
CREATE TABLE damaged (
    seq             INTEGER PRIMARY KEY,
    origin          TEXT NOT NULL,                      -- its table
    key             INTEGER NOT NULL,
    id              TEXT,
    columns         TEXT NOT NULL,                      -- as JSON; blobs in hexadecimal
    json            BLOB
) STRICT;
CREATE INDEX damaged_id ON damaged (id);

-- What retention looks for.
CREATE INDEX outgoing_ended ON outgoing (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX incoming_processed ON incoming (changed_at) WHERE status = 'processed';
