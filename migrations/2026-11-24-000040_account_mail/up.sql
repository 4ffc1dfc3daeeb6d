-- Invitations and links for new passwords that travel by mail.

-- What becomes of the mail with an invitation; empty for one that people hand on.
ALTER TABLE invitations
    ADD COLUMN mail_state text CHECK (mail_state IN ('queued', 'sent', 'refused')),
    ADD COLUMN mail_asked_at timestamptz,
    -- The job whose mail carries the secret. Of two jobs the later one's mail is good, in whatever order they are tried.
    ADD COLUMN mail_job uuid,
    ADD CHECK ((mail_state IS NULL) = (mail_asked_at IS NULL)),
    ADD CHECK (mail_job IS NULL OR mail_state IS NOT NULL);

-- When the link was mailed first; empty for one that people hand on. So many an hour, and no more.
ALTER TABLE password_resets ADD COLUMN mailed_at timestamptz;
CREATE INDEX password_resets_mailed ON password_resets (user_id, mailed_at) WHERE mailed_at IS NOT NULL;
