//! A key of an integration, how it stands, and what it may do.

use db::schema::api_keys;
use diesel::prelude::*;
use kernel::text::Label;
use kernel::{ApiKeyId, MembershipId, Permission, PermissionSet, Timestamp, Version, text_enum};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

text_enum! {
    /// How a key stands.
    pub enum ApiKeyStatus {
        /// It can be used.
        Active = "active",
        /// It was revoked.
        Archived = "archived",
        /// Its time is over.
        Expired = "expired",
    }
    error = InvalidApiKeyStatus, code = "unknown_status";
}

/// A key to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewApiKey {
    pub(crate) name: Label,
    pub(crate) permissions: PermissionSet,
    pub(crate) expires_at: Option<Timestamp>,
}

/// A key as it is stored, without its secret.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
pub(crate) struct ApiKey {
    pub(crate) id: ApiKeyId,
    pub(crate) name: Label,
    pub(crate) secret_hint: String,
    #[diesel(column_name = permissions)]
    permission_names: Vec<String>,
    pub(crate) created_by: MembershipId,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) archived_at: Option<Timestamp>,
    pub(crate) version: Version,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl ApiKey {
    /// What was granted to the key. A name that this version does not know gives nothing.
    pub(crate) fn permissions(&self) -> Vec<Permission> {
        self.permission_names
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect()
    }

    /// How it stands at `now`.
    pub(crate) fn status(&self, now: Timestamp) -> ApiKeyStatus {
        if self.archived_at.is_some() {
            ApiKeyStatus::Archived
        } else if self.expires_at.is_some_and(|end| end <= now) {
            ApiKeyStatus::Expired
        } else {
            ApiKeyStatus::Active
        }
    }

    /// Where this row stands in the list.
    pub(crate) const fn position(&self) -> ApiKeyPosition {
        ApiKeyPosition { id: self.id }
    }
}

/// Where a page of the list ends. Ids sort by creation, so the newest comes first.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct ApiKeyPosition {
    pub(crate) id: ApiKeyId,
}

/// A key just made, with its secret.
#[derive(Debug)]
pub(crate) struct IssuedApiKey {
    pub(crate) row: ApiKey,
    pub(crate) secret: SecretString,
}

/// What of `wanted` a maker with `own` lacks.
pub(crate) fn lacking(own: PermissionSet, wanted: PermissionSet) -> PermissionSet {
    wanted.iter().filter(|permission| !own.contains(*permission)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Role;
    use uuid::Uuid;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_maker_lacks_what_their_roles_do_not_give() {
        let wanted = PermissionSet::of(&[
            Permission::ContactsRead,
            Permission::FinancialRefund,
            Permission::RecordsRead,
        ]);
        let expected = PermissionSet::of(&[Permission::FinancialRefund, Permission::RecordsRead]);
        assert_eq!(lacking(Role::Admin.permissions(), wanted), expected);
        assert_eq!(lacking(wanted, wanted), PermissionSet::NONE);
    }

    #[test]
    fn a_key_stands_until_revoked_or_expired() {
        let key = ApiKey {
            id: ApiKeyId::from_uuid(Uuid::from_u128(1)),
            name: Label::parse("Site").unwrap(),
            secret_hint: "abcd".to_owned(),
            permission_names: vec!["contacts:read".to_owned(), "of:tomorrow".to_owned()],
            created_by: MembershipId::from_uuid(Uuid::from_u128(2)),
            expires_at: Some(at("2026-12-01T00:00:00Z")),
            last_used_at: None,
            archived_at: None,
            version: Version::FIRST,
            created_at: at("2026-11-20T12:00:00Z"),
            updated_at: at("2026-11-20T12:00:00Z"),
        };
        assert_eq!(key.permissions(), [Permission::ContactsRead]);
        assert_eq!(key.status(at("2026-11-30T23:59:59Z")), ApiKeyStatus::Active);
        assert_eq!(key.status(at("2026-12-01T00:00:00Z")), ApiKeyStatus::Expired);
        let revoked = ApiKey {
            archived_at: Some(at("2026-11-21T00:00:00Z")),
            ..key
        };
        assert_eq!(revoked.status(at("2026-12-02T00:00:00Z")), ApiKeyStatus::Archived);
    }
}
