ALTER TABLE webhook_attempts DROP CONSTRAINT webhook_attempts_error_check;
ALTER TABLE webhook_attempts NO FORCE ROW LEVEL SECURITY;
UPDATE webhook_attempts SET error = 'connection_failed' WHERE error = 'certificate_not_trusted';
ALTER TABLE webhook_attempts FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_attempts ADD CONSTRAINT webhook_attempts_error_check
    CHECK (error IN ('address_not_allowed', 'name_not_resolved', 'connection_failed', 'timeout', 'redirected', 'http_status'));
