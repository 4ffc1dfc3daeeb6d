//! SQL of invitations, and of the accounts and places that come of them.

use auth::SecretHash;
use db::schema::{clinics, invitations, memberships, users};
use db::{DbError, QueryResultExt as _, TenantRead, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::email::EmailAddress;
use kernel::{EventId, InvitationId, MembershipId, Timestamp};
use rest::Paging;

use super::error::InvitationError;
use super::model::{Invitation, InvitationPosition, InvitationStatus, LIFETIME, MailState, NewInvitation};
use crate::authority::role_names;
use crate::credentials::ClinicSummary;
use crate::resource::keyset::changed_since;

pub(super) async fn insert(
    tx: &TenantTx<'_>,
    new: &NewInvitation,
    secret: SecretHash,
    invited_by: Option<MembershipId>,
    is_mailed: bool,
) -> Result<Invitation, InvitationError> {
    diesel::insert_into(invitations::table)
        .values((
            invitations::clinic_id.eq(tx.clinic()),
            invitations::id.eq(InvitationId::new_at(tx.now())),
            invitations::email.eq(&new.email),
            invitations::name.eq(&new.name),
            invitations::roles.eq(role_names(&new.roles)),
            invitations::secret_hash.eq(secret.as_bytes()),
            invitations::invited_by.eq(invited_by),
            invitations::expires_at.eq(tx.now().saturating_add(LIFETIME)),
            invitations::created_at.eq(tx.now()),
            invitations::mail_state.eq(is_mailed.then_some(MailState::Queued)),
            invitations::mail_asked_at.eq(is_mailed.then(|| tx.now())),
        ))
        .returning(Invitation::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("invitations_open_once", || InvitationError::AlreadyInvited)
        .or_database()
}

/// Puts invitations for `email` away whose time is over, so that a new one can be made.
pub(super) async fn archive_expired(tx: &TenantTx<'_>, email: &EmailAddress) -> Result<(), DbError> {
    diesel::update(invitations::table)
        .filter(invitations::clinic_id.eq(tx.clinic()).and(invitations::email.eq(email)))
        .filter(
            invitations::accepted_at
                .is_null()
                .and(invitations::archived_at.is_null()),
        )
        .filter(invitations::expires_at.le(tx.now()))
        .set(invitations::archived_at.eq(tx.now()))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}

/// Whether a person with this e-mail works in the clinic.
pub(super) async fn is_member(tx: &TenantRead<'_>, email: &EmailAddress) -> Result<bool, DbError> {
    let places = memberships::table
        .inner_join(users::table.on(users::id.eq(memberships::user_id)))
        .filter(
            memberships::clinic_id
                .eq(tx.clinic())
                .and(memberships::archived_at.is_null()),
        )
        .filter(users::email.eq(email));
    diesel::select(diesel::dsl::exists(places))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

pub(super) async fn find(tx: &TenantRead<'_>, id: InvitationId) -> Result<Option<Invitation>, DbError> {
    invitations::table
        .filter(invitations::clinic_id.eq(tx.clinic()).and(invitations::id.eq(id)))
        .select(Invitation::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The row, kept from other writers until the transaction ends.
pub(super) async fn lock(tx: &TenantTx<'_>, id: InvitationId) -> Result<Option<Invitation>, DbError> {
    invitations::table
        .filter(invitations::clinic_id.eq(tx.clinic()).and(invitations::id.eq(id)))
        .select(Invitation::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The invitation with this secret.
pub(super) async fn find_by_secret(tx: &TenantRead<'_>, secret: SecretHash) -> Result<Option<Invitation>, DbError> {
    invitations::table
        .filter(
            invitations::clinic_id
                .eq(tx.clinic())
                .and(invitations::secret_hash.eq(secret.as_bytes())),
        )
        .select(Invitation::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// A page of the invitations, the newest first.
pub(super) async fn list(
    tx: &TenantRead<'_>,
    status: Option<InvitationStatus>,
    updated_since: Option<Timestamp>,
    paging: &Paging<InvitationPosition>,
) -> Result<Vec<Invitation>, DbError> {
    let query = invitations::table
        .filter(invitations::clinic_id.eq(tx.clinic()))
        .order(invitations::id.desc())
        .limit(paging.fetch())
        .select(Invitation::as_select())
        .into_boxed::<diesel::pg::Pg>();
    let undecided = invitations::accepted_at
        .is_null()
        .and(invitations::archived_at.is_null());
    let query = match status {
        None => query,
        Some(InvitationStatus::Open) => query.filter(undecided.and(invitations::expires_at.gt(tx.now()))),
        Some(InvitationStatus::Expired) => query.filter(undecided.and(invitations::expires_at.le(tx.now()))),
        Some(InvitationStatus::Accepted) => query.filter(invitations::accepted_at.is_not_null()),
        Some(InvitationStatus::Archived) => query.filter(invitations::archived_at.is_not_null()),
    };
    let query = changed_since!(query, invitations, updated_since);
    let query = match paging.after() {
        None => query,
        Some(after) => query.filter(invitations::id.lt(after.id)),
    };
    query.load(&mut tx.conn()).await.or_database()
}

/// Takes the invitation back.
pub(super) async fn archive(tx: &TenantTx<'_>, id: InvitationId) -> Result<(), DbError> {
    diesel::update(invitations::table)
        .filter(invitations::clinic_id.eq(tx.clinic()).and(invitations::id.eq(id)))
        .set(invitations::archived_at.eq(tx.now()))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}

/// Marks the invitation accepted, if it is still open: of two who come at the same time one finds it closed.
pub(super) async fn accept(tx: &TenantTx<'_>, id: InvitationId) -> Result<bool, DbError> {
    let rows = diesel::update(invitations::table)
        .filter(invitations::clinic_id.eq(tx.clinic()).and(invitations::id.eq(id)))
        .filter(
            invitations::accepted_at
                .is_null()
                .and(invitations::archived_at.is_null()),
        )
        .filter(invitations::expires_at.gt(tx.now()))
        .set(invitations::accepted_at.eq(tx.now()))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(rows == 1)
}

/// Has the invitation mailed anew: its time starts again.
pub(super) async fn ask_for_mail(tx: &TenantTx<'_>, id: InvitationId) -> Result<Invitation, DbError> {
    diesel::update(invitations::table)
        .filter(invitations::clinic_id.eq(tx.clinic()).and(invitations::id.eq(id)))
        .set((
            invitations::mail_state.eq(MailState::Queued),
            invitations::mail_asked_at.eq(tx.now()),
            invitations::expires_at.eq(tx.now().saturating_add(LIFETIME)),
        ))
        .returning(Invitation::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// The job whose mail carries the secret, and that secret's hash.
pub(super) async fn mailed_secret(
    tx: &TenantRead<'_>,
    id: InvitationId,
) -> Result<(Option<EventId>, Vec<u8>), DbError> {
    invitations::table
        .filter(invitations::clinic_id.eq(tx.clinic()).and(invitations::id.eq(id)))
        .select((invitations::mail_job, invitations::secret_hash))
        .first(&mut tx.conn())
        .await
        .or_database()
}

/// Makes `secret`, which `job` mails, the one that lets the person in.
pub(super) async fn set_mailed_secret(
    tx: &TenantTx<'_>,
    id: InvitationId,
    job: EventId,
    secret: SecretHash,
) -> Result<(), DbError> {
    diesel::update(invitations::table)
        .filter(invitations::clinic_id.eq(tx.clinic()).and(invitations::id.eq(id)))
        .set((
            invitations::mail_job.eq(job),
            invitations::secret_hash.eq(secret.as_bytes()),
        ))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}

/// Notes what became of the mail of `job`, unless a later one is under way; says whether it did.
pub(super) async fn set_mail_state(
    tx: &TenantTx<'_>,
    id: InvitationId,
    job: EventId,
    state: MailState,
) -> Result<bool, DbError> {
    let rows = diesel::update(invitations::table)
        .filter(invitations::clinic_id.eq(tx.clinic()).and(invitations::id.eq(id)))
        .filter(invitations::mail_job.eq(job).and(invitations::mail_state.ne(state)))
        .set(invitations::mail_state.eq(state))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(rows == 1)
}

/// The names of the roles of a member who works here, kept from changes until the transaction ends.
pub(super) async fn roles_of_inviter(tx: &TenantRead<'_>, id: MembershipId) -> Result<Option<Vec<String>>, DbError> {
    memberships::table
        .filter(memberships::clinic_id.eq(tx.clinic()).and(memberships::id.eq(id)))
        .filter(memberships::archived_at.is_null())
        .select(memberships::roles)
        .for_share()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The clinic, if it is active.
pub(super) async fn active_clinic(tx: &TenantRead<'_>) -> Result<Option<ClinicSummary>, DbError> {
    clinics::table
        .filter(clinics::id.eq(tx.clinic()).and(clinics::status.eq("active")))
        .select(ClinicSummary::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}
