-- The first schema. Times are milliseconds since 1970 in UTC. Bodies lie in tables of their own, so that
-- looking through headers does not read them. An index on one column also orders by the table's key.

-- "bywy": a database without it is somebody else's.
PRAGMA application_id = 1652127609;

CREATE TABLE outgoing (
    key             INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again for another message
    kind            TEXT NOT NULL,
    id              TEXT NOT NULL,
    source          TEXT NOT NULL,
    sender          TEXT,
    recipient       TEXT NOT NULL,
    instance        TEXT NOT NULL,                      -- the recipient's
    digest          BLOB NOT NULL,
    principal       TEXT NOT NULL,
    priority        INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 3),
    partition_key   TEXT,
    status          TEXT NOT NULL,
    reason          TEXT,
    fallback        INTEGER NOT NULL DEFAULT 0,
    receipt         TEXT,                               -- the greatest so far
    flight          TEXT NOT NULL,
    due_at          INTEGER,                            -- null once it has ended
    deadline        INTEGER NOT NULL,
    expires         INTEGER,
    accepted_at     INTEGER NOT NULL,
    ended_at        INTEGER,
    UNIQUE (id, source, recipient, kind)
) STRICT;
CREATE INDEX outgoing_due ON outgoing (priority, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX outgoing_status ON outgoing (status);
CREATE INDEX outgoing_source ON outgoing (source);
CREATE INDEX outgoing_instance ON outgoing (instance);

CREATE TABLE outgoing_body (
    key             INTEGER PRIMARY KEY REFERENCES outgoing (key) ON DELETE CASCADE,
    json            BLOB NOT NULL
) STRICT;

CREATE TABLE attempt (
    seq             INTEGER PRIMARY KEY,
    key             INTEGER NOT NULL REFERENCES outgoing (key) ON DELETE CASCADE,
    number          INTEGER,                            -- null: passed over
    transport       TEXT NOT NULL,
    mode            TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    code            TEXT,
    message         TEXT,
    fix             TEXT,
    effect          TEXT,
    reference       TEXT,
    began           INTEGER NOT NULL,
    took_ms         INTEGER NOT NULL
) STRICT;
CREATE INDEX attempt_key ON attempt (key);

CREATE TABLE progress (
    key             INTEGER NOT NULL REFERENCES outgoing (key) ON DELETE CASCADE,
    transport       TEXT NOT NULL,
    bytes           BLOB NOT NULL,
    saved_at        INTEGER NOT NULL,
    PRIMARY KEY (key, transport)
) STRICT, WITHOUT ROWID;

-- What a caller's idempotency key stood for.
CREATE TABLE idempotency (
    principal       TEXT NOT NULL,
    name            TEXT NOT NULL,
    digest          BLOB NOT NULL,
    id              TEXT NOT NULL,
    source          TEXT NOT NULL,
    kept_until      INTEGER NOT NULL,
    PRIMARY KEY (principal, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_kept ON idempotency (kept_until);

CREATE TABLE incoming (
    key             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL,
    source          TEXT NOT NULL,
    recipient       TEXT NOT NULL,
    agent           TEXT NOT NULL,                      -- the recipient's
    subject         TEXT,
    authority       TEXT NOT NULL,
    via             TEXT NOT NULL,
    status          TEXT NOT NULL,
    received_at     INTEGER NOT NULL,
    changed_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX incoming_agent ON incoming (agent);
CREATE INDEX incoming_unread ON incoming (agent) WHERE status = 'unread';
CREATE INDEX incoming_id ON incoming (id, agent, source);

CREATE TABLE incoming_body (
    key             INTEGER PRIMARY KEY REFERENCES incoming (key) ON DELETE CASCADE,
    json            BLOB NOT NULL
) STRICT;

-- The keys of what was taken in. They outlive the inbox row, until kept_until.
CREATE TABLE taken_in (
    id              TEXT NOT NULL,
    source          TEXT NOT NULL,
    authority       TEXT NOT NULL,
    recipient       TEXT NOT NULL,
    digest          BLOB NOT NULL,
    key             INTEGER NOT NULL,
    kept_until      INTEGER NOT NULL,
    PRIMARY KEY (id, source, authority, recipient)
) STRICT, WITHOUT ROWID;
CREATE INDEX taken_in_kept ON taken_in (kept_until);

-- Where each receiving transport goes on.
CREATE TABLE cursor (
    transport       TEXT PRIMARY KEY,
    bytes           BLOB
) STRICT, WITHOUT ROWID;

-- Everything that happened. Only ever added to; the numbers have no gaps. A hash of the row before
-- can be added as a column of its own: adding a column changes no row.
CREATE TABLE journal (
    seq             INTEGER PRIMARY KEY,
    at              INTEGER NOT NULL,
    event           TEXT NOT NULL,
    id              TEXT,
    source          TEXT,
    recipient       TEXT,
    detail          TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;
CREATE INDEX journal_id ON journal (id) WHERE id IS NOT NULL;
CREATE TRIGGER journal_is_not_changed BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is only ever added to'); END;
CREATE TRIGGER journal_is_not_shortened BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is only ever added to'); END;
-- INSERT OR REPLACE fires no delete trigger.
CREATE TRIGGER journal_is_not_replaced BEFORE INSERT ON journal
WHEN EXISTS (SELECT 1 FROM journal WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the journal is only ever added to'); END;

-- Written by the readiness check.
CREATE TABLE probe (
    only            INTEGER PRIMARY KEY CHECK (only = 1),
    writes          INTEGER NOT NULL
) STRICT;
INSERT INTO probe (only, writes) VALUES (1, 0);
