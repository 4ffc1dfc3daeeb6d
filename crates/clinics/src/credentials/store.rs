//! SQL of users' proofs: rows found before a clinic is known, failures counted, proofs used up.

use auth::recovery_codes::RecoveryCodeHash;
use chrono::TimeDelta;
use db::schema::functions::set_config;
use db::schema::{clinics, memberships, user_recovery_codes, users};
use db::{DbError, Lookup, LookupBy, QueryResultExt as _, TenantRead, TenantTx};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{Timestamp, UserId};
use uuid::Uuid;

use super::error::CredentialError;
use super::model::{Credentials, Place, SecondFactor, delay_after, wait_until};
use super::service::ProvenPassword;

/// Nobody's id: what is done for a user is done for a stranger too, and finds nothing.
pub(super) const NOBODY: UserId = UserId::from_uuid(Uuid::nil());

/// The user that the look-up is about.
pub(super) async fn find_user(lookup: &Lookup<'_>, by: &LookupBy) -> Result<Option<Credentials>, DbError> {
    let user = users::table.select(Credentials::as_select()).into_boxed();
    let user = match by {
        LookupBy::Email(email) => user.filter(users::email.eq(email)),
        LookupBy::User(id) => user.filter(users::id.eq(id)),
        LookupBy::Clinic(_) => return Ok(None),
    };
    user.first(&mut lookup.conn()).await.optional().or_database()
}

/// The places that `user` may enter, by the clinics' slugs.
pub(super) async fn places(lookup: &Lookup<'_>, user: UserId) -> Result<Vec<Place>, DbError> {
    memberships::table
        .inner_join(clinics::table.on(clinics::id.eq(memberships::clinic_id)))
        .filter(memberships::user_id.eq(user))
        .filter(memberships::archived_at.is_null())
        .filter(clinics::status.eq("active"))
        .order(clinics::slug)
        .select(Place::as_select())
        .load(&mut lookup.conn())
        .await
        .or_database()
}

