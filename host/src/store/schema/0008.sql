-- A row that may not be added is refused without taking back what its statement did before: each row is looked at by
-- itself, and nothing else was done for it. With ABORT, SQLite would keep a copy of every page that adding a row touches.
-- (A row that brings no number of its own takes nobody's place; NEW.seq is -1 then.)
DROP TRIGGER journal_is_not_replaced;
CREATE TRIGGER journal_is_not_replaced BEFORE INSERT ON journal
WHEN (NEW.seq > 0 AND EXISTS (SELECT 1 FROM journal WHERE seq = NEW.seq)) OR length(NEW.hash) <> 32
BEGIN SELECT RAISE(FAIL, 'the journal is only ever added to, and each row has its hash'); END;
