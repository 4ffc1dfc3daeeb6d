ALTER TABLE appointment_reminders DROP CONSTRAINT appointment_reminders_reason_check;
ALTER TABLE appointment_reminders NO FORCE ROW LEVEL SECURITY;
UPDATE appointment_reminders SET reason = 'no_channel' WHERE reason = 'not_wanted';
ALTER TABLE appointment_reminders FORCE ROW LEVEL SECURITY;
ALTER TABLE appointment_reminders ADD CONSTRAINT appointment_reminders_reason_check
    CHECK (reason IN ('too_late', 'same_time', 'no_channel', 'not_delivered'));
DROP INDEX appointment_reminders_by_message;
