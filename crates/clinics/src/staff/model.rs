//! What a member of the staff is, and what changes when their roles do.

use db::schema::{memberships, practitioners, users};
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::email::EmailAddress;
use kernel::text::PersonName;
use kernel::{MembershipId, PractitionerId, Role, Timestamp, UserId, Version};

use crate::authority::parse_roles;
use crate::credentials::ClinicSummary;
use crate::resource::catalogue::CataloguePosition;

/// A person's place in the clinic, with who the person is.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(check_for_backend(Pg))]
pub struct Member {
    /// The place.
    #[diesel(select_expression = memberships::id)]
    pub id: MembershipId,
    /// The person, who may have places in other clinics too.
    #[diesel(select_expression = memberships::user_id)]
    pub user_id: UserId,
    /// Their name.
    #[diesel(select_expression = users::name)]
    pub name: PersonName,
    /// What they sign in with.
    #[diesel(select_expression = users::email)]
    pub email: EmailAddress,
    /// What they may do.
    #[diesel(select_expression = memberships::roles, deserialize_as = StoredRoles)]
    pub roles: Vec<Role>,
    /// The practitioner they are, if they treat patients here.
    #[diesel(select_expression = practitioners::id.nullable())]
    pub practitioner_id: Option<PractitionerId>,
    /// When they were removed.
    #[diesel(select_expression = memberships::archived_at)]
    pub archived_at: Option<Timestamp>,
    /// How often the place was written.
    #[diesel(select_expression = memberships::version)]
    pub version: Version,
    /// When they joined.
    #[diesel(select_expression = memberships::created_at)]
    pub created_at: Timestamp,
    /// When the place was last written.
    #[diesel(select_expression = memberships::updated_at)]
    pub updated_at: Timestamp,
}

/// A member as somebody to write to.
#[derive(Debug, Clone, Queryable)]
#[diesel(check_for_backend(Pg))]
pub struct Addressee {
    /// Where mails to them go.
    pub to: EmailAddress,
    /// Their name.
    pub name: PersonName,
    /// The clinic they are written to about.
    pub clinic: ClinicSummary,
}

/// Roles as they come from their column; public as the row is, reachable by nobody else.
pub struct StoredRoles(Vec<Role>);

impl From<StoredRoles> for Vec<Role> {
    fn from(roles: StoredRoles) -> Self {
        roles.0
    }
}

impl Queryable<diesel::sql_types::Array<diesel::sql_types::Text>, Pg> for StoredRoles {
    type Row = Vec<String>;

    fn build(names: Vec<String>) -> diesel::deserialize::Result<Self> {
        Ok(Self(parse_roles(&names)))
    }
}

impl Member {
    /// Where the member stands in the list.
    pub(super) fn position(&self) -> CataloguePosition {
        CataloguePosition {
            name: self.name.as_str().to_owned(),
            created_at: self.created_at,
            id: *self.id.as_uuid(),
        }
    }
}

/// The roles that are given or taken when `current` become `wanted`.
pub(super) fn difference(current: &[Role], wanted: &[Role]) -> Vec<Role> {
    Role::ALL
        .iter()
        .copied()
        .filter(|role| current.contains(role) != wanted.contains(role))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_given_or_taken() {
        use Role::{Admin, Auditor, Billing, Owner};
        assert_eq!(difference(&[Admin, Billing], &[Billing, Auditor]), [Admin, Auditor]);
        assert_eq!(difference(&[Owner, Owner], &[Owner]), []);
    }
}
