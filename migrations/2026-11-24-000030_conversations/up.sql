-- Conversations: inboxes, threads, messages, and who is who on which channel.

-- A place where people write to the clinic. What the channel needs to be spoken to is in `settings`, its secrets are sealed with
-- the clinic's key. The token opens the inbox to the outside: the address of a webhook, or the page that has the web chat in it.
CREATE TABLE inboxes (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    channel text NOT NULL CHECK (channel IN ('whatsapp', 'email', 'sms', 'webchat')),
    name text NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    sealed_secrets bytea,
    secret_names text[] NOT NULL DEFAULT '{}',
    token_hash bytea NOT NULL,
    reopen_days smallint NOT NULL DEFAULT 7 CHECK (reopen_days BETWEEN 0 AND 365),
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id)
);
CREATE UNIQUE INDEX inboxes_name_once ON inboxes (clinic_id, search_form(name)) WHERE archived_at IS NULL;
CREATE UNIQUE INDEX inboxes_token_once ON inboxes (clinic_id, token_hash);
CALL close_tenant_table('inboxes', 'SELECT, INSERT, UPDATE');

-- By what a person is known on a channel: a phone (its match key, so that the ninth digit does not matter), a WhatsApp user id,
-- an e-mail address, a visitor of the web chat (the hash of the visitor's secret). Several may lead to one contact.
CREATE TABLE channel_identities (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('phone', 'whatsapp_user', 'email', 'visitor')),
    value text COLLATE "C" NOT NULL,
    -- As the channel wants it when it is written to; null where the channel has no address of its own.
    address text,
    contact_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, id),
    CONSTRAINT channel_identities_once UNIQUE (clinic_id, inbox_id, kind, value),
    FOREIGN KEY (clinic_id, inbox_id) REFERENCES inboxes (clinic_id, id),
    FOREIGN KEY (clinic_id, contact_id) REFERENCES contacts (clinic_id, id)
);
CREATE INDEX channel_identities_by_contact ON channel_identities (clinic_id, contact_id);
CALL close_tenant_table('channel_identities', 'SELECT, INSERT, UPDATE');
CREATE TRIGGER refuse_merged_contact BEFORE INSERT OR UPDATE OF contact_id ON channel_identities
    FOR EACH ROW EXECUTE FUNCTION refuse_merged_contact();

-- A thread with one person in one inbox. What lists show of its messages is kept with it, so that a list costs one look.
CREATE TABLE conversations (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    -- Where an answer goes, in the channel's own form; null in the web chat, where the visitor fetches it.
    address text,
    subject text,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'pending', 'snoozed', 'resolved')),
    snoozed_until timestamptz,
    assignee_id uuid,
    priority text NOT NULL DEFAULT 'normal' CHECK (priority IN ('urgent', 'high', 'normal', 'low')),
    labels text[] NOT NULL DEFAULT '{}',
    -- Since when the person waits for somebody of the clinic.
    waiting_since timestamptz,
    last_message_at timestamptz NOT NULL,
    last_message_preview text,
    last_message_direction text CHECK (last_message_direction IN ('inbound', 'outbound')),
    last_inbound_at timestamptz,
    unread_count integer NOT NULL DEFAULT 0 CHECK (unread_count >= 0),
    message_count bigint NOT NULL DEFAULT 0,
    resolved_at timestamptz,
    -- Where the talk goes on, when two conversations of what turned out to be one person became one.
    continued_in_id uuid,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, inbox_id) REFERENCES inboxes (clinic_id, id),
    FOREIGN KEY (clinic_id, contact_id) REFERENCES contacts (clinic_id, id),
    FOREIGN KEY (clinic_id, assignee_id) REFERENCES memberships (clinic_id, id),
    FOREIGN KEY (clinic_id, continued_in_id) REFERENCES conversations (clinic_id, id),
    CHECK ((status = 'snoozed') = (snoozed_until IS NOT NULL)),
    CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
    CHECK (continued_in_id IS NULL OR status = 'resolved')
);
-- Two messages that arrive at once open one conversation.
CREATE UNIQUE INDEX conversations_one_unresolved ON conversations (clinic_id, inbox_id, contact_id) WHERE status <> 'resolved';
CREATE INDEX conversations_by_last_message ON conversations (clinic_id, status, last_message_at, id);
CREATE INDEX conversations_by_time ON conversations (clinic_id, last_message_at, id);
CREATE INDEX conversations_by_inbox ON conversations (clinic_id, inbox_id, status, last_message_at, id);
CREATE INDEX conversations_by_assignee ON conversations (clinic_id, assignee_id, status, last_message_at, id);
CREATE INDEX conversations_by_contact ON conversations (clinic_id, contact_id, last_message_at, id);
CREATE INDEX conversations_waiting ON conversations (clinic_id, status, waiting_since, id) WHERE waiting_since IS NOT NULL;
CREATE INDEX conversations_unread ON conversations (clinic_id, status, last_message_at, id) WHERE unread_count > 0;
CREATE INDEX conversations_by_change ON conversations (clinic_id, updated_at, id);
CREATE INDEX conversations_continued ON conversations (clinic_id, continued_in_id) WHERE continued_in_id IS NOT NULL;
CALL close_tenant_table('conversations', 'SELECT, INSERT, UPDATE');
CREATE TRIGGER refuse_merged_contact BEFORE INSERT OR UPDATE OF contact_id ON conversations
    FOR EACH ROW EXECUTE FUNCTION refuse_merged_contact();

