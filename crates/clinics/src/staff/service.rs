//! The rules of the staff: nobody gives or takes what they lack, only owners change owners, and one owner stays.

use db::{AuditRecord, TenantTx};
use kernel::{MembershipId, Principal, Role, Version};
use serde_json::json;

use super::error::StaffError;
use super::model::{Member, difference};
use super::store;
use crate::authority::{Authority, role_names};
use crate::resource::error::{RowError, kind};
use crate::tags;

/// Gives a member exactly `roles`, which are not empty.
///
/// # Errors
/// [`StaffError`]: no such member, removed, changed in the meantime, beyond the caller's authority, or the last owner.
pub async fn change_roles(
    tx: &mut TenantTx<'_>,
    caller: &Principal,
    id: MembershipId,
    roles: &[Role],
    expected: Option<Version>,
) -> Result<Member, StaffError> {
    let member = store::lock(tx, id, expected).await?;
    if member.archived_at.is_some() {
        return Err(RowError::Archived(kind::MEMBER).into());
    }
    let changed = difference(&member.roles, roles);
    if changed.is_empty() {
        return Ok(member);
    }
    check_authority(&Authority::of(tx, caller).await?, &member.roles, &changed)?;
    store::set_roles(tx, id, roles).await?;
    tx.audit(
        AuditRecord::new("staff.change_roles", kind::MEMBER.name(), id.as_uuid())
            .with_detail(json!({ "from": role_names(&member.roles), "to": role_names(roles) })),
    );
    touch(tx, id);
    Ok(store::find(tx, id).await?)
}

/// Removes a member: their place ends, and with it every sign-in and API key they have here. Doing it twice is doing it once.
///
/// # Errors
/// [`StaffError`]: as [`change_roles`].
pub async fn remove(
    tx: &mut TenantTx<'_>,
    caller: &Principal,
    id: MembershipId,
    expected: Option<Version>,
) -> Result<(), StaffError> {
    let member = store::lock(tx, id, expected).await?;
    if member.archived_at.is_some() {
        return Ok(());
    }
    check_authority(&Authority::of(tx, caller).await?, &member.roles, &member.roles)?;
    store::archive(tx, id).await?;
    let ended = store::end_sessions(tx, id).await?;
    tx.audit(
        AuditRecord::new("staff.remove", kind::MEMBER.name(), id.as_uuid())
            .with_detail(json!({ "sessions_ended": ended.len() })),
    );
    touch(tx, id);
    Ok(())
}

/// Whether a caller of this `authority` may give or take the roles `changed` of a member who holds `current`.
fn check_authority(authority: &Authority, current: &[Role], changed: &[Role]) -> Result<(), StaffError> {
    let touches_owners = !authority.may_change(current) || !authority.may_change(changed);
    if touches_owners {
        Err(StaffError::OwnersOnly)
    } else if authority.may_grant(changed) {
        Ok(())
    } else {
        Err(StaffError::RoleBeyondYours)
    }
}

fn touch(tx: &mut TenantTx<'_>, id: MembershipId) {
    tx.touch(tags::staff());
    tx.touch(tags::membership(id));
}
