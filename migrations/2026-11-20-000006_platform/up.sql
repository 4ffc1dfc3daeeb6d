-- What rides along with every write: the audit log, the outbox, and answers kept for repeated requests.

-- Partitioned by month over ranges of the UUIDv7 `id`, which is time-ordered. Append-only for the server. Partitions are made
-- ahead by the owner (`make_audit_partitions`); the default one is a net for when nobody did.
CREATE TABLE audit_log (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'api_key', 'system')),
    actor_id uuid,
    component text,
    action text NOT NULL,
    resource text NOT NULL,
    resource_id uuid,
    detail jsonb,
    reason text,
    request_id uuid,
    address text,
    PRIMARY KEY (clinic_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX audit_log_by_resource ON audit_log (clinic_id, resource, resource_id, id);
CALL close_tenant_table('audit_log', 'SELECT, INSERT');
CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;

-- The lowest UUIDv7 (RFC 9562, 5.7) of an instant.
CREATE FUNCTION lowest_uuid_at(moment timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid $$;

-- Makes the partitions of the months from `first_month` on that are not there yet; says how many it made. Rows of such a month
-- that the default partition had to catch are moved.
CREATE FUNCTION make_audit_partitions(first_month date, months integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
    month date;
    lowest uuid;
    beyond uuid;
    made integer := 0;
    partition_name text;
BEGIN
    FOR step IN 0..months - 1 LOOP
        month := (date_trunc('month', first_month) + make_interval(months => step))::date;
        lowest := lowest_uuid_at(month::timestamp AT TIME ZONE 'UTC');
        beyond := lowest_uuid_at((month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
        partition_name := 'audit_log_' || to_char(month, 'YYYY_MM');
        IF to_regclass(partition_name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE audit_log INCLUDING ALL)', partition_name);
            EXECUTE format(
                'WITH moved AS (DELETE FROM audit_log_default WHERE id >= %L AND id < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
                lowest, beyond, partition_name);
            EXECUTE format(
                'ALTER TABLE audit_log ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition_name, lowest, beyond);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$$;
REVOKE EXECUTE ON FUNCTION make_audit_partitions(date, integer) FROM PUBLIC;

-- Events written in the transaction of what they tell; handled at least once, after commit.
CREATE TABLE outbox (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    available_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    handled_at timestamptz,
    failed_at timestamptz,
    last_error text,
    PRIMARY KEY (clinic_id, id)
);
CREATE INDEX outbox_due ON outbox (available_at) WHERE handled_at IS NULL AND failed_at IS NULL;
CREATE INDEX outbox_handled ON outbox (handled_at) WHERE handled_at IS NOT NULL;
CREATE INDEX outbox_by_transaction ON outbox (clinic_id, changed_in, id);
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON outbox USING (clinic_id = NULLIF(current_setting('app.clinic_id', true), '')::uuid);
-- The worker claims across clinics; what it then does, it does in a tenant transaction.
CREATE POLICY worker ON outbox TO taskmed_worker USING (true);
GRANT SELECT, INSERT ON outbox TO taskmed_app;
GRANT SELECT, UPDATE, DELETE ON outbox TO taskmed_worker;
GRANT ALL ON outbox TO taskmed_maintenance;

-- Answers to requests that carried an Idempotency-Key, sealed with the clinic's key, kept for a day.
CREATE TABLE idempotency_keys (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    actor_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    headers jsonb NOT NULL,
    sealed_body bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (clinic_id, actor_id, key)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
CALL close_tenant_table('idempotency_keys', 'SELECT, INSERT, DELETE');
CREATE POLICY worker ON idempotency_keys TO taskmed_worker USING (true);
GRANT SELECT, DELETE ON idempotency_keys TO taskmed_worker;

GRANT EXECUTE ON FUNCTION lowest_uuid_at(timestamptz) TO taskmed_app, taskmed_worker, taskmed_maintenance;
