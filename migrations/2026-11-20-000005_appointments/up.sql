-- The agenda: appointments, their history, holds, and the one table that decides who is free.

CREATE TABLE appointments (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    contact_id uuid NOT NULL,
    practitioner_id uuid NOT NULL,
    room_id uuid,
    service_id uuid,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'scheduled' CHECK (status IN
        ('scheduled', 'confirmed', 'checked_in', 'in_progress', 'completed', 'cancelled', 'no_show')),
    overbooked boolean NOT NULL DEFAULT false,
    notes text,
    cancelled_by text CHECK (cancelled_by IN ('patient', 'clinic', 'practitioner')),
    cancellation_reason text,
    follow_up_of_id uuid,
    price_cents bigint CHECK (price_cents >= 0),
    price_currency text CHECK (price_currency ~ '^[A-Z]{3}$'),
    source text NOT NULL DEFAULT 'staff',
    sequence integer NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, contact_id) REFERENCES contacts (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    FOREIGN KEY (clinic_id, room_id) REFERENCES rooms (clinic_id, id),
    FOREIGN KEY (clinic_id, service_id) REFERENCES services (clinic_id, id),
    FOREIGN KEY (clinic_id, follow_up_of_id) REFERENCES appointments (clinic_id, id),
    CHECK (starts_at < ends_at AND ends_at <= starts_at + interval '24 hours'),
    CHECK ((status = 'cancelled') = (cancelled_by IS NOT NULL)),
    CHECK ((price_cents IS NULL) = (price_currency IS NULL))
);
CREATE INDEX appointments_by_practitioner ON appointments (clinic_id, practitioner_id, starts_at, id);
CREATE INDEX appointments_by_day ON appointments (clinic_id, starts_at, id);
CREATE INDEX appointments_by_contact ON appointments (clinic_id, contact_id, starts_at DESC, id DESC);
CREATE INDEX appointments_by_room ON appointments (clinic_id, room_id, starts_at) WHERE room_id IS NOT NULL;
CREATE INDEX appointments_upcoming ON appointments (clinic_id, practitioner_id, starts_at)
    WHERE status IN ('scheduled', 'confirmed');
CREATE INDEX appointments_upcoming_by_day ON appointments (clinic_id, starts_at) WHERE status IN ('scheduled', 'confirmed');
CREATE INDEX appointments_by_change ON appointments (clinic_id, updated_at, id);
CREATE INDEX appointments_by_service ON appointments (clinic_id, service_id) WHERE service_id IS NOT NULL;
CREATE INDEX appointments_follow_ups ON appointments (clinic_id, follow_up_of_id) WHERE follow_up_of_id IS NOT NULL;
CALL close_tenant_table('appointments', 'SELECT, INSERT, UPDATE');

-- Who is merged into another contact meanwhile is not booked: a booking that looked before the merge committed waits for it
-- here, by the lock that its foreign key would take anyway, and is then told to begin again.
CREATE FUNCTION refuse_merged_contact() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF (SELECT merged_into_id FROM contacts WHERE clinic_id = NEW.clinic_id AND id = NEW.contact_id FOR KEY SHARE) IS NOT NULL THEN
        RAISE EXCEPTION 'the contact was merged into another' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER refuse_merged_contact BEFORE INSERT OR UPDATE OF contact_id ON appointments
    FOR EACH ROW EXECUTE FUNCTION refuse_merged_contact();
CREATE TRIGGER refuse_merged_contact BEFORE INSERT ON contact_consents
    FOR EACH ROW EXECUTE FUNCTION refuse_merged_contact();

-- Whoever is put away meanwhile is not booked either, in the same way: archiving locks the row and counts what is booked. What
-- an appointment had already it keeps, but for a practitioner or room that it would take again.
CREATE FUNCTION refuse_archived_practice() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    is_new boolean := TG_OP = 'INSERT';
    takes_time boolean := is_new
        OR (OLD.status IN ('cancelled', 'no_show') AND NEW.status NOT IN ('cancelled', 'no_show'));
BEGIN
    IF takes_time OR NEW.practitioner_id <> OLD.practitioner_id THEN
        PERFORM refuse_archived(archived_at) FROM practitioners
            WHERE clinic_id = NEW.clinic_id AND id = NEW.practitioner_id FOR KEY SHARE;
    END IF;
    IF NEW.room_id IS NOT NULL AND (takes_time OR NEW.room_id IS DISTINCT FROM OLD.room_id) THEN
        PERFORM refuse_archived(archived_at) FROM rooms
            WHERE clinic_id = NEW.clinic_id AND id = NEW.room_id FOR KEY SHARE;
    END IF;
    IF NEW.service_id IS NOT NULL AND (is_new OR NEW.service_id IS DISTINCT FROM OLD.service_id) THEN
        PERFORM refuse_archived(archived_at) FROM services
            WHERE clinic_id = NEW.clinic_id AND id = NEW.service_id FOR KEY SHARE;
    END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION refuse_archived(archived_at timestamptz) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF archived_at IS NOT NULL THEN
        RAISE EXCEPTION 'the practitioner, the room or the service was archived' USING ERRCODE = 'serialization_failure';
    END IF;
