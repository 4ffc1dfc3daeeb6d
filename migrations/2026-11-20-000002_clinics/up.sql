-- Tenants, the people who sign in, and their places in clinics.

CREATE TABLE clinics (
    id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    legal_name text NOT NULL,
    trade_name text NOT NULL,
    cnpj text CHECK (cnpj ~ '^[0-9A-Z]{12}[0-9]{2}$'),
    zone text NOT NULL,
    locale text NOT NULL DEFAULT 'pt-BR',
    currency text NOT NULL DEFAULT 'BRL' CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    email text,
    phone text,
    address jsonb NOT NULL DEFAULT '{}',
    slot_step_minutes integer NOT NULL DEFAULT 15 CHECK (slot_step_minutes BETWEEN 5 AND 240),
    hold_minutes integer NOT NULL DEFAULT 10 CHECK (hold_minutes BETWEEN 1 AND 60),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction()
);
CALL close_tenant_table('clinics', 'SELECT, UPDATE, INSERT', 'id');

-- A clinic's data keys, each wrapped by a master key of the server; the newest seals, all open.
CREATE TABLE clinic_keys (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    master_key_id text NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, id)
);
CALL close_tenant_table('clinic_keys', 'SELECT, INSERT, UPDATE');

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL,
    password_hash text,
    totp_sealed bytea,
    totp_confirmed_at timestamptz,
    totp_last_step bigint,
    failed_sign_ins integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction()
);

CREATE TABLE memberships (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id),
    roles text[] NOT NULL CHECK (
        cardinality(roles) > 0
        AND roles <@ ARRAY['owner', 'admin', 'practitioner', 'receptionist', 'billing', 'auditor']
    ),
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id)
);
CREATE UNIQUE INDEX memberships_user_once ON memberships (clinic_id, user_id) WHERE archived_at IS NULL;
CREATE INDEX memberships_by_user ON memberships (user_id) WHERE archived_at IS NULL;
CALL close_tenant_table('memberships', 'SELECT, INSERT, UPDATE');

-- Before a clinic is known, a person sees their own places and the clinics of these: `app.user_id` is set by the sign-in alone.
CREATE POLICY own_memberships ON memberships FOR SELECT
    USING (user_id = NULLIF(current_setting('app.user_id', true), '')::uuid);
CREATE POLICY own_clinics ON clinics FOR SELECT
    USING (id IN (SELECT m.clinic_id FROM memberships m
                  WHERE m.user_id = NULLIF(current_setting('app.user_id', true), '')::uuid AND m.archived_at IS NULL));
-- The command line names a clinic by its slug; `app.clinic_slug` is set by it alone.
CREATE POLICY named_clinic ON clinics FOR SELECT
    USING (slug = NULLIF(current_setting('app.clinic_slug', true), ''));

-- Users belong to no clinic. One is seen by colleagues, by themselves, and by the sign-in that names the e-mail.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY self ON users
    USING (id = NULLIF(current_setting('app.user_id', true), '')::uuid
           OR email = NULLIF(current_setting('app.user_email', true), ''));