/// The place of `user` in the clinic of the transaction, if they may enter it now.
pub(crate) async fn place_in_clinic(tx: &TenantRead<'_>, user: UserId) -> Result<Option<Place>, DbError> {
    memberships::table
        .inner_join(clinics::table.on(clinics::id.eq(memberships::clinic_id)))
        .filter(
            memberships::clinic_id
                .eq(tx.clinic())
                .and(memberships::user_id.eq(user)),
        )
        .filter(memberships::archived_at.is_null())
        .filter(clinics::status.eq("active"))
        .select(Place::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// How long `user` is still locked.
pub(super) async fn wait(
    connection: &AsyncPgConnection,
    user: UserId,
    now: Timestamp,
) -> Result<Option<TimeDelta>, DbError> {
    let locked_until: Option<Option<Timestamp>> = users::table
        .filter(users::id.eq(user))
        .select(users::locked_until)
        .first(&mut &*connection)
        .await
        .optional()
        .or_database::<DbError>()?;
    Ok(wait_until(locked_until.flatten(), now))
}

/// Counts a failure of `user`, or says how long they are locked already. The statement holds the row's lock until the delay is
/// set, so that of failures at the same time each counts once and none slips past a lock.
///
/// The count need not survive a crash, and its commit must take no longer than that of a stranger, for whom nothing is written:
/// it does not wait for the disk.
pub(super) async fn count_failure(lookup: &Lookup<'_>, user: UserId) -> Result<Option<TimeDelta>, DbError> {
    let (conn, now) = (lookup.conn(), lookup.now());
    diesel::select(set_config("synchronous_commit", "off", true))
        .execute(&mut &*conn)
        .await
        .or_database::<DbError>()?;
    let counted: Option<i32> = diesel::update(users::table)
        .filter(users::id.eq(user))
        .filter(users::locked_until.is_null().or(users::locked_until.le(now)))
        .set(users::failed_sign_ins.eq(users::failed_sign_ins + 1))
        .returning(users::failed_sign_ins)
        .get_result(&mut &*conn)
        .await
        .optional()
        .or_database::<DbError>()?;
    let Some(failures) = counted else {
        // Nobody has no row to be locked; another question would tell them from a user.
        return if user == NOBODY {
            Ok(None)
        } else {
            wait(conn, user, now).await
        };
    };
    if let Some(delay) = delay_after(failures) {
        diesel::update(users::table.filter(users::id.eq(user)))
            .set(users::locked_until.eq(now.saturating_add(delay)))
            .execute(&mut &*conn)
            .await
            .or_database::<DbError>()?;
    }
    Ok(None)
}

/// Whether the recovery code with this hash is still good.
pub(super) async fn recovery_code_is_unused(
    lookup: &Lookup<'_>,
    user: UserId,
    hash: &RecoveryCodeHash,
) -> Result<bool, DbError> {
    let code = user_recovery_codes::table
        .filter(
            user_recovery_codes::user_id
                .eq(user)
                .and(user_recovery_codes::code_hash.eq(hash.as_bytes())),
        )
        .filter(user_recovery_codes::used_at.is_null());
    diesel::select(diesel::dsl::exists(code))
        .get_result(&mut lookup.conn())
        .await
        .or_database()
}

/// Uses up the proof: the count of failures starts anew, the code is not good again, the password's replacement is set. The
/// user's row must be open to the transaction.
///
/// # Errors
/// [`CredentialError::Locked`] when others' failures have locked the account meanwhile, [`CredentialError::Invalid`] when the
/// password was changed or the code used.
pub(crate) async fn consume(
    tx: &TenantTx<'_>,
    user: &Credentials,
    password: &ProvenPassword,
    factor: &SecondFactor,
) -> Result<(), CredentialError> {
    if use_up_password_and_step(tx, user, password, factor).await? && use_up_recovery_code(tx, user.id, factor).await? {
        return Ok(());
    }
    let wait = wait(tx.conn(), user.id, tx.now()).await?;
    Err(wait.map_or(CredentialError::Invalid, CredentialError::Locked))
}

async fn use_up_password_and_step(
    tx: &TenantTx<'_>,
    user: &Credentials,
    password: &ProvenPassword,
    factor: &SecondFactor,
) -> Result<bool, DbError> {
    let step = match factor {
        SecondFactor::Totp(step) => Some(step.get()),
        SecondFactor::NotNeeded | SecondFactor::Recovery(_) => None,
    };
    // Failures are forgiven to who proved all there is to prove: else the password alone would give new guesses at the code.
    let forgiven = !(user.has_second_factor() && matches!(factor, SecondFactor::NotNeeded));
    let rows = diesel::update(users::table)
        .filter(users::id.eq(user.id))
        .filter(users::password_hash.eq(&password.verified))
        .filter(users::totp_confirmed_at.is_not_distinct_from(user.totp_confirmed_at))
        .filter(users::locked_until.is_null().or(users::locked_until.le(tx.now())))
        .filter(
            users::totp_last_step
                .is_null()
                .or(users::totp_last_step.lt(step.unwrap_or(i64::MAX))),
        )
        .set((
            forgiven.then(|| (users::failed_sign_ins.eq(0), users::locked_until.eq(None::<Timestamp>))),
            (!forgiven).then(|| users::failed_sign_ins.eq(users::failed_sign_ins)),
            step.map(|step| users::totp_last_step.eq(step)),
            password.replacement.as_ref().map(|hash| users::password_hash.eq(hash)),
        ))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(rows == 1)
}

async fn use_up_recovery_code(tx: &TenantTx<'_>, user: UserId, factor: &SecondFactor) -> Result<bool, DbError> {
    let SecondFactor::Recovery(hash) = factor else {
        return Ok(true);
    };
    let rows = diesel::update(user_recovery_codes::table)
        .filter(
            user_recovery_codes::user_id
                .eq(user)
                .and(user_recovery_codes::code_hash.eq(hash.as_bytes())),
        )
        .filter(user_recovery_codes::used_at.is_null())
        .set(user_recovery_codes::used_at.eq(tx.now()))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(rows == 1)
}

/// Puts `codes` in the place of the user's recovery codes. The user's rows must be open to the transaction.
pub(crate) async fn set_recovery_codes(
    tx: &TenantTx<'_>,
    user: UserId,
    codes: &[RecoveryCodeHash],
) -> Result<(), DbError> {
    diesel::delete(user_recovery_codes::table.filter(user_recovery_codes::user_id.eq(user)))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    let rows: Vec<_> = codes
        .iter()
        .map(|code| {
            (
                user_recovery_codes::user_id.eq(user),
                user_recovery_codes::code_hash.eq(code.as_bytes()),
            )
        })
        .collect();
    diesel::insert_into(user_recovery_codes::table)
        .values(rows)
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}
