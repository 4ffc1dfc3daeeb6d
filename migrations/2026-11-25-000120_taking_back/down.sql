DROP TRIGGER note_transaction ON contact_merges;
DROP FUNCTION note_transaction();
ALTER TABLE contact_merges DROP COLUMN changed_in;
DROP POLICY only_unsent_of_untouched_imports ON appointment_reminders;
REVOKE DELETE ON appointment_reminders FROM taskmed_app;
