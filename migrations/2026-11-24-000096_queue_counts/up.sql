-- How a clinic's queue stands is counted from what is open alone, however much that was handled is still kept, and however much
-- other clinics have waiting. What is looked at is in the index, so that what waits for long is counted without its rows.
CREATE INDEX outbox_open ON outbox (clinic_id, lane, available_at) INCLUDE (locked_until)
    WHERE handled_at IS NULL AND failed_at IS NULL;

-- A practitioner's series, in the order of the list.
CREATE INDEX appointment_series_by_practitioner ON appointment_series (clinic_id, practitioner_id, created_at, id);

-- Each event asks which endpoints are to hear of it. What is not archived is twenty rows of a clinic at most, and, unlike a status
-- that comes as a parameter, this condition serves whatever a plan is made for.
DROP INDEX webhook_endpoints_enabled;
CREATE INDEX webhook_endpoints_open ON webhook_endpoints (clinic_id) WHERE archived_at IS NULL;
