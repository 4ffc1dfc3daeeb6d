-- Webhooks: where integrations want to hear of events, what each was told, and how that went.

CREATE TABLE webhook_endpoints (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    url text NOT NULL CHECK (char_length(url) BETWEEN 1 AND 2048),
    description text CHECK (char_length(description) BETWEEN 1 AND 200),
    -- Kinds of events: '*', 'appointment.*', or 'appointment.booked'.
    events text[] NOT NULL CHECK (cardinality(events) BETWEEN 1 AND 100),
    -- What whoever chose the events could hear of then: no more is ever told.
    permissions text[] NOT NULL,
    status text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled', 'archived')),
    -- 'person': by somebody. 'gone': the address answered 410. 'failing': for days nothing came through.
    disabled_reason text CHECK (disabled_reason IN ('person', 'gone', 'failing')),
    disabled_at timestamptz,
    -- Since when nothing has come through; null while it does.
    failing_since timestamptz,
    -- Sealed with the clinic's key; forgotten when the endpoint is archived.
    secret bytea,
    -- The secret before the last rotation signs as well, for a while.
    previous_secret bytea,
    previous_secret_until timestamptz,
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    CHECK ((status = 'archived') = (archived_at IS NOT NULL)),
    CHECK ((status = 'archived') = (secret IS NULL)),
    CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL)),
    CHECK ((disabled_reason IS NULL) = (disabled_at IS NULL)),
    CHECK ((previous_secret IS NULL) = (previous_secret_until IS NULL)),
    CHECK (previous_secret IS NULL OR secret IS NOT NULL)
);
CREATE INDEX webhook_endpoints_enabled ON webhook_endpoints (clinic_id) WHERE status = 'enabled';
CALL close_tenant_table('webhook_endpoints', 'SELECT, INSERT, UPDATE');

-- A clinic has twenty at most. Two that are made at once are counted one after the other.
CREATE FUNCTION limit_webhook_endpoints() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('webhook_endpoints ' || NEW.clinic_id::text, 0));
    IF (SELECT count(*) FROM webhook_endpoints WHERE clinic_id = NEW.clinic_id AND archived_at IS NULL) >= 20 THEN
        RAISE EXCEPTION 'the clinic has twenty webhook endpoints'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'webhook_endpoints_twenty';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER limit_webhook_endpoints BEFORE INSERT ON webhook_endpoints
    FOR EACH ROW EXECUTE FUNCTION limit_webhook_endpoints();

CREATE TABLE webhook_deliveries (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    -- What is told, kept here: a delivery can be repeated after the event itself is gone from the outbox.
    event_id uuid NOT NULL,
    event_kind text NOT NULL,
    occurred_at timestamptz NOT NULL,
    payload jsonb NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded', 'failed')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- How many attempts there had been when somebody asked for it to be sent again: the pauses grow from there.
    attempts_before integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    -- Until then whoever took it up is at work on it.
    taken_until timestamptz,
    finished_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, endpoint_id) REFERENCES webhook_endpoints (clinic_id, id),
    CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
    CHECK ((status = 'pending') = (finished_at IS NULL))
);
-- However often an event is fanned out, each endpoint is told once.
CREATE UNIQUE INDEX webhook_deliveries_event_once ON webhook_deliveries (clinic_id, endpoint_id, event_id);
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (clinic_id, endpoint_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (clinic_id, endpoint_id, next_attempt_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (clinic_id, created_at);
CALL close_tenant_table('webhook_deliveries', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE webhook_attempts (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    delivery_id uuid NOT NULL,
    attempt integer NOT NULL CHECK (attempt > 0),
    started_at timestamptz NOT NULL,
    duration_milliseconds integer NOT NULL CHECK (duration_milliseconds >= 0),
    http_status smallint,
    error text CHECK (error IN ('address_not_allowed', 'name_not_resolved', 'connection_failed', 'timeout', 'redirected',
        'http_status')),
    -- The beginning of what was answered.
    response text,
    PRIMARY KEY (clinic_id, delivery_id, attempt),
    FOREIGN KEY (clinic_id, delivery_id) REFERENCES webhook_deliveries (clinic_id, id) ON DELETE CASCADE
);
CALL close_tenant_table('webhook_attempts', 'SELECT, INSERT');
