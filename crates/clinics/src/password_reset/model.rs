//! Whose password is to be set, who may hand out the link, and how long it is good.

use chrono::TimeDelta;
use db::schema::memberships;
use diesel::prelude::*;
use kernel::{Role, Timestamp, UserId};
use secrecy::SecretString;

use super::error::PasswordResetError;
use crate::authority::{Authority, parse_roles};

/// How long a link is good. It is handed on by people, so not minutes.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// How long a mailed link is good. It reaches its person at once, and lies in a mailbox for as long as that keeps it.
pub(crate) const MAILED_LIFETIME: TimeDelta = TimeDelta::hours(2);

/// How many links are mailed to one person in [`MAIL_WINDOW`], whoever asks.
pub(crate) const MAILS_IN_WINDOW: i64 = 3;

/// See [`MAILS_IN_WINDOW`].
pub(crate) const MAIL_WINDOW: TimeDelta = TimeDelta::hours(1);

/// A member of the staff whose password is to be set.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = memberships, check_for_backend(diesel::pg::Pg))]
pub(crate) struct Target {
    pub(crate) user_id: UserId,
    #[diesel(column_name = roles)]
    role_names: Vec<String>,
}

impl Target {
    /// Whether a caller with `authority` may hand out the link, where the member `works_elsewhere` or not.
    ///
    /// Whoever holds the link can take the member's place, so only who could have given that place may hold it; and places in
    /// other clinics are not this clinic's to give.
    pub(crate) fn permit(&self, authority: &Authority, works_elsewhere: bool) -> Result<(), PasswordResetError> {
        if !authority.may_grant(&self.roles()) {
            Err(PasswordResetError::NotPermitted)
        } else if works_elsewhere {
            Err(PasswordResetError::WorksElsewhere)
        } else {
            Ok(())
        }
    }

    fn roles(&self) -> Vec<Role> {
        parse_roles(&self.role_names)
    }
}

/// A link's secret.
#[derive(Debug)]
pub(crate) struct IssuedReset {
    pub(crate) token: SecretString,
    pub(crate) expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn target(roles: &[Role]) -> Target {
        let role_names = roles.iter().map(ToString::to_string).collect();
        Target {
            user_id: UserId::from_uuid(Uuid::from_u128(1)),
            role_names,
        }
    }

    #[test]
    fn only_who_could_give_a_place_may_hand_out_its_key() {
        let (owner, admin) = (Authority::of_roles(&[Role::Owner]), Authority::of_roles(&[Role::Admin]));
        assert!(target(&[Role::Receptionist]).permit(&admin, false).is_ok());
        for roles in [
            &[Role::Owner][..],
            &[Role::Practitioner],
            &[Role::Admin, Role::Owner],
            &[Role::Billing],
        ] {
            assert!(
                matches!(
                    target(roles).permit(&admin, false),
                    Err(PasswordResetError::NotPermitted)
                ),
                "{roles:?}"
            );
            assert!(target(roles).permit(&owner, false).is_ok(), "{roles:?}");
        }
    }

    #[test]
    fn nobody_hands_out_the_key_to_other_clinics() {
        let owner = Authority::of_roles(&[Role::Owner]);
        let target = target(&[Role::Receptionist]);
        assert!(matches!(
            target.permit(&owner, true),
            Err(PasswordResetError::WorksElsewhere)
        ));
    }
}
