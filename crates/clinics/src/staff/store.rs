//! The SQL of the staff.

use db::schema::{clinics, memberships, practitioners, sessions, users};
use db::{DbError, QueryResultExt, TenantRead};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{MembershipId, Role, SessionId, Timestamp, Version};
use rest::Paging;

use super::error::StaffError;
use super::model::{Addressee, Member};
use crate::authority::role_names;
use crate::credentials::ClinicSummary;
use crate::resource::catalogue::{CataloguePosition, StatusFilter, catalogue_page};
use crate::resource::error::{RowError, check_version, kind};
use crate::resource::keyset::changed_since;

/// Memberships with who they are of, and which practitioner that is.
macro_rules! members {
    ($tx:expr) => {
        memberships::table
            .inner_join(users::table.on(users::id.eq(memberships::user_id)))
            .left_join(
                practitioners::table.on(practitioners::clinic_id
                    .eq(memberships::clinic_id)
                    .and(practitioners::membership_id.eq(memberships::id.nullable()))
                    .and(practitioners::archived_at.is_null())),
            )
            .filter(memberships::clinic_id.eq($tx.clinic()))
    };
}

/// One page of the staff.
pub(super) async fn list(
    tx: &TenantRead<'_>,
    status: StatusFilter,
    role: Option<Role>,
    updated_since: Option<Timestamp>,
    paging: &Paging<CataloguePosition>,
) -> Result<Vec<Member>, RowError> {
    let query = members!(tx).into_boxed::<Pg>();
    let query = match status {
        StatusFilter::Active => query.filter(memberships::archived_at.is_null()),
        StatusFilter::Archived => query.filter(memberships::archived_at.is_not_null()),
        StatusFilter::Any => query,
    };
    let query = match role {
        None => query,
        Some(role) => query.filter(memberships::roles.contains(vec![role.name()])),
    };
    let query = changed_since!(query, memberships, updated_since);
    catalogue_page!(
        query, name: users::name, created_at: memberships::created_at, id: memberships::id, paging
    )
    .select(Member::as_select())
    .load(&mut tx.conn())
    .await
    .or_database()
}

/// A member, removed or not.
pub(super) async fn find(tx: &TenantRead<'_>, id: MembershipId) -> Result<Member, RowError> {
    members!(tx)
        .filter(memberships::id.eq(id))
        .select(Member::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::MEMBER))
}

/// A member of the expected version, whose place is kept from other writers until the transaction ends.
pub(super) async fn lock(tx: &TenantRead<'_>, id: MembershipId, expected: Option<Version>) -> Result<Member, RowError> {
    memberships::table
        .filter(memberships::clinic_id.eq(tx.clinic()).and(memberships::id.eq(id)))
        .select(memberships::id)
        .for_no_key_update()
        .first::<MembershipId>(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?;
    let member = find(tx, id).await?;
    check_version(expected, member.version)?;
    Ok(member)
}

/// The places of the clinic's owners.
///
/// # Errors
/// The database's.
pub async fn owners(tx: &TenantRead<'_>) -> Result<Vec<MembershipId>, DbError> {
    memberships::table
        .filter(memberships::clinic_id.eq(tx.clinic()))
        .filter(memberships::roles.contains(role_names(&[Role::Owner])))
        .filter(memberships::archived_at.is_null())
        .order(memberships::id)
        .select(memberships::id)
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// An owner as somebody to write to; nobody, when the place has ended, is no owner's any more, or the clinic is closed.
///
/// # Errors
/// The database's.
pub async fn owner(tx: &TenantRead<'_>, id: MembershipId) -> Result<Option<Addressee>, DbError> {
    memberships::table
        .inner_join(users::table.on(users::id.eq(memberships::user_id)))
        .inner_join(clinics::table.on(clinics::id.eq(memberships::clinic_id)))
        .filter(memberships::clinic_id.eq(tx.clinic()).and(memberships::id.eq(id)))
        .filter(memberships::roles.contains(role_names(&[Role::Owner])))
        .filter(memberships::archived_at.is_null().and(clinics::status.eq("active")))
        .select((users::email, users::name, ClinicSummary::as_select()))
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Gives a member exactly these roles.
pub(super) async fn set_roles(tx: &TenantRead<'_>, id: MembershipId, roles: &[Role]) -> Result<(), StaffError> {
    diesel::update(memberships::table)
        .filter(memberships::clinic_id.eq(tx.clinic()).and(memberships::id.eq(id)))
        .set(memberships::roles.eq(role_names(roles)))
        .execute(&mut tx.conn())
        .await
        .map(drop)
        .on_constraint("memberships_last_owner", || StaffError::LastOwner)
        .or_database()
}

/// Ends a member's place.
pub(super) async fn archive(tx: &TenantRead<'_>, id: MembershipId) -> Result<(), StaffError> {
    diesel::update(memberships::table)
        .filter(memberships::clinic_id.eq(tx.clinic()).and(memberships::id.eq(id)))
        .set(memberships::archived_at.eq(tx.now()))
        .execute(&mut tx.conn())
        .await
        .map(drop)
        .on_constraint("memberships_last_owner", || StaffError::LastOwner)
        .or_database()
}

/// Ends all sign-ins that are open at a member's place, and names them.
pub(super) async fn end_sessions(tx: &TenantRead<'_>, id: MembershipId) -> Result<Vec<SessionId>, RowError> {
    diesel::update(sessions::table)
        .filter(sessions::clinic_id.eq(tx.clinic()).and(sessions::membership_id.eq(id)))
        .filter(sessions::ended_at.is_null())
        .set((
            sessions::ended_at.eq(tx.now()),
            sessions::ended_reason.eq("membership_removed"),
        ))
        .returning(sessions::id)
        .get_results(&mut tx.conn())
        .await
        .or_database()
}
