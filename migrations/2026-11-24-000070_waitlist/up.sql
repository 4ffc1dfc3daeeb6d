-- Who waits for an appointment, what is offered to them when time becomes free, and the reminders before appointments.

-- When and how the clinic writes to patients by itself; a clinic without a row keeps to the defaults.
CREATE TABLE outreach_settings (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    offer_minutes integer NOT NULL DEFAULT 30 CHECK (offer_minutes BETWEEN 5 AND 1440),
    offer_lead_minutes integer NOT NULL DEFAULT 120 CHECK (offer_lead_minutes BETWEEN 0 AND 10080),
    awake_from time NOT NULL DEFAULT '08:00',
    awake_until time NOT NULL DEFAULT '21:00',
    reply_hours integer NOT NULL DEFAULT 48 CHECK (reply_hours BETWEEN 1 AND 336),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id),
    CONSTRAINT outreach_settings_awake CHECK (awake_from < awake_until)
);
CALL close_tenant_table('outreach_settings', 'SELECT, INSERT, UPDATE');

-- Somebody who would come when time becomes free. `windows` is read with its entry and never searched: a list of spans of dates,
-- days of the week and times of day on the clinic's wall clock; an empty one means any time.
CREATE TABLE waitlist_entries (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    contact_id uuid NOT NULL,
    service_id uuid NOT NULL,
    practitioner_id uuid,
    windows jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(windows) = 'array'),
    -- The last date of all windows, when every window has one: the entry expires after it.
    last_date date,
    -- 1 comes first.
    priority smallint NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5),
    notes text,
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'offered', 'booked', 'expired', 'cancelled')),
    appointment_id uuid,
    waiting_since timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, contact_id) REFERENCES contacts (clinic_id, id),
    FOREIGN KEY (clinic_id, service_id) REFERENCES services (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    FOREIGN KEY (clinic_id, appointment_id) REFERENCES appointments (clinic_id, id),
    CHECK ((status = 'booked') = (appointment_id IS NOT NULL))
);
CREATE INDEX waitlist_entries_in_order ON waitlist_entries (clinic_id, priority, waiting_since, id);
CREATE INDEX waitlist_entries_waiting ON waitlist_entries (clinic_id, priority, waiting_since, id)
    WHERE status IN ('waiting', 'offered');
CREATE INDEX waitlist_entries_by_contact ON waitlist_entries (clinic_id, contact_id);
CREATE INDEX waitlist_entries_by_service ON waitlist_entries (clinic_id, service_id);
CREATE INDEX waitlist_entries_by_practitioner ON waitlist_entries (clinic_id, practitioner_id) WHERE practitioner_id IS NOT NULL;
CREATE INDEX waitlist_entries_by_appointment ON waitlist_entries (clinic_id, appointment_id) WHERE appointment_id IS NOT NULL;
CALL close_tenant_table('waitlist_entries', 'SELECT, INSERT, UPDATE');
CREATE TRIGGER refuse_merged_contact BEFORE INSERT OR UPDATE OF contact_id ON waitlist_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_merged_contact();

