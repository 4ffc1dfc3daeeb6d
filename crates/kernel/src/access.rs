//! Who acts, in which clinic, and what they may do: permissions, roles, and the callers of everything else.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ids::{ApiKeyId, ClinicId, MembershipId, RequestId, SessionId, UserId};

macro_rules! permissions {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// One thing a caller may be allowed to do. The names are part of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Permission {
            $(#[doc = concat!("`", $name, "`")] #[serde(rename = $name)] $variant),+
        }

        impl Permission {
            /// Every permission there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The permission's name in the API and in tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The permission's place in a set of bits.
            const fn bit(self) -> u64 {
                match self { $(Self::$variant => 1 << (Self::$variant as u8)),+ }
            }
        }

        // Not derived: the derivation does not see a name that comes from a macro.
        impl PartialSchema for Permission {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some("One thing a caller may be allowed to do."))
                    .enum_values(Some(Self::ALL.iter().map(|permission| permission.name())))
                    .into()
            }
        }

        impl ToSchema for Permission {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed("Permission")
            }
        }
    };
}

#[expect(
    clippy::as_conversions,
    reason = "the discriminant of a field-less enum, fewer than 64"
)]
mod permission {
    use std::borrow::Cow;

    use utoipa::PartialSchema;
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    use utoipa::openapi::{RefOr, Schema};

    use super::{Deserialize, Serialize, ToSchema};

    permissions! {
        ClinicRead = "clinic:read",
        ClinicManage = "clinic:manage",
        StaffRead = "staff:read",
        StaffManage = "staff:manage",
        ContactsRead = "contacts:read",
        ContactsWrite = "contacts:write",
        ContactsMerge = "contacts:merge",
        ContactsExport = "contacts:export",
        ImportsRun = "imports:run",
        AppointmentsRead = "appointments:read",
        AppointmentsWrite = "appointments:write",
        AppointmentsOverbook = "appointments:overbook",
        ConversationsRead = "conversations:read",
        ConversationsWrite = "conversations:write",
        ConversationsManage = "conversations:manage",
        RecordsRead = "records:read",
        RecordsWrite = "records:write",
        RecordsSign = "records:sign",
        RecordsBreakGlass = "records:break_glass",
        FinancialRead = "financial:read",
        FinancialWrite = "financial:write",
        FinancialRefund = "financial:refund",
        FinancialReports = "financial:reports",
        AuditRead = "audit:read",
        ApiKeysManage = "api_keys:manage",
        WebhooksManage = "webhooks:manage",
        PrivacyManage = "privacy:manage",
        MonitoringRead = "monitoring:read",
    }

    impl Permission {
        pub(super) const fn mask(self) -> u64 {
            self.bit()
        }
    }
}

pub use permission::Permission;

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that is no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such permission")]
pub struct UnknownPermission;

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|permission| permission.name() == name)
            .ok_or(UnknownPermission)
    }
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// The set of `permissions`.
    #[must_use]
    pub fn of(permissions: &[Permission]) -> Self {
        permissions.iter().copied().collect()
    }

    /// Whether `permission` is in the set.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.mask() != 0
    }

    /// Whether every permission of `other` is in this set: nobody grants what they lack.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The permissions in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The permissions in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The permissions, in their fixed order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(move |permission| self.contains(*permission))
    }

    /// The set as bits, for cache keys: two callers with the same bits may see the same answers.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(
            permissions
                .into_iter()
                .fold(0, |bits, permission| bits | permission.mask()),
        )
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_set()
            .entries(self.iter().map(Permission::name))
            .finish()
    }
}

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

/// Who did something, as the audit log remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A signed-in person.
    User {
        /// The person.
        user: UserId,
        /// Their place in the clinic.
        membership: MembershipId,
        /// The sign-in they came by.
        session: SessionId,
    },
    /// An integration.
    ApiKey {
        /// The key it came with.
        key: ApiKeyId,
    },
    /// The system itself: a job, the command line, a public link.
    System {
        /// Which part of it, such as `import` or `calendar_feed`.
        component: &'static str,
    },
}

impl Actor {
    /// The kind of actor, as stored: `user`, `api_key` or `system`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::ApiKey { .. } => "api_key",
            Self::System { .. } => "system",
        }
    }

    /// The actor's id, where it has one.
    #[must_use]
    pub const fn id(&self) -> Option<&Uuid> {
        match self {
            Self::User { user, .. } => Some(user.as_uuid()),
            Self::ApiKey { key } => Some(key.as_uuid()),
            Self::System { .. } => None,
        }
    }
}

/// Where a call came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    /// The HTTP request, when there was one.
    pub request: Option<RequestId>,
    /// The client's address, when there was one.
    pub address: Option<IpAddr>,
}

/// One who may act inside one clinic. Sealed: only [`Principal`] and [`System`] are callers, so that there is no other way
/// to a clinic's rows.
pub trait Caller: sealed::Sealed {
    /// The clinic in which the caller acts.
    fn clinic(&self) -> ClinicId;
    /// Who the caller is.
    fn actor(&self) -> Actor;
    /// Where the call came from.
    fn origin(&self) -> Origin;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Principal {}
    impl Sealed for super::System {}
}

/// A person or API key, authenticated for one clinic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    clinic: ClinicId,
    actor: Actor,
    permissions: PermissionSet,
    origin: Origin,
}

impl Principal {
    /// Vouches that `actor` was authenticated for `clinic`. Only the `auth` crate (and tests) may do so: clippy bans it elsewhere.
    #[must_use]
    pub const fn vouch(clinic: ClinicId, actor: Actor, permissions: PermissionSet) -> Self {
        Self {
            clinic,
            actor,
            permissions,
            origin: Origin {
                request: None,
                address: None,
            },
        }
    }

    /// The same principal, seen in one request.
    #[must_use]
    pub const fn in_request(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// What the principal may do.
    #[must_use]
    pub const fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    /// Whether the principal may do `permission`.
    #[must_use]
    pub const fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// The signed-in person, when it is one.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match self.actor {
            Actor::User { user, .. } => Some(user),
            Actor::ApiKey { .. } | Actor::System { .. } => None,
        }
    }

    /// The open sign-in, when it is a person.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        match self.actor {
            Actor::User { session, .. } => Some(session),
            Actor::ApiKey { .. } | Actor::System { .. } => None,
        }
    }
}

impl Caller for Principal {
    fn clinic(&self) -> ClinicId {
        self.clinic
    }

    fn actor(&self) -> Actor {
        self.actor
    }

    fn origin(&self) -> Origin {
        self.origin
    }
}

/// The system acting for one named clinic: a job, the command line, a public link whose secret was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    clinic: ClinicId,
    component: &'static str,
    origin: Origin,
}

impl System {
    /// The part `component` of the system, acting for `clinic`.
    #[must_use]
    pub const fn acting_for(clinic: ClinicId, component: &'static str) -> Self {
        Self {
            clinic,
            component,
            origin: Origin {
                request: None,
                address: None,
            },
        }
    }

    /// The same caller, seen in one request.
    #[must_use]
    pub const fn in_request(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }
}

impl Caller for System {
    fn clinic(&self) -> ClinicId {
        self.clinic
    }

    fn actor(&self) -> Actor {
        Actor::System {
            component: self.component,
        }
    }

    fn origin(&self) -> Origin {
        self.origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse(), Ok(*permission));
        }
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
