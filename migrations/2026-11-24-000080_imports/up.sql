-- Merges can be undone, and files are imported over the API.

-- The order of merges: a merge holds the locks of both contacts when it takes its number, so of two that share a contact the later
-- one has the higher number, which its time would not promise.
ALTER TABLE contact_merges
    ADD COLUMN position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN undone_at timestamptz,
    ADD COLUMN undone_by uuid,
    -- The fields of the survivor that were not put back, since they had been changed.
    ADD COLUMN kept text[] NOT NULL DEFAULT '{}';
GRANT UPDATE (undone_at, undone_by, kept) ON contact_merges TO taskmed_app;

-- Nobody who was merged becomes a guardian: a choice that looked before the merge committed waits for it here, by the lock that its
-- foreign key would take anyway, and is then refused.
CREATE FUNCTION refuse_merged_guardian() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF (SELECT merged_into_id FROM contacts WHERE clinic_id = NEW.clinic_id AND id = NEW.guardian_id FOR KEY SHARE) IS NOT NULL THEN
        RAISE EXCEPTION 'the guardian was merged into another contact'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'contacts_guardian_not_merged', TABLE = 'contacts';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER refuse_merged_guardian BEFORE INSERT OR UPDATE OF guardian_id ON contacts
    FOR EACH ROW WHEN (NEW.guardian_id IS NOT NULL) EXECUTE FUNCTION refuse_merged_guardian();
