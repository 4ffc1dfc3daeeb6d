-- How far the mailbox of each e-mail inbox was read, and how the last look at it went. Apart from the inbox itself: it is written
-- each minute, and whoever edits the inbox is not disturbed by it.
CREATE TABLE inbox_polls (
    clinic_id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    -- RFC 3501, 2.3.1.1; both null before the first look.
    uid_validity bigint CHECK (uid_validity BETWEEN 0 AND 4294967295),
    last_uid bigint CHECK (last_uid BETWEEN 0 AND 4294967295),
    last_success_at timestamptz,
    last_error text,
    failing_since timestamptz,
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    next_poll_at timestamptz,
    PRIMARY KEY (clinic_id, inbox_id),
    FOREIGN KEY (clinic_id, inbox_id) REFERENCES inboxes (clinic_id, id),
    CHECK ((uid_validity IS NULL) = (last_uid IS NULL)),
    CHECK ((failures > 0) = (failing_since IS NOT NULL))
);
CALL close_tenant_table('inbox_polls', 'SELECT, INSERT, UPDATE');
