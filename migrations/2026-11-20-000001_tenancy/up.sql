-- The ground of tenancy: extensions, and the one way in which a tenant table is closed (row-level security, grants, versions).

CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;

-- New objects are nobody's but the owner's until they are granted.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO taskmed_app, taskmed_worker, taskmed_maintenance;

-- The number of the running transaction, and the oldest one that may still commit: a reader that shows only rows changed
-- below it can go on from the last row it saw and miss nothing that commits late.
CREATE FUNCTION current_transaction() RETURNS bigint
    LANGUAGE sql VOLATILE PARALLEL RESTRICTED
    AS $$ SELECT pg_current_xact_id()::text::bigint $$;
CREATE FUNCTION oldest_open_transaction() RETURNS bigint
    LANGUAGE sql STABLE
    AS $$ SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint $$;

-- Each write of a row counts its version up and notes time and transaction; no statement can forget to.
CREATE FUNCTION count_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    NEW.changed_in := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END
$$;

-- Makes `table_name` a tenant table: visible and writable only where its clinic is the one set for the transaction, for every
-- role that cannot bypass row-level security, the table's owner included. `privileges` is what the server may do with it.
CREATE PROCEDURE close_tenant_table(table_name regclass, privileges text, clinic_column name DEFAULT 'clinic_id')
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format(
        'CREATE POLICY tenant ON %s USING (%2$I = NULLIF(current_setting(''app.clinic_id'', true), '''')::uuid)',
        table_name, clinic_column);
    EXECUTE format('GRANT %s ON %s TO taskmed_app', privileges, table_name);
    EXECUTE format('GRANT ALL ON %s TO taskmed_maintenance', table_name);
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = table_name AND attname = 'changed_in') THEN
        EXECUTE format(
            'CREATE TRIGGER count_version BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION count_version()', table_name);
    END IF;
END
$$;

-- Lower case without accents, for search. unaccent() itself is only STABLE because its dictionary could be replaced; ours is
-- named, so an index may use it.
CREATE FUNCTION search_form(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, value)) $$;

REVOKE EXECUTE ON PROCEDURE close_tenant_table(regclass, text, name) FROM PUBLIC;
