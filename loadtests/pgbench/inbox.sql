-- The open conversations of an inbox with the names that are shown, the latest word first, as crates/conversations asks for them.
SELECT v.id, v.inbox_id, v.contact_id, v.address, v.subject, v.status, v.snoozed_until, v.assignee_id, v.priority, v.labels,
       v.waiting_since, v.last_message_at, v.last_message_preview, v.last_message_direction, v.last_inbound_at, v.unread_count,
       v.message_count, v.resolved_at, v.continued_in_id, v.version, v.created_at, v.updated_at,
       c.name, c.social_name, i.name, i.channel
FROM conversations v
JOIN contacts c ON c.clinic_id = v.clinic_id AND c.id = v.contact_id
JOIN inboxes i ON i.clinic_id = v.clinic_id AND i.id = v.inbox_id
WHERE v.clinic_id = '@clinic@' AND v.status = 'open' AND v.inbox_id = '@inbox@'
ORDER BY v.last_message_at DESC, v.id DESC
LIMIT 26;
