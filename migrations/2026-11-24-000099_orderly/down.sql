CREATE OR REPLACE FUNCTION make_audit_partitions(first_month date, months integer) RETURNS integer
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

CREATE OR REPLACE FUNCTION make_month_partitions(parent text, first_month date, months integer) RETURNS integer
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
        partition_name := parent || '_' || to_char(month, 'YYYY_MM');
        IF to_regclass(partition_name) IS NULL THEN
            EXECUTE format('CREATE TEMPORARY TABLE put_aside ON COMMIT DROP AS SELECT * FROM %I WHERE id >= %L AND id < %L',
                           parent || '_default', lowest, beyond);
            EXECUTE format('DELETE FROM %I WHERE id >= %L AND id < %L', parent || '_default', lowest, beyond);
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition_name, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition_name, lowest, beyond);
            EXECUTE format('INSERT INTO %I SELECT * FROM put_aside', partition_name);
            DROP TABLE put_aside;
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$$;

DROP INDEX waitlist_entries_in_order;
DROP INDEX waitlist_entries_waiting;
ALTER TABLE waitlist_entries DROP COLUMN number;
CREATE INDEX waitlist_entries_in_order ON waitlist_entries (clinic_id, priority, waiting_since, id);
CREATE INDEX waitlist_entries_waiting ON waitlist_entries (clinic_id, priority, waiting_since, id)
    WHERE status IN ('waiting', 'offered');
