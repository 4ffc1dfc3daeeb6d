DROP FUNCTION messages_by_text(text, uuid, timestamptz, uuid, integer);
DROP TABLE message_templates, canned_responses, message_attachments, message_provider_ids, messages, conversations,
    channel_identities, inboxes;
DROP FUNCTION make_month_partitions(text, date, integer);
