-- The last messages of a conversation and their files, as crates/conversations asks for them.
SELECT m.id, m.conversation_id, m.number, m.direction, m.kind, m.body, m.author_kind, m.author_id, m.delivery, m.failure_reason,
       m.template, m.reply_to_id, m.sent_at, m.delivered_at, m.read_at, m.attempts, m.attempted_at, m.next_attempt_at, m.version,
       m.created_at, m.updated_at
FROM messages m
WHERE m.clinic_id = '@clinic@' AND m.conversation_id = '@conversation@' AND m.id BETWEEN '@lowest@' AND '@highest@'
ORDER BY m.sent_at DESC, m.number DESC
LIMIT 51;
SELECT f.id, f.conversation_id, f.message_id, f.file_name, f.content_type, f.size_bytes, f.sha256, f.created_at
FROM message_attachments f
WHERE f.clinic_id = '@clinic@' AND f.message_id = ANY ('@messages@')
ORDER BY f.created_at, f.id;
