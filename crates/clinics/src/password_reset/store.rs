//! SQL of links that set a new password.

use auth::SecretHash;
use db::schema::{memberships, password_resets, users};
use db::{DbError, Lookup, QueryResultExt as _, TenantRead, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::email::EmailAddress;
use kernel::text::PersonName;
use kernel::{MembershipId, Timestamp, UserId};

use super::model::{LIFETIME, MAIL_WINDOW, MAILED_LIFETIME, Target};

/// The member of the staff, kept from changes of their roles until the transaction ends.
pub(super) async fn target(tx: &TenantRead<'_>, membership: MembershipId) -> Result<Option<Target>, DbError> {
    memberships::table
        .filter(
            memberships::clinic_id
                .eq(tx.clinic())
                .and(memberships::id.eq(membership)),
        )
        .filter(memberships::archived_at.is_null())
        .select(Target::as_select())
        .for_share()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Whether `user`, who is open to the transaction, works in another clinic too.
pub(super) async fn works_elsewhere(tx: &TenantRead<'_>, user: UserId) -> Result<bool, DbError> {
    let others = memberships::table
        .filter(
            memberships::user_id
                .eq(user)
                .and(memberships::clinic_id.ne(tx.clinic())),
        )
        .filter(memberships::archived_at.is_null());
    diesel::select(diesel::dsl::exists(others))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Stores a link for `user`, who is open to the transaction, and says when its time is over.
pub(super) async fn insert(tx: &TenantTx<'_>, user: UserId, secret: SecretHash) -> Result<Timestamp, DbError> {
    let expires_at = tx.now().saturating_add(LIFETIME);
    diesel::insert_into(password_resets::table)
        .values((
            password_resets::user_id.eq(user),
            password_resets::secret_hash.eq(secret.as_bytes()),
            password_resets::expires_at.eq(expires_at),
        ))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(expires_at)
}

/// Until when the link with this secret is good, if it was stored; nothing within when it was used or voided.
pub(super) async fn mailed_link(
    tx: &TenantRead<'_>,
    user: UserId,
    secret: SecretHash,
) -> Result<Option<Option<Timestamp>>, DbError> {
    let link: Option<(Timestamp, Option<Timestamp>)> = password_resets::table
        .filter(
            password_resets::user_id
                .eq(user)
                .and(password_resets::secret_hash.eq(secret.as_bytes())),
        )
        .select((password_resets::expires_at, password_resets::used_at))
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<DbError>()?;
    Ok(link.map(|(expires_at, used_at)| (used_at.is_none() && expires_at > tx.now()).then_some(expires_at)))
}

/// How many links were mailed to `user` lately.
pub(super) async fn mailed_lately(tx: &TenantRead<'_>, user: UserId) -> Result<i64, DbError> {
    let from = tx.now().saturating_add(-MAIL_WINDOW);
    password_resets::table
        .filter(
            password_resets::user_id
                .eq(user)
                .and(password_resets::mailed_at.gt(from)),
        )
        .count()
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Stores a link that is mailed to `user`, who is open to the transaction, and says when its time is over.
pub(super) async fn insert_mailed(tx: &TenantTx<'_>, user: UserId, secret: SecretHash) -> Result<Timestamp, DbError> {
    let expires_at = tx.now().saturating_add(MAILED_LIFETIME);
    diesel::insert_into(password_resets::table)
        .values((
            password_resets::user_id.eq(user),
            password_resets::secret_hash.eq(secret.as_bytes()),
            password_resets::expires_at.eq(expires_at),
            password_resets::mailed_at.eq(tx.now()),
        ))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(expires_at)
}

/// Where mails to `user` go, and their name.
pub(super) async fn recipient(tx: &TenantRead<'_>, user: UserId) -> Result<(EmailAddress, PersonName), DbError> {
    users::table
        .filter(users::id.eq(user))
        .select((users::email, users::name))
        .first(&mut tx.conn())
        .await
        .or_database()
}

/// Whether the link is still good.
pub(super) async fn is_good(lookup: &Lookup<'_>, user: UserId, secret: SecretHash) -> Result<bool, DbError> {
    let links = password_resets::table
        .filter(
            password_resets::user_id
                .eq(user)
                .and(password_resets::secret_hash.eq(secret.as_bytes())),
        )
        .filter(
            password_resets::used_at
                .is_null()
                .and(password_resets::expires_at.gt(lookup.now())),
        );
    diesel::select(diesel::dsl::exists(links))
        .get_result(&mut lookup.conn())
        .await
        .or_database()
}

/// Uses the link up; of two who come with it at the same time one finds it used.
pub(super) async fn use_up(tx: &TenantTx<'_>, user: UserId, secret: SecretHash) -> Result<bool, DbError> {
    let rows = diesel::update(password_resets::table)
        .filter(
            password_resets::user_id
                .eq(user)
                .and(password_resets::secret_hash.eq(secret.as_bytes())),
        )
        .filter(
            password_resets::used_at
                .is_null()
                .and(password_resets::expires_at.gt(tx.now())),
        )
        .set(password_resets::used_at.eq(tx.now()))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(rows == 1)
}

/// Sets the password; failed sign-ins are forgotten. The second factor stays.
pub(super) async fn set_password(tx: &TenantTx<'_>, user: UserId, password_hash: &str) -> Result<(), DbError> {
    diesel::update(users::table.filter(users::id.eq(user)))
        .set((
            users::password_hash.eq(password_hash),
            users::failed_sign_ins.eq(0),
            users::locked_until.eq(None::<Timestamp>),
        ))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}
