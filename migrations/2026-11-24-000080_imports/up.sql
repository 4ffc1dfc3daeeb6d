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

-- A file that is imported. One of a clinic is at work at a time; the others wait in their turn.
CREATE TABLE imports (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('contacts', 'appointments')),
    filename text NOT NULL,
    bytes bigint NOT NULL CHECK (bytes >= 0),
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    -- Whether it was brought in although a file with the same content had been.
    again boolean NOT NULL,
    encoding text NOT NULL,
    delimiter text NOT NULL,
    headings text[] NOT NULL,
    -- The first rows, masked.
    sample jsonb NOT NULL,
    settings jsonb NOT NULL,
    status text NOT NULL CHECK (status IN
        ('analysed', 'queued', 'running', 'paused', 'rehearsed', 'completed', 'cancelled', 'failed', 'undone')),
    -- What it is at, or was at last.
    work text CHECK (work IN ('rehearsal', 'import', 'undo')),
    fault text,
    rows_total bigint NOT NULL CHECK (rows_total >= 0),
    -- How far the work has come: written in the transaction of what the rows did.
    rows_done bigint NOT NULL DEFAULT 0 CHECK (rows_done BETWEEN 0 AND rows_total),
    created bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    removed bigint NOT NULL DEFAULT 0,
    stayed bigint NOT NULL DEFAULT 0,
    created_by uuid,
    queued_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    file_removed_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    CHECK (work IS NOT NULL OR status IN ('analysed', 'cancelled'))
);
CREATE UNIQUE INDEX imports_one_at_work ON imports (clinic_id) WHERE status = 'running';
CREATE INDEX imports_waiting ON imports (clinic_id, queued_at, id) WHERE status = 'queued';
CREATE INDEX imports_by_content ON imports (clinic_id, sha256);
CALL close_tenant_table('imports', 'SELECT, INSERT, UPDATE');

-- What became of each row of a file: once for each line, in the transaction of what the line did. The ids tell what was made then,
-- and are no references: whoever is merged or removed later is told apart by their own row when the import is undone.
CREATE TABLE import_rows (
    clinic_id uuid NOT NULL,
    import_id uuid NOT NULL,
    line bigint NOT NULL CHECK (line > 0),
    outcome text NOT NULL CHECK (outcome IN ('created', 'skipped', 'failed')),
    made_id uuid,
    made_person_id uuid,
    same_as_id uuid,
    reason text,
    notes text[] NOT NULL,
    faults jsonb NOT NULL,
    taken_back text CHECK (taken_back IN ('removed', 'changed', 'in_use', 'gone')),
    person_taken_back text CHECK (person_taken_back IN ('removed', 'changed', 'in_use', 'gone')),
    PRIMARY KEY (clinic_id, import_id, line),
    FOREIGN KEY (clinic_id, import_id) REFERENCES imports (clinic_id, id)
);
CREATE INDEX import_rows_by_outcome ON import_rows (clinic_id, import_id, outcome, line);
CREATE INDEX import_rows_to_take_back ON import_rows (clinic_id, import_id, line)
    WHERE made_id IS NOT NULL AND taken_back IS NULL;
CALL close_tenant_table('import_rows', 'SELECT, INSERT, UPDATE, DELETE');

-- Undoing an import takes appointments out again, and the database lets no other be: only what came in by an import, and what
-- nobody has written since.
GRANT DELETE ON appointments, appointment_moves TO taskmed_app;
CREATE POLICY only_untouched_imports ON appointments AS RESTRICTIVE FOR DELETE TO taskmed_app
    USING (source = 'import' AND version = 1);
CREATE POLICY only_untouched_imports ON appointment_moves AS RESTRICTIVE FOR DELETE TO taskmed_app
    USING (appointment_version = 1 AND EXISTS (
        SELECT FROM appointments a
        WHERE a.clinic_id = appointment_moves.clinic_id AND a.id = appointment_moves.appointment_id
          AND a.source = 'import' AND a.version = 1));