END
$$;
CREATE TRIGGER refuse_archived_practice BEFORE INSERT OR UPDATE OF practitioner_id, room_id, service_id, status ON appointments
    FOR EACH ROW EXECUTE FUNCTION refuse_archived_practice();

-- Every move of an appointment between statuses and times, in the order of the versions that they made.
CREATE TABLE appointment_moves (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    appointment_id uuid NOT NULL,
    appointment_version bigint NOT NULL,
    action text NOT NULL,
    from_status text,
    to_status text NOT NULL,
    from_starts_at timestamptz,
    to_starts_at timestamptz NOT NULL,
    reason text,
    actor_kind text NOT NULL,
    actor_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, appointment_id) REFERENCES appointments (clinic_id, id)
);
CREATE UNIQUE INDEX appointment_moves_by_appointment ON appointment_moves (clinic_id, appointment_id, appointment_version);
CALL close_tenant_table('appointment_moves', 'SELECT, INSERT');

-- A slot reserved for some minutes while a booking is finished.
CREATE TABLE holds (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    practitioner_id uuid NOT NULL,
    room_id uuid,
    service_id uuid,
    contact_id uuid,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    FOREIGN KEY (clinic_id, room_id) REFERENCES rooms (clinic_id, id),
    FOREIGN KEY (clinic_id, service_id) REFERENCES services (clinic_id, id),
    FOREIGN KEY (clinic_id, contact_id) REFERENCES contacts (clinic_id, id),
    CHECK (starts_at < ends_at AND ends_at <= starts_at + interval '24 hours')
);
CREATE INDEX holds_by_expiry ON holds (clinic_id, expires_at);
CALL close_tenant_table('holds', 'SELECT, INSERT, UPDATE, DELETE');
CREATE TRIGGER refuse_merged_contact BEFORE INSERT OR UPDATE OF contact_id ON holds
    FOR EACH ROW WHEN (NEW.contact_id IS NOT NULL) EXECUTE FUNCTION refuse_merged_contact();

-- Who and what is taken when, buffers included: a row for each live appointment and each hold, none for what is cancelled.
-- Both kinds stand under the same two constraints, so that nothing can be booked twice. Overbooked time is busy for those
-- who look for a slot, but takes it from nobody (`exclusive` false).
CREATE TABLE occupancies (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    appointment_id uuid,
    hold_id uuid,
    practitioner_id uuid NOT NULL,
    room_id uuid,
    busy_from timestamptz NOT NULL,
    busy_until timestamptz NOT NULL,
    exclusive boolean NOT NULL DEFAULT true,
    expires_at timestamptz,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, appointment_id) REFERENCES appointments (clinic_id, id),
    FOREIGN KEY (clinic_id, hold_id) REFERENCES holds (clinic_id, id) ON DELETE CASCADE,
    CHECK (busy_from < busy_until),
    CHECK (num_nonnulls(appointment_id, hold_id) = 1),
    CHECK ((hold_id IS NULL) = (expires_at IS NULL)),
    CONSTRAINT occupancies_practitioner_free EXCLUDE USING gist
        (clinic_id WITH =, practitioner_id WITH =, tstzrange(busy_from, busy_until) WITH &&) WHERE (exclusive),
    CONSTRAINT occupancies_room_free EXCLUDE USING gist
        (clinic_id WITH =, room_id WITH =, tstzrange(busy_from, busy_until) WITH &&) WHERE (exclusive AND room_id IS NOT NULL)
);
CREATE UNIQUE INDEX occupancies_appointment_once ON occupancies (clinic_id, appointment_id) WHERE appointment_id IS NOT NULL;
CREATE UNIQUE INDEX occupancies_hold_once ON occupancies (clinic_id, hold_id) WHERE hold_id IS NOT NULL;
CREATE INDEX occupancies_by_practitioner ON occupancies (clinic_id, practitioner_id, busy_from);
CREATE INDEX occupancies_by_room ON occupancies (clinic_id, room_id, busy_from) WHERE room_id IS NOT NULL;
CALL close_tenant_table('occupancies', 'SELECT, INSERT, UPDATE, DELETE');

-- Secret, revocable addresses under which a calendar program reads an agenda (RFC 5545).
CREATE TABLE calendar_feeds (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    name text NOT NULL,
    practitioner_id uuid,
    room_id uuid,
    show_contact_names boolean NOT NULL DEFAULT false,
    secret_hash bytea NOT NULL,
    created_by uuid,
    last_read_at timestamptz,
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    FOREIGN KEY (clinic_id, room_id) REFERENCES rooms (clinic_id, id),
    CHECK (num_nonnulls(practitioner_id, room_id) <= 1)
);
CREATE UNIQUE INDEX calendar_feeds_by_secret ON calendar_feeds (clinic_id, secret_hash);
CALL close_tenant_table('calendar_feeds', 'SELECT, INSERT, UPDATE');
-- Being read is no change of the feed.
DROP TRIGGER count_version ON calendar_feeds;
CREATE TRIGGER count_version BEFORE UPDATE OF name, show_contact_names, archived_at ON calendar_feeds
    FOR EACH ROW EXECUTE FUNCTION count_version();
