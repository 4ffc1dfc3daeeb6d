DROP INDEX webhook_endpoints_open;
CREATE INDEX webhook_endpoints_enabled ON webhook_endpoints (clinic_id) WHERE status = 'enabled';
DROP INDEX appointment_series_by_practitioner;
DROP INDEX outbox_open;
