-- 0 is a checksum of no row any more: a page whose end the disk gives back as zeros has it, too. A row that somebody changed
-- without a new checksum gets a mark instead, which no sum is, since sums are not negative ("by hand!", and a minus). Who
-- inserts a row gives it that mark. Nobody can tell what made the zeros that are there.
UPDATE outgoing SET head_sum = -0x62792068616e6421 WHERE head_sum = 0;
UPDATE outgoing SET state_sum = -0x62792068616e6421 WHERE state_sum = 0;
UPDATE outgoing_body SET sum = -0x62792068616e6421 WHERE sum = 0;
UPDATE incoming SET sum = -0x62792068616e6421 WHERE sum = 0;
UPDATE incoming_body SET sum = -0x62792068616e6421 WHERE sum = 0;
UPDATE attempt SET sum = -0x62792068616e6421 WHERE sum = 0;
UPDATE progress SET sum = -0x62792068616e6421 WHERE sum = 0;
UPDATE idempotency SET sum = -0x62792068616e6421 WHERE sum = 0;
UPDATE taken_in SET sum = -0x62792068616e6421 WHERE sum = 0;
UPDATE cursor SET sum = -0x62792068616e6421 WHERE sum = 0;
UPDATE breaker SET sum = -0x62792068616e6421 WHERE sum = 0;

-- As in 0005 and 0006, with the mark. What is 0 stays 0.
DROP TRIGGER outgoing_state_without_sum;
CREATE TRIGGER outgoing_state_without_sum AFTER UPDATE ON outgoing
WHEN NEW.state_sum = OLD.state_sum AND NEW.state_sum > 0
    AND (NEW.status, NEW.reason, NEW.fallback, NEW.receipt, NEW.flight, NEW.ended_at)
        IS NOT (OLD.status, OLD.reason, OLD.fallback, OLD.receipt, OLD.flight, OLD.ended_at)
BEGIN UPDATE outgoing SET state_sum = -0x62792068616e6421 WHERE key = NEW.key; END;
DROP TRIGGER outgoing_body_without_sum;
CREATE TRIGGER outgoing_body_without_sum AFTER UPDATE ON outgoing_body
WHEN NEW.sum = OLD.sum AND NEW.sum > 0 AND NEW.json <> OLD.json
BEGIN UPDATE outgoing_body SET sum = -0x62792068616e6421 WHERE key = NEW.key; END;
DROP TRIGGER outgoing_head_without_sum;
CREATE TRIGGER outgoing_head_without_sum AFTER UPDATE OF kind, id, source, sender, recipient, instance, digest, principal,
    priority, partition_key, deadline, expires, accepted_at ON outgoing
WHEN NEW.head_sum = OLD.head_sum AND NEW.head_sum > 0
    AND (NEW.kind, NEW.id, NEW.source, NEW.sender, NEW.recipient, NEW.instance, NEW.digest, NEW.principal, NEW.priority,
            NEW.partition_key, NEW.deadline, NEW.expires, NEW.accepted_at)
        IS NOT (OLD.kind, OLD.id, OLD.source, OLD.sender, OLD.recipient, OLD.instance, OLD.digest, OLD.principal, OLD.priority,
            OLD.partition_key, OLD.deadline, OLD.expires, OLD.accepted_at)
BEGIN UPDATE outgoing SET head_sum = -0x62792068616e6421 WHERE key = NEW.key; END;
DROP TRIGGER incoming_without_sum;
CREATE TRIGGER incoming_without_sum AFTER UPDATE OF id, source, recipient, agent, authority, via, status, received_at,
    changed_at ON incoming
WHEN NEW.sum = OLD.sum AND NEW.sum > 0
    AND (NEW.id, NEW.source, NEW.recipient, NEW.agent, NEW.authority, NEW.via, NEW.status, NEW.received_at,
            NEW.changed_at)
        IS NOT (OLD.id, OLD.source, OLD.recipient, OLD.agent, OLD.authority, OLD.via, OLD.status, OLD.received_at,
            OLD.changed_at)
BEGIN UPDATE incoming SET sum = -0x62792068616e6421 WHERE key = NEW.key; END;
DROP TRIGGER attempt_without_sum;
CREATE TRIGGER attempt_without_sum AFTER UPDATE ON attempt
WHEN NEW.sum = OLD.sum AND NEW.sum > 0
    AND (NEW.key, NEW.number, NEW.transport, NEW.mode, NEW.outcome, NEW.code, NEW.message, NEW.fix, NEW.effect, NEW.reference,
            NEW.began, NEW.took_ms)
        IS NOT (OLD.key, OLD.number, OLD.transport, OLD.mode, OLD.outcome, OLD.code, OLD.message, OLD.fix, OLD.effect, OLD.reference,
            OLD.began, OLD.took_ms)
BEGIN UPDATE attempt SET sum = -0x62792068616e6421 WHERE seq = NEW.seq; END;
DROP TRIGGER progress_without_sum;
CREATE TRIGGER progress_without_sum AFTER UPDATE ON progress
WHEN NEW.sum = OLD.sum AND NEW.sum > 0
    AND (NEW.key, NEW.transport, NEW.bytes, NEW.saved_at) IS NOT (OLD.key, OLD.transport, OLD.bytes, OLD.saved_at)
BEGIN UPDATE progress SET sum = -0x62792068616e6421 WHERE key = NEW.key AND transport = NEW.transport; END;
DROP TRIGGER idempotency_without_sum;
CREATE TRIGGER idempotency_without_sum AFTER UPDATE ON idempotency
WHEN NEW.sum = OLD.sum AND NEW.sum > 0
    AND (NEW.principal, NEW.name, NEW.digest, NEW.id, NEW.source, NEW.kept_until)
        IS NOT (OLD.principal, OLD.name, OLD.digest, OLD.id, OLD.source, OLD.kept_until)
BEGIN UPDATE idempotency SET sum = -0x62792068616e6421 WHERE principal = NEW.principal AND name = NEW.name; END;
DROP TRIGGER taken_in_without_sum;
CREATE TRIGGER taken_in_without_sum AFTER UPDATE ON taken_in
WHEN NEW.sum = OLD.sum AND NEW.sum > 0
    AND (NEW.id, NEW.source, NEW.authority, NEW.recipient, NEW.digest, NEW.key, NEW.kept_until)
        IS NOT (OLD.id, OLD.source, OLD.authority, OLD.recipient, OLD.digest, OLD.key, OLD.kept_until)
BEGIN
    UPDATE taken_in SET sum = -0x62792068616e6421
    WHERE id = NEW.id AND source = NEW.source AND authority = NEW.authority AND recipient = NEW.recipient;
END;
DROP TRIGGER cursor_without_sum;
CREATE TRIGGER cursor_without_sum AFTER UPDATE ON cursor
WHEN NEW.sum = OLD.sum AND NEW.sum > 0 AND (NEW.transport, NEW.bytes) IS NOT (OLD.transport, OLD.bytes)
BEGIN UPDATE cursor SET sum = -0x62792068616e6421 WHERE transport = NEW.transport; END;
DROP TRIGGER breaker_without_sum;
CREATE TRIGGER breaker_without_sum AFTER UPDATE ON breaker
WHEN NEW.sum = OLD.sum AND NEW.sum > 0
    AND (NEW.transport, NEW.fingerprint, NEW.failures, NEW.opened_at)
        IS NOT (OLD.transport, OLD.fingerprint, OLD.failures, OLD.opened_at)
BEGIN UPDATE breaker SET sum = -0x62792068616e6421 WHERE transport = NEW.transport; END;
