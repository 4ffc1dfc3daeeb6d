DROP POLICY only_untouched_imports ON appointment_moves;
DROP POLICY only_untouched_imports ON appointments;
REVOKE DELETE ON appointments, appointment_moves FROM taskmed_app;
DROP TABLE import_rows;
DROP TABLE imports;
DROP TRIGGER refuse_merged_guardian ON contacts;
DROP FUNCTION refuse_merged_guardian();
ALTER TABLE contact_merges DROP COLUMN position, DROP COLUMN undone_at, DROP COLUMN undone_by, DROP COLUMN kept;
