-- What did not arrive is told where people look: an offer that reached nobody, and a file that will not come.

-- An offer whose message failed is over, and its time goes to the next who waits. One that was answered otherwise by then keeps
-- how it was answered; that its message failed stands beside it.
ALTER TABLE waitlist_offers ADD COLUMN undelivered_at timestamptz;
ALTER TABLE waitlist_offers DROP CONSTRAINT waitlist_offers_status_check;
ALTER TABLE waitlist_offers ADD CONSTRAINT waitlist_offers_status_check
    CHECK (status IN ('offered', 'accepted', 'declined', 'lapsed', 'withdrawn', 'undelivered'));
ALTER TABLE waitlist_offers ADD CONSTRAINT waitlist_offers_undelivered
    CHECK (status <> 'undelivered' OR undelivered_at IS NOT NULL);
-- What becomes of the message that carried an offer is noted with the offer, so it is found by its message.
CREATE INDEX waitlist_offers_by_message ON waitlist_offers (clinic_id, message_id) WHERE message_id IS NOT NULL;

-- A file that a channel has named is noted with its message before it is fetched. What it is, how large, and its hash are known
-- once it is there.
ALTER TABLE message_attachments ADD COLUMN status text NOT NULL DEFAULT 'available'
    CHECK (status IN ('pending', 'available', 'unavailable'));
ALTER TABLE message_attachments ADD COLUMN unavailable_reason text;
ALTER TABLE message_attachments ALTER COLUMN content_type DROP NOT NULL;
ALTER TABLE message_attachments ALTER COLUMN size_bytes DROP NOT NULL;
ALTER TABLE message_attachments ALTER COLUMN sha256 DROP NOT NULL;
ALTER TABLE message_attachments ADD CONSTRAINT message_attachments_known
    CHECK (status <> 'available' OR (content_type IS NOT NULL AND size_bytes IS NOT NULL AND sha256 IS NOT NULL));
ALTER TABLE message_attachments ADD CONSTRAINT message_attachments_reason
    CHECK ((status = 'unavailable') = (unavailable_reason IS NOT NULL));
