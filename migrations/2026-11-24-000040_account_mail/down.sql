DROP INDEX password_resets_mailed;
ALTER TABLE password_resets DROP COLUMN mailed_at;
ALTER TABLE invitations DROP COLUMN mail_job, DROP COLUMN mail_asked_at, DROP COLUMN mail_state;
