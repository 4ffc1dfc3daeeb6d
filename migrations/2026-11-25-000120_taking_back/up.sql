-- Undoing an import takes an appointment out with the reminders that were planned for it: those of which nothing has gone out.
-- Whatever was sent, or is about to be, keeps its appointment.
GRANT DELETE ON appointment_reminders TO taskmed_app;
CREATE POLICY only_unsent_of_untouched_imports ON appointment_reminders AS RESTRICTIVE FOR DELETE TO taskmed_app
    USING (status IN ('planned', 'skipped', 'cancelled') AND sent_at IS NULL AND message_id IS NULL AND EXISTS (
        SELECT FROM appointments a
        WHERE a.clinic_id = appointment_reminders.clinic_id AND a.id = appointment_reminders.appointment_id
          AND a.source = 'import' AND a.version = 1));

-- Which transaction wrote a merge last, so that whoever reads what has changed since misses none that commits late. A merge has no
-- version to count.
ALTER TABLE contact_merges ADD COLUMN changed_in bigint NOT NULL DEFAULT current_transaction();
CREATE FUNCTION note_transaction() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.changed_in := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END
$$;
CREATE TRIGGER note_transaction BEFORE UPDATE ON contact_merges FOR EACH ROW EXECUTE FUNCTION note_transaction();
