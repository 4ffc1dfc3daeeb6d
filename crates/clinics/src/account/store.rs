//! SQL of one's own account.

use auth::totp::TotpStep;
use db::schema::{api_keys, clinics, memberships, password_resets, sessions, users};
use db::{DbError, QueryResultExt as _, TenantRead, TenantTx, named_by};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ApiKeyId, SessionId, Timestamp, UserId};

use super::model::{Integration, SignedInPerson};

/// The person of the sign-in.
pub(super) async fn person(tx: &TenantRead<'_>, session: SessionId) -> Result<Option<SignedInPerson>, DbError> {
    sessions::table
        .inner_join(named_by!(memberships, sessions::membership_id))
        .inner_join(users::table.on(users::id.eq(sessions::user_id)))
        .inner_join(clinics::table.on(clinics::id.eq(sessions::clinic_id)))
        .filter(sessions::clinic_id.eq(tx.clinic()).and(sessions::id.eq(session)))
        .select(SignedInPerson::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The integration of the key.
pub(super) async fn integration(tx: &TenantRead<'_>, key: ApiKeyId) -> Result<Option<Integration>, DbError> {
    api_keys::table
        .inner_join(clinics::table.on(clinics::id.eq(api_keys::clinic_id)))
        .filter(api_keys::clinic_id.eq(tx.clinic()).and(api_keys::id.eq(key)))
        .select(Integration::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Stores a second factor that waits to be confirmed, unless one is confirmed; says whether it did.
pub(super) async fn enrol(tx: &TenantTx<'_>, user: UserId, sealed: &[u8]) -> Result<bool, DbError> {
    let rows = diesel::update(users::table)
        .filter(users::id.eq(user).and(users::totp_confirmed_at.is_null()))
        .set((users::totp_sealed.eq(sealed), users::totp_last_step.eq(None::<i64>)))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(rows == 1)
}

/// Confirms the second factor `sealed`, if it still waits; says whether it did.
pub(super) async fn confirm(tx: &TenantTx<'_>, user: UserId, sealed: &[u8], step: TotpStep) -> Result<bool, DbError> {
    let rows = diesel::update(users::table)
        .filter(users::id.eq(user).and(users::totp_confirmed_at.is_null()))
        .filter(users::totp_sealed.eq(sealed))
        .set((
            users::totp_confirmed_at.eq(tx.now()),
            users::totp_last_step.eq(step.get()),
        ))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(rows == 1)
}

/// Takes the second factor away.
pub(super) async fn disable(tx: &TenantTx<'_>, user: UserId) -> Result<(), DbError> {
    diesel::update(users::table.filter(users::id.eq(user)))
        .set((
            users::totp_sealed.eq(None::<Vec<u8>>),
            users::totp_confirmed_at.eq(None::<Timestamp>),
            users::totp_last_step.eq(None::<i64>),
        ))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}

/// Makes every link void that would set another password.
pub(crate) async fn void_password_resets(tx: &TenantTx<'_>, user: UserId) -> Result<(), DbError> {
    diesel::update(password_resets::table)
        .filter(
            password_resets::user_id
                .eq(user)
                .and(password_resets::used_at.is_null()),
        )
        .set(password_resets::used_at.eq(tx.now()))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}

/// Keeps the row of `user`, who is open to the transaction, from others' writes until the transaction ends: from a change of the
/// password, and from joining a clinic.
pub(crate) async fn lock_user(tx: &TenantTx<'_>, user: UserId) -> Result<(), DbError> {
    users::table
        .filter(users::id.eq(user))
        .select(users::id)
        .for_no_key_update()
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}
