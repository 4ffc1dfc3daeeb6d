//! SQL of sign-ins and their refresh tokens.

use auth::SecretHash;
use db::schema::{refresh_tokens, sessions, users};
use db::{DbError, QueryResultExt as _, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::email::EmailAddress;
use kernel::text::PersonName;
use kernel::{ClinicId, MembershipId, SessionId, Timestamp, UserId};

use crate::account::lock_user;

/// A sign-in to be stored.
#[derive(Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub(super) struct NewSession<'v> {
    pub(super) clinic_id: ClinicId,
    pub(super) id: SessionId,
    pub(super) user_id: UserId,
    pub(super) membership_id: MembershipId,
    pub(super) user_agent: Option<&'v str>,
    pub(super) address: Option<String>,
    pub(super) last_used_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) created_at: Timestamp,
}

pub(super) async fn insert_session(tx: &TenantTx<'_>, session: NewSession<'_>) -> Result<(), DbError> {
    diesel::insert_into(sessions::table)
        .values(session)
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}

pub(super) async fn insert_refresh_token(
    tx: &TenantTx<'_>,
    session: SessionId,
    hash: SecretHash,
) -> Result<(), DbError> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::clinic_id.eq(tx.clinic()),
            refresh_tokens::secret_hash.eq(hash.as_bytes()),
            refresh_tokens::session_id.eq(session),
            refresh_tokens::issued_at.eq(tx.now()),
        ))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}

/// Uses the token up and says whose it is; nothing when it was used before, or never issued. Of two who send one token at the
/// same time the second waits for the first and finds it used.
pub(super) async fn use_refresh_token(tx: &TenantTx<'_>, hash: SecretHash) -> Result<Option<SessionId>, DbError> {
    diesel::update(refresh_tokens::table)
        .filter(
            refresh_tokens::clinic_id
                .eq(tx.clinic())
                .and(refresh_tokens::secret_hash.eq(hash.as_bytes())),
        )
        .filter(refresh_tokens::used_at.is_null())
        .set(refresh_tokens::used_at.eq(tx.now()))
        .returning(refresh_tokens::session_id)
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The sign-in whose token this is, used or not.
pub(super) async fn session_of_token(tx: &TenantTx<'_>, hash: SecretHash) -> Result<Option<SessionId>, DbError> {
    refresh_tokens::table
        .filter(
            refresh_tokens::clinic_id
                .eq(tx.clinic())
                .and(refresh_tokens::secret_hash.eq(hash.as_bytes())),
        )
        .select(refresh_tokens::session_id)
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Makes the sign-in last until `expires_at`, unless it has ended; says whose it is.
pub(super) async fn prolong_session(
    tx: &TenantTx<'_>,
    session: SessionId,
    expires_at: Timestamp,
) -> Result<Option<(UserId, MembershipId)>, DbError> {
    diesel::update(sessions::table)
        .filter(sessions::clinic_id.eq(tx.clinic()).and(sessions::id.eq(session)))
        .filter(sessions::ended_at.is_null().and(sessions::expires_at.gt(tx.now())))
        .set((sessions::last_used_at.eq(tx.now()), sessions::expires_at.eq(expires_at)))
        .returning((sessions::user_id, sessions::membership_id))
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// E-mail and name of a colleague.
pub(super) async fn user_names(tx: &TenantTx<'_>, user: UserId) -> Result<(EmailAddress, PersonName), DbError> {
    users::table
        .filter(users::id.eq(user))
        .select((users::email, users::name))
        .first(&mut tx.conn())
        .await
        .or_database()
}

/// Whether the sign-in is open still, with the user's row kept from a change of the password until the transaction ends: that
/// ends every sign-in it finds, and must find what comes of this one. The user is open to the transaction.
pub(super) async fn is_still_open(tx: &TenantTx<'_>, user: UserId, session: SessionId) -> Result<bool, DbError> {
    lock_user(tx, user).await?;
    let open = sessions::table
        .filter(sessions::user_id.eq(user).and(sessions::id.eq(session)))
        .filter(sessions::ended_at.is_null());
    diesel::select(diesel::dsl::exists(open))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}