-- Free time that is offered to somebody who waits, kept for them by a hold until they answer or the offer lapses. The hold is
-- named without a foreign key: it is gone when it lapsed or became an appointment, and the offer stays.
CREATE TABLE waitlist_offers (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    entry_id uuid NOT NULL,
    hold_id uuid NOT NULL,
    service_id uuid NOT NULL,
    practitioner_id uuid NOT NULL,
    room_id uuid,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'offered' CHECK (status IN ('offered', 'accepted', 'declined', 'lapsed', 'withdrawn')),
    appointment_id uuid,
    offered_at timestamptz NOT NULL,
    closed_at timestamptz,
    sent_at timestamptz,
    -- The message that carried it, which belongs to another domain and a partitioned table.
    message_id uuid,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, entry_id) REFERENCES waitlist_entries (clinic_id, id),
    FOREIGN KEY (clinic_id, service_id) REFERENCES services (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    FOREIGN KEY (clinic_id, room_id) REFERENCES rooms (clinic_id, id),
    FOREIGN KEY (clinic_id, appointment_id) REFERENCES appointments (clinic_id, id),
    CHECK (starts_at < ends_at AND expires_at <= starts_at),
    CHECK ((status = 'offered') = (closed_at IS NULL)),
    CHECK (status = 'accepted' OR appointment_id IS NULL),
    -- One practitioner's time is offered to one at a time, whatever becomes of the hold.
    CONSTRAINT waitlist_offers_time_once EXCLUDE USING gist
        (clinic_id WITH =, practitioner_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (status = 'offered')
);
CREATE UNIQUE INDEX waitlist_offers_one_open ON waitlist_offers (clinic_id, entry_id) WHERE status = 'offered';
CREATE UNIQUE INDEX waitlist_offers_hold_once ON waitlist_offers (clinic_id, hold_id);
CREATE INDEX waitlist_offers_by_entry ON waitlist_offers (clinic_id, entry_id, offered_at, id);
CREATE INDEX waitlist_offers_by_appointment ON waitlist_offers (clinic_id, appointment_id) WHERE appointment_id IS NOT NULL;
CALL close_tenant_table('waitlist_offers', 'SELECT, INSERT, UPDATE');

-- When the whole waiting list of a clinic is next looked through; the one row keeps the chain of these jobs a single one.
CREATE TABLE waitlist_sweeps (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    next_at timestamptz,
    PRIMARY KEY (clinic_id)
);
CALL close_tenant_table('waitlist_sweeps', 'SELECT, INSERT, UPDATE');

-- How long before an appointment its patient is reminded, for all services or for one. A service with rules of its own keeps to
-- these alone.
CREATE TABLE reminder_rules (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    service_id uuid,
    lead_minutes integer NOT NULL CHECK (lead_minutes BETWEEN 15 AND 43200),
    channel text NOT NULL DEFAULT 'preferred' CHECK (channel IN ('preferred', 'whatsapp', 'email', 'sms')),
    enabled boolean NOT NULL DEFAULT true,
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, service_id) REFERENCES services (clinic_id, id)
);
CREATE UNIQUE INDEX reminder_rules_lead_once ON reminder_rules (clinic_id, service_id, lead_minutes) NULLS NOT DISTINCT
    WHERE archived_at IS NULL;

-- Every clinic begins with a day and two hours before, which it may change: written down, so that nothing is hidden in code.
CREATE FUNCTION first_reminder_rules() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO reminder_rules (clinic_id, id, lead_minutes)
        SELECT NEW.id, gen_random_uuid(), lead FROM unnest(ARRAY[1440, 120]) AS lead;
    RETURN NULL;
END
$$;
CREATE TRIGGER first_reminder_rules AFTER INSERT ON clinics FOR EACH ROW EXECUTE FUNCTION first_reminder_rules();
ALTER TABLE clinics NO FORCE ROW LEVEL SECURITY;
INSERT INTO reminder_rules (clinic_id, id, lead_minutes)
    SELECT clinics.id, gen_random_uuid(), lead FROM clinics, unnest(ARRAY[1440, 120]) AS lead;
ALTER TABLE clinics FORCE ROW LEVEL SECURITY;
CALL close_tenant_table('reminder_rules', 'SELECT, INSERT, UPDATE');

-- A reminder of an appointment at one time and one lead: there is never a second, whatever is tried again. Where the appointment
-- moves, those of the time before are cancelled.
CREATE TABLE appointment_reminders (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    appointment_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    lead_minutes integer NOT NULL CHECK (lead_minutes > 0),
    channel text NOT NULL CHECK (channel IN ('preferred', 'whatsapp', 'email', 'sms')),
    due_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('planned', 'due', 'sent', 'skipped', 'failed', 'answered', 'cancelled')),
    reason text CHECK (reason IN ('too_late', 'same_time', 'no_channel', 'not_delivered')),
    answer text CHECK (answer IN ('confirm', 'cancel', 'reschedule')),
    sent_at timestamptz,
    answered_at timestamptz,
    message_id uuid,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, appointment_id) REFERENCES appointments (clinic_id, id),
    CHECK ((status = 'answered') = (answer IS NOT NULL AND answered_at IS NOT NULL)),
    CHECK (status <> 'sent' OR sent_at IS NOT NULL)
);
CREATE UNIQUE INDEX appointment_reminders_once ON appointment_reminders (clinic_id, appointment_id, starts_at, lead_minutes);
CREATE INDEX appointment_reminders_sent ON appointment_reminders (clinic_id, appointment_id, sent_at) WHERE status = 'sent';
CALL close_tenant_table('appointment_reminders', 'SELECT, INSERT, UPDATE');
