DROP TABLE invitations, api_keys, refresh_tokens, sessions, password_resets, user_recovery_codes;
DROP TRIGGER memberships_last_owner ON memberships;
DROP FUNCTION keep_an_owner();
DROP POLICY colleagues ON users;
DROP POLICY own_clinics ON clinics;
DROP TABLE memberships, users, clinic_keys, clinics;
