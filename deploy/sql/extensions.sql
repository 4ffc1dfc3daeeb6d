-- What a database of TaskMed needs before its first migration. Run as a superuser in that database, which
-- taskmed_owner owns (CREATE DATABASE taskmed OWNER taskmed_owner), or in a template for such databases.

\set ON_ERROR_STOP on
SET client_min_messages = 'warning';

-- Exclusion constraints over a clinic's id and a span of time.
CREATE EXTENSION IF NOT EXISTS btree_gist;
-- Search for a part of a name, within one clinic.
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
-- Search that finds João when asked for joao.
CREATE EXTENSION IF NOT EXISTS unaccent;

-- Before PostgreSQL 15 anybody may create tables in "public"; only the owner has business there.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO taskmed_owner;
