-- Work that is not queued twice, claims that stay cheap, failed work that a clinic can put right, and work that comes by itself.

-- What the work is about, where the same work is not to wait twice. A row that somebody works on waits no more: work that is
-- asked for meanwhile is queued anew, since that somebody may have read what was there before.
ALTER TABLE outbox ADD COLUMN key text CHECK (char_length(key) BETWEEN 1 AND 200);
CREATE UNIQUE INDEX outbox_waiting_once ON outbox (clinic_id, kind, key)
    WHERE key IS NOT NULL AND locked_until IS NULL AND handled_at IS NULL AND failed_at IS NULL;
-- What was given up, for those who put it right.
CREATE INDEX outbox_failed ON outbox (clinic_id, failed_at, id) WHERE failed_at IS NOT NULL;
-- The rows of a queue die young, and every claim steps over the dead: they are swept by number, not by share.
ALTER TABLE outbox SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000
);

-- The server moves work that waits to an earlier time, has what was given up tried again or passed over, and takes back jobs.
-- It never takes back an event, which is told.
GRANT UPDATE (lane, available_at, attempts, handled_at, failed_at), DELETE ON outbox TO taskmed_app;
CREATE POLICY jobs_alone_are_taken_back ON outbox AS RESTRICTIVE FOR DELETE TO taskmed_app USING (class = 'job');

CREATE POLICY waiting_or_given_up_is_moved ON outbox AS RESTRICTIVE FOR UPDATE TO taskmed_app
    USING (failed_at IS NOT NULL OR (key IS NOT NULL AND locked_until IS NULL)) WITH CHECK (true);

-- The worker says how a row stands, and no longer what it tells.
REVOKE UPDATE ON outbox FROM taskmed_worker;
GRANT UPDATE (available_at, attempts, locked_until, handled_at, failed_at, last_error) ON outbox TO taskmed_worker;

-- Work that comes by itself: when each schedule is next due, for all nodes together. Whoever moves a row on puts a job into
-- the queue of every active clinic, in the same statement.
CREATE TABLE job_schedules (
    kind text PRIMARY KEY,
    next_due timestamptz NOT NULL,
    last_run_at timestamptz
);
ALTER TABLE job_schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE job_schedules FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON job_schedules TO taskmed_worker USING (true);
GRANT SELECT, INSERT, UPDATE ON job_schedules TO taskmed_worker;
GRANT ALL ON job_schedules TO taskmed_maintenance;
CREATE POLICY worker ON clinics FOR SELECT TO taskmed_worker USING (true);
GRANT SELECT (id, status, zone) ON clinics TO taskmed_worker;
GRANT INSERT (clinic_id, id, class, lane, kind, key, payload, available_at) ON outbox TO taskmed_worker;
CREATE POLICY worker_makes_jobs_alone ON outbox AS RESTRICTIVE FOR INSERT TO taskmed_worker WITH CHECK (class = 'job');
