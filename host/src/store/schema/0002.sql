-- The journal is chained: each row has the hash of the row before it and of itself (docs/journal.md). The
-- rows that are there get theirs in the same transaction, so a hash may be filled in once.
DROP TRIGGER journal_is_not_changed;
DROP TRIGGER journal_is_not_shortened;
DROP TRIGGER journal_is_not_replaced;
ALTER TABLE journal ADD COLUMN hash BLOB NOT NULL DEFAULT x'';

-- What this byway has signed of it.
CREATE TABLE checkpoint (
    seq             INTEGER PRIMARY KEY,                -- the last row that it covers
    hash            BLOB NOT NULL,
    count           INTEGER NOT NULL,                   -- rows that were there then
    at              INTEGER NOT NULL,
    signature       BLOB NOT NULL
) STRICT;

-- Up to which row old ones were taken out; the checkpoint of that row says that byway did it.
CREATE TABLE pruned (
    only            INTEGER PRIMARY KEY CHECK (only = 1),
    through         INTEGER NOT NULL
) STRICT;
INSERT INTO pruned (only, through) VALUES (1, 0);

CREATE TRIGGER journal_is_not_changed BEFORE UPDATE ON journal
WHEN OLD.hash <> x'' OR NEW.seq <> OLD.seq
BEGIN SELECT RAISE(ABORT, 'the journal is only ever added to'); END;
CREATE TRIGGER journal_is_not_shortened BEFORE DELETE ON journal
WHEN OLD.seq > (SELECT through FROM pruned)
BEGIN SELECT RAISE(ABORT, 'the journal is only ever added to'); END;
-- INSERT OR REPLACE fires no delete trigger.
CREATE TRIGGER journal_is_not_replaced BEFORE INSERT ON journal
WHEN EXISTS (SELECT 1 FROM journal WHERE seq = NEW.seq) OR length(NEW.hash) <> 32
BEGIN SELECT RAISE(ABORT, 'the journal is only ever added to, and each row has its hash'); END;
CREATE TRIGGER pruned_only_grows BEFORE UPDATE ON pruned
WHEN NEW.through < OLD.through
BEGIN SELECT RAISE(ABORT, 'the journal is only ever added to'); END;
