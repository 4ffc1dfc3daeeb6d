//! Bundles of permissions, as memberships hold them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Permission, PermissionSet};

/// A named bundle of permissions that a membership holds; a membership may hold several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Owns the clinic: everything but clinical records.
    Owner,
    /// Runs the clinic: as owner, without refunds and without changing owners.
    Admin,
    /// Treats patients.
    Practitioner,
    /// Runs the front desk.
    Receptionist,
    /// Runs the money.
    Billing,
    /// Looks, and changes nothing.
    Auditor,
}

impl Role {
    /// Every role there is.
    pub const ALL: &'static [Self] = &[
        Self::Owner,
        Self::Admin,
        Self::Practitioner,
        Self::Receptionist,
        Self::Billing,
        Self::Auditor,
    ];

    /// The role's name in the API and in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Practitioner => "practitioner",
            Self::Receptionist => "receptionist",
            Self::Billing => "billing",
            Self::Auditor => "auditor",
        }
    }

    /// What the role may do. Owner and admin do not read clinical records: an owner who treats patients also holds
    /// [`Role::Practitioner`].
    #[must_use]
    pub fn permissions(self) -> PermissionSet {
        use Permission as P;
        match self {
            Self::Owner => {
                let clinical =
                    PermissionSet::of(&[P::RecordsRead, P::RecordsWrite, P::RecordsSign, P::RecordsBreakGlass]);
                Permission::ALL
                    .iter()
                    .copied()
                    .filter(|permission| !clinical.contains(*permission))
                    .collect()
            }
            Self::Admin => Self::Owner
                .permissions()
                .iter()
                .filter(|permission| *permission != P::FinancialRefund)
                .collect(),
            Self::Practitioner => PermissionSet::of(&[
                P::ClinicRead,
                P::ContactsRead,
                P::ContactsWrite,
                P::AppointmentsRead,
                P::AppointmentsWrite,
                P::AppointmentsOverbook,
                P::ConversationsRead,
                P::ConversationsWrite,
                P::RecordsRead,
                P::RecordsWrite,
                P::RecordsSign,
                P::RecordsBreakGlass,
            ]),
            Self::Receptionist => PermissionSet::of(&[
                P::ClinicRead,
                P::ContactsRead,
                P::ContactsWrite,
                P::ContactsMerge,
                P::AppointmentsRead,
                P::AppointmentsWrite,
                P::AppointmentsOverbook,
                P::ConversationsRead,
                P::ConversationsWrite,
                P::FinancialRead,
                P::FinancialWrite,
            ]),
            Self::Billing => PermissionSet::of(&[
                P::ClinicRead,
                P::ContactsRead,
                P::AppointmentsRead,
                P::FinancialRead,
                P::FinancialWrite,
                P::FinancialRefund,
                P::FinancialReports,
            ]),
            Self::Auditor => PermissionSet::of(&[
                P::AuditRead,
                P::ClinicRead,
                P::StaffRead,
                P::MonitoringRead,
                P::FinancialReports,
            ]),
        }
    }

    /// What `roles` together may do.
    #[must_use]
    pub fn permissions_of(roles: &[Self]) -> PermissionSet {
        roles
            .iter()
            .fold(PermissionSet::NONE, |set, role| set.union(role.permissions()))
    }
}

/// A name that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such role")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|role| role.name() == name)
            .ok_or(UnknownRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(*role));
        }
    }

    #[test]
    fn administration_does_not_imply_clinical_reading() {
        for role in [
            Role::Owner,
            Role::Admin,
            Role::Receptionist,
            Role::Billing,
            Role::Auditor,
        ] {
            assert!(!role.permissions().contains(Permission::RecordsRead), "{role}");
        }
        assert!(Role::Owner.permissions().contains(Permission::FinancialRefund));
        assert!(!Role::Admin.permissions().contains(Permission::FinancialRefund));
    }

    #[test]
    fn a_set_covers_its_parts_only() {
        let owner = Role::Owner.permissions();
        assert!(owner.covers(Role::Admin.permissions()));
        assert!(!Role::Admin.permissions().covers(owner));
        assert_eq!(Role::permissions_of(&[Role::Admin, Role::Owner]), owner);
    }
}
