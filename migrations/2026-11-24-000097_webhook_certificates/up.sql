-- That a certificate was not trusted is told apart from other connections that failed.
ALTER TABLE webhook_attempts
    DROP CONSTRAINT webhook_attempts_error_check,
    ADD CONSTRAINT webhook_attempts_error_check CHECK (error IN ('address_not_allowed', 'name_not_resolved',
        'certificate_not_trusted', 'connection_failed', 'timeout', 'redirected', 'http_status'));
