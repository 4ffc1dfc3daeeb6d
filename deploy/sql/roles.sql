-- The four database roles of TaskMed. Run as a superuser, as often as you like:
--
--   psql -X -v ON_ERROR_STOP=1 -d postgres -f deploy/sql/roles.sql
--
-- Passwords come from psql variables (owner_password, app_password, worker_password, maintenance_password). Set them
-- with \set in a file that is fed to psql before this one, not with -v, which other users of the machine can read in
-- the list of processes. A role whose variable is not set keeps the password it has.

\set ON_ERROR_STOP on
-- A password must not reach the server's log, neither as a statement nor with an error.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['taskmed_owner', 'taskmed_app', 'taskmed_worker', 'taskmed_maintenance']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

-- Owns every table and runs the migrations; the server never signs in as it.
ALTER ROLE taskmed_owner LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS;
-- The server. Owns nothing, so row-level security always holds for it.
ALTER ROLE taskmed_app LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS;
-- Claims jobs and outbox rows of all clinics, by explicit policies on those tables only.
ALTER ROLE taskmed_worker LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS;
-- Bulk loads, backups and backfills, which row-level security would stop; the server never signs in as it.
ALTER ROLE taskmed_maintenance LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION BYPASSRLS;
-- A backup reads partitions too, on which nobody has a grant of their own.
GRANT pg_read_all_data TO taskmed_maintenance;

\if :{?owner_password}
ALTER ROLE taskmed_owner PASSWORD :'owner_password';
\endif
\if :{?app_password}
ALTER ROLE taskmed_app PASSWORD :'app_password';
\endif
\if :{?worker_password}
ALTER ROLE taskmed_worker PASSWORD :'worker_password';
\endif
\if :{?maintenance_password}
ALTER ROLE taskmed_maintenance PASSWORD :'maintenance_password';
\endif
