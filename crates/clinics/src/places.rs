//! Accounts and places in clinics, as they are made: by an accepted invitation, or by the operator.

use db::schema::{memberships, users};
use db::{DbError, QueryResultExt as _, TenantTx, tx_error};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::email::EmailAddress;
use kernel::text::PersonName;
use kernel::{MembershipId, Role, UserId};

use crate::authority::role_names;

/// Why an account or a place could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// The e-mail has an account.
    #[error("the e-mail has an account already")]
    AccountExists,
    /// The person works in the clinic already.
    #[error("this person works in the clinic already")]
    AlreadyMember,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(PlaceError);

/// Makes an account. The e-mail must be open to the transaction.
pub(crate) async fn insert_user(
    tx: &TenantTx<'_>,
    email: &EmailAddress,
    name: &PersonName,
    password_hash: &str,
) -> Result<UserId, PlaceError> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(UserId::new_at(tx.now())),
            users::email.eq(email),
            users::name.eq(name),
            users::password_hash.eq(password_hash),
            users::created_at.eq(tx.now()),
        ))
        .returning(users::id)
        .get_result(&mut tx.conn())
        .await
        .on_constraint("users_email_key", || PlaceError::AccountExists)
        .or_database()
}

/// Gives `user` a place in the clinic.
pub(crate) async fn insert_membership(
    tx: &TenantTx<'_>,
    user: UserId,
    roles: &[Role],
) -> Result<MembershipId, PlaceError> {
    diesel::insert_into(memberships::table)
        .values((
            memberships::clinic_id.eq(tx.clinic()),
            memberships::id.eq(MembershipId::new_at(tx.now())),
            memberships::user_id.eq(user),
            memberships::roles.eq(role_names(roles)),
            memberships::created_at.eq(tx.now()),
        ))
        .returning(memberships::id)
        .get_result(&mut tx.conn())
        .await
        .on_constraint("memberships_user_once", || PlaceError::AlreadyMember)
        .or_database()
}
