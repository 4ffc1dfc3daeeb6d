ALTER TABLE outbox DROP COLUMN written_at;
DROP TABLE realtime_tickets;
