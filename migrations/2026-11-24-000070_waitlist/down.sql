DROP TABLE appointment_reminders;
DROP TRIGGER first_reminder_rules ON clinics;
DROP FUNCTION first_reminder_rules();
DROP TABLE reminder_rules;
DROP TABLE waitlist_sweeps;
DROP TABLE waitlist_offers;
DROP TABLE waitlist_entries;
DROP TABLE outreach_settings;
