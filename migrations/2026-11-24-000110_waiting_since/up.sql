-- Since when a message waits to be sent: what is sent again by hand waits anew, and whoever sends it may work for another message.
-- Null for what is older than this column, which waits since it was written.
ALTER TABLE messages ADD COLUMN queued_at timestamptz;
-- Since when the content of the attempt that `attempted_at` tells of is on its way. An attempt that was cut off before has sent nothing,
-- and is made again; one that was cut off after may have.
ALTER TABLE messages ADD COLUMN handed_over_at timestamptz;
ALTER TABLE messages ADD CONSTRAINT messages_handed_over_by_an_attempt CHECK (handed_over_at IS NULL OR attempted_at IS NOT NULL);
