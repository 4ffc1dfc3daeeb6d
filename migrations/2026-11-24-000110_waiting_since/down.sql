ALTER TABLE messages DROP CONSTRAINT messages_handed_over_by_an_attempt;
ALTER TABLE messages DROP COLUMN handed_over_at;
ALTER TABLE messages DROP COLUMN queued_at;