-- What was said. Partitioned by month over ranges of the UUIDv7 `id`, as the audit log is. No table refers to a message by a
-- foreign key: rows that the default partition had to catch must be movable.
CREATE TABLE messages (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    -- In the order of arrival within the conversation, counted under the lock of its row.
    number bigint NOT NULL,
    direction text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    kind text NOT NULL CHECK (kind IN ('text', 'template', 'note', 'media')),
    body text NOT NULL,
    author_kind text NOT NULL CHECK (author_kind IN ('member', 'api_key', 'contact', 'system')),
    author_id uuid,
    -- Null for what never leaves (notes) and for what came in.
    delivery text CHECK (delivery IN ('queued', 'unconfirmed', 'sent', 'delivered', 'read', 'failed')),
    failure_reason text,
    -- Name, language and values of the template that was used.
    template jsonb,
    reply_to_id uuid,
    -- When it was written: by the channel's clock where it came in.
    sent_at timestamptz NOT NULL,
    delivered_at timestamptz,
    read_at timestamptz,
    -- Attempts at sending. While `attempted_at` is set an attempt is under way, or ended without saying how.
    attempts integer NOT NULL DEFAULT 0,
    attempted_at timestamptz,
    next_attempt_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, conversation_id) REFERENCES conversations (clinic_id, id),
    CHECK ((delivery IS NULL) = (direction = 'inbound' OR kind = 'note')),
    CHECK (kind <> 'note' OR direction = 'outbound'),
    CHECK ((author_kind = 'contact') = (direction = 'inbound'))
) PARTITION BY RANGE (id);
CREATE INDEX messages_by_conversation ON messages (clinic_id, conversation_id, sent_at, number);
CREATE INDEX messages_by_part ON messages USING gin (clinic_id, search_form(body) gin_trgm_ops);
CREATE INDEX messages_queued ON messages (clinic_id, conversation_id, number) WHERE delivery = 'queued';
CALL close_tenant_table('messages', 'SELECT, INSERT, UPDATE');
CREATE TABLE messages_default PARTITION OF messages DEFAULT;

-- Makes the partitions of `parent` for the months from `first_month` on that are not there yet; says how many it made. Rows of
-- such a month that the default partition had to catch are moved: put aside first and brought back after the partition is there,
-- since a table with rows in it would be checked against its references as the owner sees them, who sees none.
CREATE FUNCTION make_month_partitions(parent text, first_month date, months integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
    month date;
    lowest uuid;
    beyond uuid;
    made integer := 0;
    partition_name text;
BEGIN
    FOR step IN 0..months - 1 LOOP
        month := (date_trunc('month', first_month) + make_interval(months => step))::date;
        lowest := lowest_uuid_at(month::timestamp AT TIME ZONE 'UTC');
        beyond := lowest_uuid_at((month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
        partition_name := parent || '_' || to_char(month, 'YYYY_MM');
        IF to_regclass(partition_name) IS NULL THEN
            EXECUTE format('CREATE TEMPORARY TABLE put_aside ON COMMIT DROP AS SELECT * FROM %I WHERE id >= %L AND id < %L',
                           parent || '_default', lowest, beyond);
            EXECUTE format('DELETE FROM %I WHERE id >= %L AND id < %L', parent || '_default', lowest, beyond);
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition_name, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition_name, lowest, beyond);
            EXECUTE format('INSERT INTO %I SELECT * FROM put_aside', partition_name);
            DROP TABLE put_aside;
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$$;
REVOKE EXECUTE ON FUNCTION make_month_partitions(text, date, integer) FROM PUBLIC;

-- The channel's own ids of messages: unique per inbox, which a partitioned table cannot say of a column that is not its key. A
-- row without a message keeps what the channel told of a message before we had stored under which id it knows it.
CREATE TABLE message_provider_ids (
    clinic_id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    provider_id text COLLATE "C" NOT NULL,
    conversation_id uuid,
    message_id uuid,
    early_delivery text CHECK (early_delivery IN ('sent', 'delivered', 'read', 'failed')),
    early_at timestamptz,
    early_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, inbox_id, provider_id),
    FOREIGN KEY (clinic_id, inbox_id) REFERENCES inboxes (clinic_id, id),
    FOREIGN KEY (clinic_id, conversation_id) REFERENCES conversations (clinic_id, id),
    CHECK ((message_id IS NULL) = (conversation_id IS NULL))
);
CREATE INDEX message_provider_ids_by_message ON message_provider_ids (clinic_id, message_id);
CALL close_tenant_table('message_provider_ids', 'SELECT, INSERT, UPDATE');

-- Files of messages: one that is uploaded waits for its message. The file itself lies in the store of files under the row's id.
CREATE TABLE message_attachments (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    message_id uuid,
    file_name text NOT NULL,
    content_type text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes BETWEEN 0 AND 26214400),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, conversation_id) REFERENCES conversations (clinic_id, id)
);
CREATE INDEX message_attachments_by_message ON message_attachments (clinic_id, message_id);
CREATE INDEX message_attachments_by_conversation ON message_attachments (clinic_id, conversation_id);
CALL close_tenant_table('message_attachments', 'SELECT, INSERT, UPDATE');

