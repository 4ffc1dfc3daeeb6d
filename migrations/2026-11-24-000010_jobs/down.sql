DROP POLICY worker_makes_jobs_alone ON outbox;
REVOKE INSERT (clinic_id, id, class, lane, kind, key, payload, available_at) ON outbox FROM taskmed_worker;
REVOKE SELECT (id, status, zone) ON clinics FROM taskmed_worker;
DROP POLICY worker ON clinics;
DROP TABLE job_schedules;
REVOKE UPDATE (available_at, attempts, locked_until, handled_at, failed_at, last_error) ON outbox FROM taskmed_worker;
GRANT UPDATE ON outbox TO taskmed_worker;
DROP POLICY waiting_or_given_up_is_moved ON outbox;
DROP POLICY jobs_alone_are_taken_back ON outbox;
REVOKE DELETE ON outbox FROM taskmed_app;
REVOKE UPDATE (lane, available_at, attempts, handled_at, failed_at) ON outbox FROM taskmed_app;
ALTER TABLE outbox RESET (
    autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay,
    autovacuum_analyze_scale_factor, autovacuum_analyze_threshold
);
DROP INDEX outbox_failed;
DROP INDEX outbox_waiting_once;
ALTER TABLE outbox DROP COLUMN key;
