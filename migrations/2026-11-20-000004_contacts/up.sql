-- People: patients and leads.
--
-- What is searched by its beginning has the collation "C": so one index serves order, equality and beginning, by comparisons
-- that PostgreSQL lets pass before row-level security (they are leakproof; LIKE is not).

CREATE TABLE contacts (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('patient', 'lead')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'archived')),
    name text NOT NULL,
    social_name text,
    birth_date date CHECK (birth_date >= '1880-01-01'),
    sex text CHECK (sex IN ('female', 'male', 'intersex', 'unknown')),
    cpf text COLLATE "C" CHECK (cpf ~ '^[0-9]{11}$'),
    cns text CHECK (cns ~ '^[0-9]{15}$'),
    email text COLLATE "C" CHECK (email = lower(email)),
    address jsonb,
    tags text[] NOT NULL DEFAULT '{}',
    custom_fields jsonb NOT NULL DEFAULT '{}',
    guardian_id uuid,
    guardian_name text,
    insurer text,
    insurance_card_number text,
    source text,
    merged_into_id uuid,
    search_name text COLLATE "C" NOT NULL GENERATED ALWAYS AS (search_form(name || COALESCE(' ' || social_name, ''))) STORED,
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, guardian_id) REFERENCES contacts (clinic_id, id),
    FOREIGN KEY (clinic_id, merged_into_id) REFERENCES contacts (clinic_id, id),
    CHECK ((status = 'archived') = (archived_at IS NOT NULL)),
    CHECK (merged_into_id IS NULL OR archived_at IS NOT NULL),
    CHECK (guardian_id <> id)
);
CREATE UNIQUE INDEX contacts_cpf_once ON contacts (clinic_id, cpf) WHERE archived_at IS NULL AND cpf IS NOT NULL;
CREATE INDEX contacts_by_cns ON contacts (clinic_id, cns) WHERE archived_at IS NULL AND cns IS NOT NULL;
CREATE INDEX contacts_by_email ON contacts (clinic_id, email) WHERE archived_at IS NULL AND email IS NOT NULL;
CREATE INDEX contacts_by_name ON contacts (clinic_id, search_name, id);
CREATE INDEX contacts_by_part_of_name ON contacts USING gin (clinic_id, search_name gin_trgm_ops);
CREATE INDEX contacts_by_birth_date ON contacts (clinic_id, birth_date) WHERE archived_at IS NULL AND birth_date IS NOT NULL;
CREATE INDEX contacts_by_creation ON contacts (clinic_id, created_at, id);
CREATE INDEX contacts_by_change ON contacts (clinic_id, updated_at, id);
CREATE INDEX contacts_by_guardian ON contacts (clinic_id, guardian_id) WHERE guardian_id IS NOT NULL;
CREATE INDEX contacts_merged ON contacts (clinic_id, merged_into_id) WHERE merged_into_id IS NOT NULL;
CALL close_tenant_table('contacts', 'SELECT, INSERT, UPDATE');

