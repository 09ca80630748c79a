-- Of which message a receipt speaks: its source and id, so that a later receipt takes the place of one that
-- was not sent yet.
ALTER TABLE outgoing ADD COLUMN about TEXT;
CREATE INDEX outgoing_about ON outgoing (about) WHERE about IS NOT NULL;
