DROP TABLE calendar_feeds, occupancies, holds, appointment_moves, appointments;
DROP FUNCTION refuse_archived_practice();
DROP FUNCTION refuse_merged_contact();
