-- The outbox becomes the one queue: events, which tell what happened and are read by integrations, and jobs, which are work to
-- do and nobody else's business. Each row waits in a lane, so that a flood of one kind delays no other.

ALTER TABLE outbox
    ADD COLUMN class text NOT NULL DEFAULT 'event' CHECK (class IN ('event', 'job')),
    -- 0 urgent, 1 clinical, 2 routine, 3 bulk.
    ADD COLUMN lane smallint NOT NULL DEFAULT 2 CHECK (lane BETWEEN 0 AND 3),
    -- Of all transactions below this one it was known how they ended when the row was written: whoever has seen this row, and
    -- reads again every row of a transaction from this one on, has missed none.
    ADD COLUMN seen_from bigint NOT NULL DEFAULT oldest_open_transaction();
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (lane, available_at) WHERE handled_at IS NULL AND failed_at IS NULL;
-- The feed of events, in an order in which nothing is added before what was read (`changed_in` below the oldest open one).
DROP INDEX outbox_by_transaction;
CREATE INDEX outbox_events ON outbox (clinic_id, changed_in, id) WHERE class = 'event';
