//! Who the caller is: a person by their sign-in, or an integration by its key.

use db::schema::{api_keys, memberships, sessions, users};
use diesel::prelude::*;
use kernel::email::EmailAddress;
use kernel::text::{Label, PersonName};
use kernel::{ApiKeyId, MembershipId, Role, SessionId, Timestamp, UserId};
use secrecy::SecretString;

use crate::authority::parse_roles;
use crate::credentials::ClinicSummary;

/// A person, by one of their open sign-ins.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub(crate) struct SignedInPerson {
    #[diesel(select_expression = users::id)]
    pub(crate) user_id: UserId,
    #[diesel(select_expression = users::email)]
    pub(crate) email: EmailAddress,
    #[diesel(select_expression = users::name)]
    pub(crate) name: PersonName,
    #[diesel(select_expression = users::totp_confirmed_at)]
    pub(crate) totp_confirmed_at: Option<Timestamp>,
    #[diesel(select_expression = memberships::id)]
    pub(crate) membership_id: MembershipId,
    #[diesel(select_expression = memberships::roles)]
    role_names: Vec<String>,
    #[diesel(select_expression = sessions::id)]
    pub(crate) session_id: SessionId,
    #[diesel(select_expression = sessions::created_at)]
    pub(crate) session_created_at: Timestamp,
    #[diesel(select_expression = sessions::expires_at)]
    pub(crate) session_expires_at: Timestamp,
    #[diesel(embed)]
    pub(crate) clinic: ClinicSummary,
}

impl SignedInPerson {
    /// The roles that the person holds in the clinic.
    pub(crate) fn roles(&self) -> Vec<Role> {
        parse_roles(&self.role_names)
    }
}

/// An integration, by its key.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
pub(crate) struct Integration {
    pub(crate) id: ApiKeyId,
    pub(crate) name: Label,
    #[diesel(embed)]
    pub(crate) clinic: ClinicSummary,
}

/// Who the caller is.
#[derive(Debug)]
pub(crate) enum Identity {
    Person(Box<SignedInPerson>),
    Integration(Integration),
}

/// A second factor that waits to be confirmed.
#[derive(Debug)]
pub(crate) struct Enrolment {
    /// The secret in base32, for typing.
    pub(crate) secret: SecretString,
    /// The secret as an address, for a QR code.
    pub(crate) otpauth_url: SecretString,
}
