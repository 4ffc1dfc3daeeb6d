DROP TABLE idempotency_keys, outbox, audit_log;
DROP FUNCTION make_audit_partitions(date, integer);
DROP FUNCTION lowest_uuid_at(timestamptz);
