-- Appointments that recur, and calendars that practitioners keep elsewhere, whose events keep them busy here too.

CREATE TABLE appointment_series (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    contact_id uuid NOT NULL,
    practitioner_id uuid NOT NULL,
    room_id uuid,
    service_id uuid,
    -- RRULE (RFC 5545, 3.3.10), on the wall clock of the zone.
    rule text NOT NULL,
    zone text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    notes text,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'cancelled')),
    -- The series of which this one was split off.
    previous_id uuid,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, contact_id) REFERENCES contacts (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    FOREIGN KEY (clinic_id, room_id) REFERENCES rooms (clinic_id, id),
    FOREIGN KEY (clinic_id, service_id) REFERENCES services (clinic_id, id),
    FOREIGN KEY (clinic_id, previous_id) REFERENCES appointment_series (clinic_id, id),
    CHECK (starts_at < ends_at AND ends_at <= starts_at + interval '24 hours')
);
CREATE INDEX appointment_series_by_contact ON appointment_series (clinic_id, contact_id, created_at, id);
CREATE INDEX appointment_series_by_creation ON appointment_series (clinic_id, created_at, id);
CALL close_tenant_table('appointment_series', 'SELECT, INSERT, UPDATE');
CREATE TRIGGER refuse_merged_contact BEFORE INSERT OR UPDATE OF contact_id ON appointment_series
    FOR EACH ROW EXECUTE FUNCTION refuse_merged_contact();

ALTER TABLE appointments
    ADD COLUMN series_id uuid,
    -- When the rule of the series puts it: what calendars call the recurrence id.
    ADD COLUMN occurrence_at timestamptz,
    -- Whether it was changed by itself, so that changes of the series pass it by.
    ADD COLUMN series_exception boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT appointments_series_fkey FOREIGN KEY (clinic_id, series_id) REFERENCES appointment_series (clinic_id, id),
    ADD CONSTRAINT appointments_occurrence CHECK ((series_id IS NULL) = (occurrence_at IS NULL)
        AND (series_id IS NOT NULL OR NOT series_exception));
CREATE INDEX appointments_by_series ON appointments (clinic_id, series_id, starts_at, id) WHERE series_id IS NOT NULL;

-- Calendars that practitioners keep elsewhere. Their address is a secret: whoever has it reads the calendar.
CREATE TABLE external_calendars (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    practitioner_id uuid NOT NULL,
    name text NOT NULL,
    url_sealed bytea NOT NULL,
    url_host text NOT NULL,
    refresh_minutes integer NOT NULL CHECK (refresh_minutes BETWEEN 15 AND 1440),
    -- Counts the fetches begun: a job that knows an older number has nothing to do any more.
    turn bigint NOT NULL DEFAULT 0,
    etag text,
    last_modified text,
    attempted_at timestamptz,
    fetched_at timestamptz,
    -- When events were last turned into blocks, which reach only so far ahead.
    expanded_at timestamptz,
    next_attempt_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    last_error text,
    busy_blocks integer NOT NULL DEFAULT 0,
    skipped_events integer NOT NULL DEFAULT 0,
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id)
);
CREATE INDEX external_calendars_by_creation ON external_calendars (clinic_id, created_at, id);
CREATE INDEX external_calendars_by_practitioner ON external_calendars (clinic_id, practitioner_id);
CALL close_tenant_table('external_calendars', 'SELECT, INSERT, UPDATE');
-- Being fetched is no change of the subscription.
DROP TRIGGER count_version ON external_calendars;
CREATE TRIGGER count_version BEFORE UPDATE OF name, url_sealed, refresh_minutes, archived_at ON external_calendars
    FOR EACH ROW EXECUTE FUNCTION count_version();

-- When those calendars keep their practitioners busy: merged, so that no two of a calendar touch. What the events are about is
-- not kept.
CREATE TABLE external_busy (
    clinic_id uuid NOT NULL,
    calendar_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    practitioner_id uuid NOT NULL,
    PRIMARY KEY (clinic_id, calendar_id, starts_at),
    FOREIGN KEY (clinic_id, calendar_id) REFERENCES external_calendars (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    CHECK (starts_at < ends_at)
);
CREATE INDEX external_busy_by_practitioner ON external_busy (clinic_id, practitioner_id, ends_at);
CALL close_tenant_table('external_busy', 'SELECT, INSERT, DELETE');
