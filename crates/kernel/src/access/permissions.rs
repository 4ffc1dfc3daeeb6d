//! What a caller may be allowed to do, one thing at a time and in sets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse(), Ok(*permission));
        }
    }
}