-- `match_key` is the same for one Brazilian mobile with and without the ninth digit; `digits` is what people type to search.
CREATE TABLE contact_phones (
    clinic_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    position smallint NOT NULL CHECK (position BETWEEN 0 AND 19),
    number text NOT NULL CHECK (number ~ '^\+[1-9][0-9]{6,14}$'),
    match_key text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('mobile', 'home', 'work', 'other')),
    is_primary boolean NOT NULL,
    PRIMARY KEY (clinic_id, contact_id, position),
    FOREIGN KEY (clinic_id, contact_id) REFERENCES contacts (clinic_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX contact_phones_primary_once ON contact_phones (clinic_id, contact_id) WHERE is_primary;
CREATE INDEX contact_phones_by_match_key ON contact_phones (clinic_id, match_key);
CREATE INDEX contact_phones_by_part ON contact_phones USING gin (clinic_id, number gin_trgm_ops);
CALL close_tenant_table('contact_phones', 'SELECT, INSERT, UPDATE, DELETE');

-- Search by a part. Row-level security lets no LIKE reach an index, since LIKE is not leakproof; so these two functions look
-- as the owner of the tables, whom a policy lets read, and name the clinic of the transaction themselves: with none set, or
-- another one, they find nothing. They give ids only, which the caller then reads under row-level security.
CREATE POLICY search ON contacts FOR SELECT TO taskmed_owner USING (true);
CREATE POLICY search ON contact_phones FOR SELECT TO taskmed_owner USING (true);

-- The text as a LIKE pattern that means nothing but itself.
CREATE FUNCTION like_literally(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ SELECT replace(replace(replace(value, '\', '\\'), '%', '\%'), '_', '\_') $$;

-- People whose name has every word of `query` in it (words of one or two letters at the beginning of a word of the name), or
-- whose e-mail address begins with it; without those whose name begins with the whole of it. In the order of names, after
-- (`after_name`, `after_id`) where that is given, `most` of them where that is given.
CREATE FUNCTION contacts_by_part_of_name(query text, archived boolean, after_name text, after_id uuid, most integer)
    RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 30
    SET search_path = pg_catalog, public, pg_temp
    AS $$
DECLARE
    of_clinic CONSTANT uuid := NULLIF(current_setting('app.clinic_id', true), '')::uuid;
    whole CONSTANT text COLLATE "C" := regexp_replace(btrim(search_form(query)), '\s+', ' ', 'g');
    words CONSTANT text[] := ARRAY(SELECT word FROM unnest(string_to_array(whole, ' ')) AS word ORDER BY length(word) DESC);
    -- The words as patterns over a space and the name.
    patterns CONSTANT text[] := ARRAY(
        SELECT CASE WHEN length(word) < 3 THEN '% ' ELSE '%' END || like_literally(word) || '%' FROM unnest(words) AS word);
    -- The longest word asks the index, in a short name's case at both places where it may stand.
    longest CONSTANT text := patterns[1];
    at_start CONSTANT text := CASE WHEN length(words[1]) < 3 THEN like_literally(words[1]) || '%' END;
BEGIN
    IF whole = '' THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT found.id FROM (
            SELECT c.search_name, c.id, c.archived_at FROM contacts c
            WHERE c.clinic_id = of_clinic
              AND (c.search_name LIKE longest OR c.search_name LIKE at_start)
              AND ' ' || c.search_name LIKE ALL (patterns)
            UNION
            SELECT c.search_name, c.id, c.archived_at FROM contacts c
            WHERE c.clinic_id = of_clinic AND c.archived_at IS NULL
              AND c.email >= whole AND c.email < whole || U&'\+10FFFF') AS found
        WHERE NOT starts_with(found.search_name, whole)
          AND (archived IS NULL OR (found.archived_at IS NOT NULL) = archived)
          AND (after_name IS NULL OR (found.search_name, found.id) > (after_name COLLATE "C", after_id))
        ORDER BY found.search_name, found.id
        LIMIT most;
END
$$;

-- People with `dialled` in a phone number, with the phone number `number`, or whose CPF begins with `digits` or whose CNS is
-- `digits`; order and bounds as above.
CREATE FUNCTION contacts_by_digits(
    digits text, dialled text, number text, archived boolean, after_name text, after_id uuid, most integer)
    RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 30
    SET search_path = pg_catalog, public, pg_temp
    AS $$
DECLARE
    of_clinic CONSTANT uuid := NULLIF(current_setting('app.clinic_id', true), '')::uuid;
    part CONSTANT text := '%' || like_literally(dialled) || '%';
BEGIN
    RETURN QUERY
        SELECT c.id FROM contacts c
        WHERE c.clinic_id = of_clinic
          AND c.id IN (
              SELECT p.contact_id FROM contact_phones p WHERE p.clinic_id = of_clinic AND p.number LIKE part
              UNION ALL
              SELECT p.contact_id FROM contact_phones p
              WHERE p.clinic_id = of_clinic AND p.match_key = contacts_by_digits.number
              UNION ALL
              SELECT o.id FROM contacts o
              WHERE o.clinic_id = of_clinic AND o.archived_at IS NULL AND o.cpf >= digits AND o.cpf < digits || ':'
              UNION ALL
              SELECT o.id FROM contacts o
              WHERE o.clinic_id = of_clinic AND o.archived_at IS NULL AND o.cns = digits)
          AND (archived IS NULL OR (c.archived_at IS NOT NULL) = archived)
          AND (after_name IS NULL OR (c.search_name, c.id) > (after_name COLLATE "C", after_id))
        ORDER BY c.search_name, c.id
        LIMIT most;
END
$$;
REVOKE EXECUTE ON FUNCTION contacts_by_part_of_name(text, boolean, text, uuid, integer) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION contacts_by_digits(text, text, text, boolean, text, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION contacts_by_part_of_name(text, boolean, text, uuid, integer) TO taskmed_app, taskmed_maintenance;
GRANT EXECUTE ON FUNCTION contacts_by_digits(text, text, text, boolean, text, uuid, integer) TO taskmed_app, taskmed_maintenance;

-- Every answer a person gave about a purpose; the newest holds (LGPD, art. 8).
CREATE TABLE contact_consents (
    clinic_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    id uuid NOT NULL,
    purpose text NOT NULL,
    granted boolean,
    origin text NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by uuid,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, contact_id) REFERENCES contacts (clinic_id, id)
);
CREATE INDEX contact_consents_newest ON contact_consents (clinic_id, contact_id, purpose, recorded_at DESC, id DESC);
CALL close_tenant_table('contact_consents', 'SELECT, INSERT, UPDATE');

-- What a merge moved, row by row, so that it can be undone.
CREATE TABLE contact_merges (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    from_id uuid NOT NULL,
    into_id uuid NOT NULL,
    moved jsonb NOT NULL,
    merged_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, from_id) REFERENCES contacts (clinic_id, id),
    FOREIGN KEY (clinic_id, into_id) REFERENCES contacts (clinic_id, id),
    CHECK (from_id <> into_id)
);
CREATE INDEX contact_merges_into ON contact_merges (clinic_id, into_id);
CREATE INDEX contact_merges_from ON contact_merges (clinic_id, from_id);
CALL close_tenant_table('contact_merges', 'SELECT, INSERT');