CREATE POLICY colleagues ON users FOR SELECT
    USING (EXISTS (SELECT FROM memberships m
                   WHERE m.user_id = users.id
                     AND m.clinic_id = NULLIF(current_setting('app.clinic_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE ON users TO taskmed_app;
GRANT ALL ON users TO taskmed_maintenance;
CREATE TRIGGER count_version BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION count_version();

-- A clinic never loses its last owner, whoever races: the clinic's row is locked, then owners are counted at commit.
CREATE FUNCTION keep_an_owner() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF 'owner' = ANY (OLD.roles) AND OLD.archived_at IS NULL THEN
        PERFORM 1 FROM clinics WHERE id = OLD.clinic_id FOR NO KEY UPDATE;
        IF NOT EXISTS (SELECT FROM memberships
                       WHERE clinic_id = OLD.clinic_id AND 'owner' = ANY (roles) AND archived_at IS NULL) THEN
            RAISE EXCEPTION 'a clinic keeps at least one owner'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'memberships_last_owner';
        END IF;
    END IF;
    RETURN NULL;
END
$$;
GRANT EXECUTE ON FUNCTION keep_an_owner() TO taskmed_app, taskmed_maintenance;
CREATE CONSTRAINT TRIGGER memberships_last_owner AFTER UPDATE OR DELETE ON memberships
    FOR EACH ROW EXECUTE FUNCTION keep_an_owner();

-- One-time codes for when the second factor is lost, hashed.
CREATE TABLE user_recovery_codes (
    user_id uuid NOT NULL REFERENCES users (id),
    code_hash bytea NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (user_id, code_hash)
);
-- Links that set a new password, hashed, each good once.
CREATE TABLE password_resets (
    user_id uuid NOT NULL REFERENCES users (id),
    secret_hash bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (user_id, secret_hash)
);
DO $$
DECLARE
    own text;
BEGIN
    FOREACH own IN ARRAY ARRAY['user_recovery_codes', 'password_resets'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', own);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', own);
        EXECUTE format('CREATE POLICY self ON %I USING (user_id = NULLIF(current_setting(''app.user_id'', true), '''')::uuid)', own);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO taskmed_app', own);
        EXECUTE format('GRANT ALL ON %I TO taskmed_maintenance', own);
    END LOOP;
END
$$;

CREATE TABLE sessions (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id),
    membership_id uuid NOT NULL,
    user_agent text,
    address text,
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_reason text CHECK (ended_reason IN ('signed_out', 'revoked', 'reuse_detected', 'password_changed', 'membership_removed')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, membership_id) REFERENCES memberships (clinic_id, id),
    CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
);
CREATE INDEX sessions_open_by_user ON sessions (clinic_id, user_id) WHERE ended_at IS NULL;
-- Whoever changes their password ends their sign-ins in every clinic.
CREATE INDEX sessions_open_everywhere ON sessions (user_id) WHERE ended_at IS NULL;
CALL close_tenant_table('sessions', 'SELECT, INSERT, UPDATE');
CREATE POLICY own_sessions ON sessions
    USING (user_id = NULLIF(current_setting('app.user_id', true), '')::uuid);

-- Every refresh token of a session: one that comes a second time ends the whole family (RFC 9700, 4.14.2).
CREATE TABLE refresh_tokens (
    clinic_id uuid NOT NULL,
    secret_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz,
    PRIMARY KEY (clinic_id, secret_hash),
    FOREIGN KEY (clinic_id, session_id) REFERENCES sessions (clinic_id, id)
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (clinic_id, session_id);
CALL close_tenant_table('refresh_tokens', 'SELECT, INSERT, UPDATE');

CREATE TABLE api_keys (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    secret_hint text NOT NULL,
    permissions text[] NOT NULL CHECK (cardinality(permissions) > 0),
    created_by uuid NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, created_by) REFERENCES memberships (clinic_id, id)
);
CREATE UNIQUE INDEX api_keys_by_secret ON api_keys (clinic_id, secret_hash);
CALL close_tenant_table('api_keys', 'SELECT, INSERT, UPDATE');
-- Being used is no change of the key.
DROP TRIGGER count_version ON api_keys;
CREATE TRIGGER count_version BEFORE UPDATE OF name, permissions, expires_at, archived_at ON api_keys
    FOR EACH ROW EXECUTE FUNCTION count_version();

CREATE TABLE invitations (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    email text NOT NULL CHECK (email = lower(email)),
    name text NOT NULL,
    roles text[] NOT NULL CHECK (
        cardinality(roles) > 0
        AND roles <@ ARRAY['owner', 'admin', 'practitioner', 'receptionist', 'billing', 'auditor']
    ),
    secret_hash bytea NOT NULL,
    invited_by uuid,
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, invited_by) REFERENCES memberships (clinic_id, id)
);
CREATE UNIQUE INDEX invitations_by_secret ON invitations (clinic_id, secret_hash);
CREATE UNIQUE INDEX invitations_open_once ON invitations (clinic_id, email) WHERE accepted_at IS NULL AND archived_at IS NULL;
CALL close_tenant_table('invitations', 'SELECT, INSERT, UPDATE');
