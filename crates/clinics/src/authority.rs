//! Who may give which roles, and change the place of whom.
//!
//! Nobody grants permissions they lack. An owner is the one exception, since owners answer for their clinic: they may grant
//! every role, the clinical one included, though they do not read records themselves. Only owners touch owners.

use db::schema::memberships;
use db::{DbError, QueryResultExt as _, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Actor, Caller as _, PermissionSet, Principal, Role};

/// What a caller may do to others' places in the clinic. An integration has its permissions, but no roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    permissions: PermissionSet,
    is_owner: bool,
}

impl Authority {
    /// The authority of `principal`, by the roles that they hold now.
    ///
    /// # Errors
    /// [`DbError`] when the roles cannot be read.
    pub async fn of(tx: &TenantRead<'_>, principal: &Principal) -> Result<Self, DbError> {
        let Actor::User { membership, .. } = principal.actor() else {
            return Ok(Self {
                permissions: principal.permissions(),
                is_owner: false,
            });
        };
        let roles: Option<Vec<String>> = memberships::table
            .filter(
                memberships::clinic_id
                    .eq(tx.clinic())
                    .and(memberships::id.eq(membership)),
            )
            .filter(memberships::archived_at.is_null())
            .select(memberships::roles)
            .first(&mut tx.conn())
            .await
            .optional()
            .or_database::<DbError>()?;
        Ok(Self::of_roles(&parse_roles(&roles.unwrap_or_default())))
    }

    pub(crate) fn of_roles(roles: &[Role]) -> Self {
        Self {
            permissions: Role::permissions_of(roles),
            is_owner: roles.contains(&Role::Owner),
        }
    }

    /// Whether the caller may give all of `roles`.
    #[must_use]
    pub fn may_grant(&self, roles: &[Role]) -> bool {
        self.is_owner || (!roles.contains(&Role::Owner) && self.permissions.covers(Role::permissions_of(roles)))
    }

    /// Whether the caller may change the place of a colleague who holds `roles`.
    #[must_use]
    pub fn may_change(&self, roles: &[Role]) -> bool {
        self.is_owner || !roles.contains(&Role::Owner)
    }
}

/// The roles with these names. A name that this version does not know is left out: it gives nothing.
#[must_use]
pub fn parse_roles(names: &[String]) -> Vec<Role> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// The names of `roles`, each once and in their fixed order, as they are stored.
#[must_use]
pub fn role_names(roles: &[Role]) -> Vec<&'static str> {
    Role::ALL
        .iter()
        .filter(|role| roles.contains(role))
        .map(|role| role.name())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_grants_every_role() {
        let owner = Authority::of_roles(&[Role::Owner]);
        assert!(owner.may_grant(Role::ALL) && owner.may_change(Role::ALL));
    }

    #[test]
    fn nobody_else_grants_what_they_lack() {
        let admin = Authority::of_roles(&[Role::Admin]);
        for (role, allowed) in [
            (Role::Owner, false),
            (Role::Admin, true),
            (Role::Practitioner, false),
            (Role::Receptionist, true),
            (Role::Billing, false),
            (Role::Auditor, true),
        ] {
            assert_eq!(admin.may_grant(&[role]), allowed, "{role}");
        }
        assert!(!admin.may_grant(&[Role::Receptionist, Role::Billing]));
        let treating = Authority::of_roles(&[Role::Admin, Role::Practitioner]);
        assert!(treating.may_grant(&[Role::Practitioner]));
    }

    #[test]
    fn the_permissions_of_an_owner_do_not_make_one() {
        let alike = Authority::of_roles(&[Role::Admin, Role::Billing]);
        assert_eq!(alike.permissions, Role::Owner.permissions());
        assert!(!alike.may_grant(&[Role::Owner]) && !alike.may_change(&[Role::Owner, Role::Practitioner]));
        assert!(alike.may_change(&[Role::Practitioner]));
    }

    #[test]
    fn role_names_are_stored_once_and_in_order() {
        assert_eq!(
            role_names(&[Role::Billing, Role::Owner, Role::Billing]),
            ["owner", "billing"]
        );
        let stored = ["owner".to_owned(), "a role of tomorrow".to_owned()];
        assert_eq!(parse_roles(&stored), [Role::Owner]);
    }
}