-- Texts that are written again and again, with places that are filled in.
CREATE TABLE canned_responses (
    clinic_id uuid NOT NULL REFERENCES clinics (id),
    id uuid NOT NULL,
    shortcut text COLLATE "C" NOT NULL CHECK (shortcut ~ '^[a-z0-9_-]{1,40}$'),
    body text NOT NULL,
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id)
);
CREATE UNIQUE INDEX canned_responses_shortcut_once ON canned_responses (clinic_id, shortcut) WHERE archived_at IS NULL;
CALL close_tenant_table('canned_responses', 'SELECT, INSERT, UPDATE');

-- Messages that WhatsApp has to approve before they may be sent outside the 24-hour window.
CREATE TABLE message_templates (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z0-9_]+$' AND length(name) <= 512),
    language text COLLATE "C" NOT NULL CHECK (language ~ '^[a-z]{2,3}(_[A-Z]{2})?$'),
    category text NOT NULL CHECK (category IN ('utility', 'marketing', 'authentication')),
    body text NOT NULL,
    parameter_count smallint NOT NULL CHECK (parameter_count BETWEEN 0 AND 50),
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('approved', 'pending', 'rejected')),
    archived_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in bigint NOT NULL DEFAULT current_transaction(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, inbox_id) REFERENCES inboxes (clinic_id, id)
);
CREATE UNIQUE INDEX message_templates_once ON message_templates (clinic_id, inbox_id, name, language) WHERE archived_at IS NULL;
CALL close_tenant_table('message_templates', 'SELECT, INSERT, UPDATE');

-- Search in messages, as contacts are searched: it looks from behind row-level security, names the clinic of the transaction
-- itself, and gives ids only. Every word of `query` is in the text; the newest first, before (`before_at`, `before_id`).
CREATE POLICY search ON messages FOR SELECT TO taskmed_owner USING (true);
CREATE FUNCTION messages_by_text(
    query text, of_conversation uuid, before_at timestamptz, before_id uuid, most integer)
    RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 30
    SET search_path = pg_catalog, public, pg_temp
    AS $$
DECLARE
    of_clinic CONSTANT uuid := NULLIF(current_setting('app.clinic_id', true), '')::uuid;
    whole CONSTANT text := regexp_replace(btrim(search_form(query)), '\s+', ' ', 'g');
    patterns CONSTANT text[] := ARRAY(
        SELECT '%' || like_literally(word) || '%' FROM unnest(string_to_array(whole, ' ')) AS word ORDER BY length(word) DESC);
    -- The longest word asks the index.
    longest CONSTANT text := patterns[1];
BEGIN
    IF whole = '' THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT m.id FROM messages m
        WHERE m.clinic_id = of_clinic
          AND search_form(m.body) LIKE longest
          AND search_form(m.body) LIKE ALL (patterns)
          AND (of_conversation IS NULL OR m.conversation_id = of_conversation)
          AND (before_at IS NULL OR (m.sent_at, m.id) < (before_at, before_id))
        ORDER BY m.sent_at DESC, m.id DESC
        LIMIT most;
END
$$;
REVOKE EXECUTE ON FUNCTION messages_by_text(text, uuid, timestamptz, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION messages_by_text(text, uuid, timestamptz, uuid, integer) TO taskmed_app, taskmed_maintenance;
