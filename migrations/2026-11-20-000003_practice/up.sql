-- What a clinic works with: practitioners, rooms, services, and when it is open.

CREATE TABLE practitioners (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    membership_id uuid,
    name text NOT NULL,
    council text NOT NULL,
    council_number text NOT NULL,
    council_state text NOT NULL CHECK (council_state ~ '^[A-Z]{2}$'),
    specialty text,
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, membership_id) REFERENCES memberships (clinic_id, id)
);
CREATE UNIQUE INDEX practitioners_registration_once ON practitioners (clinic_id, council, council_number, council_state)
    WHERE archived_at IS NULL;
CREATE UNIQUE INDEX practitioners_membership_once ON practitioners (clinic_id, membership_id)
    WHERE archived_at IS NULL AND membership_id IS NOT NULL;
CALL close_tenant_table('practitioners', 'SELECT, INSERT, UPDATE');

CREATE TABLE rooms (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    name text NOT NULL,
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id)
);
CREATE UNIQUE INDEX rooms_name_once ON rooms (clinic_id, search_form(name)) WHERE archived_at IS NULL;
CALL close_tenant_table('rooms', 'SELECT, INSERT, UPDATE');

CREATE TABLE services (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    name text NOT NULL,
    duration_minutes integer NOT NULL CHECK (duration_minutes BETWEEN 5 AND 720),
    buffer_before_minutes integer NOT NULL DEFAULT 0 CHECK (buffer_before_minutes BETWEEN 0 AND 240),
    buffer_after_minutes integer NOT NULL DEFAULT 0 CHECK (buffer_after_minutes BETWEEN 0 AND 240),
    slot_step_minutes integer CHECK (slot_step_minutes BETWEEN 5 AND 240),
    price_cents bigint NOT NULL DEFAULT 0 CHECK (price_cents >= 0),
    currency text NOT NULL DEFAULT 'BRL' CHECK (currency ~ '^[A-Z]{3}$'),
    online_bookable boolean NOT NULL DEFAULT false,
    needs_room boolean NOT NULL DEFAULT false,
    follow_up_days integer CHECK (follow_up_days BETWEEN 1 AND 365),
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id)
);
CREATE UNIQUE INDEX services_name_once ON services (clinic_id, search_form(name)) WHERE archived_at IS NULL;
CALL close_tenant_table('services', 'SELECT, INSERT, UPDATE');

-- Who offers a service.
CREATE TABLE practitioner_services (
    clinic_id uuid NOT NULL,
    practitioner_id uuid NOT NULL,
    service_id uuid NOT NULL,
    PRIMARY KEY (clinic_id, service_id, practitioner_id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    FOREIGN KEY (clinic_id, service_id) REFERENCES services (clinic_id, id)
);
CREATE INDEX practitioner_services_by_practitioner ON practitioner_services (clinic_id, practitioner_id);
CALL close_tenant_table('practitioner_services', 'SELECT, INSERT, DELETE');

-- Where a service that needs a room may take place; none listed means any room.
CREATE TABLE service_rooms (
    clinic_id uuid NOT NULL,
    service_id uuid NOT NULL,
    room_id uuid NOT NULL,
    PRIMARY KEY (clinic_id, service_id, room_id),
    FOREIGN KEY (clinic_id, service_id) REFERENCES services (clinic_id, id),
    FOREIGN KEY (clinic_id, room_id) REFERENCES rooms (clinic_id, id)
);
CALL close_tenant_table('service_rooms', 'SELECT, INSERT, DELETE');

-- Weekly hours on the wall clock of the clinic. Without a practitioner: the clinic's, for all who have none of their own.
-- An entry that closes at or before it opens goes on past midnight.
CREATE TABLE opening_hours (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    practitioner_id uuid,
    weekday smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    opens_at time NOT NULL,
    closes_at time NOT NULL,
    valid_from date,
    valid_until date,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    CHECK (valid_until >= valid_from)
);
CREATE INDEX opening_hours_by_practitioner ON opening_hours (clinic_id, practitioner_id, weekday);
CALL close_tenant_table('opening_hours', 'SELECT, INSERT, UPDATE, DELETE');

-- Spans without work: of one practitioner, or of the whole clinic.
CREATE TABLE time_off (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    practitioner_id uuid,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    reason text,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    CHECK (starts_at < ends_at)
);
CREATE INDEX time_off_by_end ON time_off (clinic_id, ends_at, starts_at);
CALL close_tenant_table('time_off', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE holidays (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    date date NOT NULL,
    name text NOT NULL,
    scope text NOT NULL CHECK (scope IN ('national', 'state', 'municipal', 'clinic')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id)
);
CREATE UNIQUE INDEX holidays_date_once ON holidays (clinic_id, date);
CALL close_tenant_table('holidays', 'SELECT, INSERT, UPDATE, DELETE');
