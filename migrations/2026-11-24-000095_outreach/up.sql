-- What becomes of the message that carried a reminder is noted with the reminder, so it is found by its message.
CREATE INDEX appointment_reminders_by_message ON appointment_reminders (clinic_id, message_id) WHERE message_id IS NOT NULL;

-- Whoever has said that they do not want reminders gets none, which is something else than that nothing reaches them.
ALTER TABLE appointment_reminders DROP CONSTRAINT appointment_reminders_reason_check;
ALTER TABLE appointment_reminders ADD CONSTRAINT appointment_reminders_reason_check
    CHECK (reason IN ('too_late', 'same_time', 'no_channel', 'not_wanted', 'not_delivered'));
