DROP TRIGGER refuse_merged_guardian ON contacts;
DROP FUNCTION refuse_merged_guardian();
ALTER TABLE contact_merges DROP COLUMN position, DROP COLUMN undone_at, DROP COLUMN undone_by, DROP COLUMN kept;
