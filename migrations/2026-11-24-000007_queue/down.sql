DROP INDEX outbox_events;
CREATE INDEX outbox_by_transaction ON outbox (clinic_id, changed_in, id);
DROP INDEX outbox_due;
ALTER TABLE outbox DROP COLUMN class, DROP COLUMN lane, DROP COLUMN seen_from;
CREATE INDEX outbox_due ON outbox (available_at) WHERE handled_at IS NULL AND failed_at IS NULL;
