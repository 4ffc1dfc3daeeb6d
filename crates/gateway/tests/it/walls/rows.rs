//! A row of each clinic in the tenant tables that the world leaves empty.

use tokio_postgres::Client;

/// One statement a table; each makes a row for each clinic.
const FILL: &[&str] = &[
    "INSERT INTO clinic_keys (clinic_id, id, master_key_id, wrapped)
     SELECT id, gen_random_uuid(), 'none', '\\x00' FROM clinics",
    "INSERT INTO refresh_tokens (clinic_id, secret_hash, session_id)
     SELECT clinic_id, uuid_send(id), id FROM sessions",
    "INSERT INTO api_keys (clinic_id, id, name, secret_hash, secret_hint, permissions, created_by)
     SELECT DISTINCT ON (clinic_id) clinic_id, gen_random_uuid(), 'Key', '\\x01', 'abcd', '{contacts:read}', id FROM memberships",
    "INSERT INTO invitations (clinic_id, id, email, name, roles, secret_hash, expires_at)
     SELECT id, gen_random_uuid(), 'new@' || slug || '.example', 'New', '{auditor}', '\\x02', now() FROM clinics",
    "INSERT INTO service_rooms (clinic_id, service_id, room_id)
     SELECT clinic_id, s.id, r.id FROM services s JOIN rooms r USING (clinic_id) WHERE s.needs_room",
    "INSERT INTO contact_consents (clinic_id, contact_id, id, purpose, granted, origin, recorded_at)
     SELECT clinic_id, id, gen_random_uuid(), 'marketing', true, 'form', now() FROM contacts",
    "INSERT INTO contact_merges (clinic_id, id, from_id, into_id, moved)
     SELECT clinic_id, gen_random_uuid(), a.id, b.id, '{}' FROM contacts a JOIN contacts b USING (clinic_id) WHERE a.id < b.id",
    "INSERT INTO holds (clinic_id, id, practitioner_id, starts_at, ends_at, expires_at)
     SELECT clinic_id, gen_random_uuid(), id, now(), now() + interval '1 hour', now() FROM practitioners",
    "INSERT INTO outreach_settings (clinic_id) SELECT id FROM clinics",
    "INSERT INTO waitlist_sweeps (clinic_id) SELECT id FROM clinics",
    "INSERT INTO waitlist_entries (clinic_id, id, contact_id, service_id, waiting_since)
     SELECT DISTINCT ON (clinic_id) clinic_id, gen_random_uuid(), c.id, s.id, now() FROM contacts c JOIN services s USING (clinic_id)",
    "INSERT INTO waitlist_offers (clinic_id, id, entry_id, hold_id, service_id, practitioner_id, starts_at, ends_at, expires_at, offered_at)
     SELECT DISTINCT ON (clinic_id) clinic_id, gen_random_uuid(), e.id, h.id, e.service_id, h.practitioner_id, h.starts_at, h.ends_at,
            h.starts_at, now() FROM waitlist_entries e JOIN holds h USING (clinic_id)",
    "INSERT INTO appointment_reminders (clinic_id, id, appointment_id, starts_at, lead_minutes, channel, due_at, status)
     SELECT clinic_id, gen_random_uuid(), id, starts_at, 120, 'preferred', starts_at, 'planned' FROM appointments",
    "INSERT INTO appointment_series (clinic_id, id, contact_id, practitioner_id, rule, zone, starts_at, ends_at)
     SELECT DISTINCT ON (clinic_id) clinic_id, gen_random_uuid(), c.id, p.id, 'FREQ=DAILY;COUNT=2', 'UTC', now(), now() + interval '1 hour'
     FROM contacts c JOIN practitioners p USING (clinic_id)",
    "INSERT INTO external_calendars (clinic_id, id, practitioner_id, name, url_sealed, url_host, refresh_minutes)
     SELECT clinic_id, gen_random_uuid(), id, 'Elsewhere', '\\x07', 'calendar.example', 60 FROM practitioners",
    "INSERT INTO external_busy (clinic_id, calendar_id, starts_at, ends_at, practitioner_id)
     SELECT clinic_id, id, now(), now() + interval '1 hour', practitioner_id FROM external_calendars",
    "INSERT INTO calendar_feeds (clinic_id, id, name, secret_hash)
     SELECT id, gen_random_uuid(), 'Feed', '\\x03' FROM clinics",
    "INSERT INTO imports (clinic_id, id, kind, filename, bytes, sha256, again, encoding, delimiter, headings, sample, settings, status, rows_total)
     SELECT id, gen_random_uuid(), 'contacts', 'a.csv', 1, sha256('a'), false, 'utf-8', 'comma', '{}', '[]', '{}', 'analysed', 1 FROM clinics",
    "INSERT INTO import_rows (clinic_id, import_id, line, outcome, notes, faults)
     SELECT clinic_id, id, 2, 'created', '{}', '[]' FROM imports",
    "INSERT INTO inboxes (clinic_id, id, channel, name, token_hash)
     SELECT id, id, 'webchat', 'Site', uuid_send(id) FROM clinics",
    "INSERT INTO inbox_polls (clinic_id, inbox_id) SELECT clinic_id, id FROM inboxes",
    "INSERT INTO channel_identities (clinic_id, id, inbox_id, kind, value, contact_id)
     SELECT DISTINCT ON (clinic_id) clinic_id, gen_random_uuid(), clinic_id, 'visitor', 'x', id FROM contacts",
    "INSERT INTO conversations (clinic_id, id, inbox_id, contact_id, last_message_at)
     SELECT DISTINCT ON (clinic_id) clinic_id, clinic_id, clinic_id, id, now() FROM contacts",
    "INSERT INTO messages (clinic_id, id, conversation_id, number, direction, kind, body, author_kind, sent_at)
     SELECT clinic_id, lowest_uuid_at('2026-11-20'), id, 1, 'inbound', 'text', 'Olá', 'contact', now() FROM conversations",
    "INSERT INTO message_provider_ids (clinic_id, inbox_id, provider_id) SELECT clinic_id, id, 'wamid' FROM inboxes",
    "INSERT INTO message_attachments (clinic_id, id, conversation_id, file_name, content_type, size_bytes, sha256)
     SELECT clinic_id, gen_random_uuid(), id, 'a.txt', 'text/plain', 1, sha256('a') FROM conversations",
    "INSERT INTO canned_responses (clinic_id, id, shortcut, body) SELECT id, gen_random_uuid(), 'oi', 'Oi' FROM clinics",
    "INSERT INTO message_templates (clinic_id, id, inbox_id, name, language, category, body, parameter_count)
     SELECT clinic_id, gen_random_uuid(), id, 'lembrete', 'pt_BR', 'utility', 'Oi', 0 FROM inboxes",
    "INSERT INTO audit_log (clinic_id, id, occurred_at, actor_kind, action, resource)
     SELECT id, lowest_uuid_at('2026-11-20'), '2026-11-20', 'system', 'test', 'test' FROM clinics",
    "INSERT INTO outbox (clinic_id, id, kind, payload, available_at)
     SELECT id, gen_random_uuid(), 'test', '{}', now() FROM clinics",
    "INSERT INTO realtime_tickets (clinic_id, secret_hash, session_id, expires_at)
     SELECT clinic_id, uuid_send(id), id, now() FROM sessions",
    "INSERT INTO idempotency_keys (clinic_id, actor_id, key, fingerprint, status, headers, sealed_body, expires_at)
     SELECT id, gen_random_uuid(), 'key', '\\x04', 201, '[]', '\\x05', now() FROM clinics",
    "INSERT INTO webhook_endpoints (clinic_id, id, url, events, permissions, secret)
     SELECT id, gen_random_uuid(), 'https://hooks.example', '{*}', '{}', '\\x06' FROM clinics",
    "INSERT INTO webhook_deliveries (clinic_id, id, endpoint_id, event_id, event_kind, occurred_at, payload, next_attempt_at, created_at)
     SELECT clinic_id, gen_random_uuid(), id, gen_random_uuid(), 'test', now(), '{}', now(), now() FROM webhook_endpoints",
    "INSERT INTO webhook_attempts (clinic_id, delivery_id, attempt, started_at, duration_milliseconds)
     SELECT clinic_id, id, 1, now(), 1 FROM webhook_deliveries",
];

/// Makes the rows, past row-level security.
pub(super) async fn fill(maintenance: &Client) {
    for statement in FILL {
        maintenance
            .batch_execute(statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}
