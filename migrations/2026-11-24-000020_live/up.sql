-- Tickets that open a live connection, once: a token in an address would stand in logs.
CREATE TABLE realtime_tickets (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    secret_hash bytea NOT NULL,
    -- Whose rights the connection has: those of a sign-in, or of a key.
    session_id uuid,
    api_key_id uuid,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (clinic_id, secret_hash),
    FOREIGN KEY (clinic_id, session_id) REFERENCES sessions (clinic_id, id) ON DELETE CASCADE,
    FOREIGN KEY (clinic_id, api_key_id) REFERENCES api_keys (clinic_id, id) ON DELETE CASCADE,
    CHECK (num_nonnulls(session_id, api_key_id) = 1)
);
-- Those that nobody used are swept when the next is made.
CREATE INDEX realtime_tickets_by_expiry ON realtime_tickets (clinic_id, expires_at);
CREATE INDEX realtime_tickets_by_session ON realtime_tickets (clinic_id, session_id);
CREATE INDEX realtime_tickets_by_api_key ON realtime_tickets (clinic_id, api_key_id);
CALL close_tenant_table('realtime_tickets', 'SELECT, INSERT, DELETE');

-- When the row was written by the database's own clock, not when its transaction began: whoever resumes a live connection goes
-- back from it far enough for everything that was still on its way to other listeners.
ALTER TABLE outbox ADD COLUMN written_at timestamptz NOT NULL DEFAULT clock_timestamp();
