ALTER TABLE message_attachments NO FORCE ROW LEVEL SECURITY;
DELETE FROM message_attachments WHERE status <> 'available';
ALTER TABLE message_attachments FORCE ROW LEVEL SECURITY;
ALTER TABLE message_attachments DROP CONSTRAINT message_attachments_reason;
ALTER TABLE message_attachments DROP CONSTRAINT message_attachments_known;
ALTER TABLE message_attachments ALTER COLUMN sha256 SET NOT NULL;
ALTER TABLE message_attachments ALTER COLUMN size_bytes SET NOT NULL;
ALTER TABLE message_attachments ALTER COLUMN content_type SET NOT NULL;
ALTER TABLE message_attachments DROP COLUMN unavailable_reason;
ALTER TABLE message_attachments DROP COLUMN status;

DROP INDEX waitlist_offers_by_message;
ALTER TABLE waitlist_offers DROP CONSTRAINT waitlist_offers_undelivered;
ALTER TABLE waitlist_offers DROP CONSTRAINT waitlist_offers_status_check;
ALTER TABLE waitlist_offers NO FORCE ROW LEVEL SECURITY;
UPDATE waitlist_offers SET status = 'withdrawn' WHERE status = 'undelivered';
ALTER TABLE waitlist_offers FORCE ROW LEVEL SECURITY;
ALTER TABLE waitlist_offers ADD CONSTRAINT waitlist_offers_status_check
    CHECK (status IN ('offered', 'accepted', 'declined', 'lapsed', 'withdrawn'));
ALTER TABLE waitlist_offers DROP COLUMN undelivered_at;
