DROP TABLE calendar_feeds, occupancies, holds, appointment_moves, appointments;
DROP TRIGGER refuse_merged_contact ON contact_consents;
DROP FUNCTION refuse_archived_practice();
DROP FUNCTION refuse_archived(timestamptz);
DROP FUNCTION refuse_merged_contact();
