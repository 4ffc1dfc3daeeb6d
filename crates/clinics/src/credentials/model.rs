//! A person as sign-in knows them, the clinics they may enter, and when guessing is slowed down.

use std::fmt;

use auth::recovery_codes::{RecoveryCode, RecoveryCodeHash};
use auth::totp::TotpStep;
use chrono::TimeDelta;
use db::schema::{clinics, memberships, users};
use diesel::prelude::*;
use kernel::email::EmailAddress;
use kernel::money::Currency;
use kernel::pause::doubled;
use kernel::text::{PersonName, Slug};
use kernel::{ClinicId, MembershipId, Origin, Role, Timestamp, UserId, Zone};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::authority::parse_roles;

/// How many failed sign-ins in a row cost nothing but the attempt.
const FREE_FAILURES: i32 = 10;
/// The delay after the first failure that costs one; doubled by each further one.
const FIRST_DELAY: TimeDelta = TimeDelta::seconds(5);
/// The longest delay.
const LONGEST_DELAY: TimeDelta = TimeDelta::minutes(15);

/// How long a person must wait after `failures` failed sign-ins in a row.
pub(crate) fn delay_after(failures: i32) -> Option<TimeDelta> {
    let doublings = failures
        .checked_sub(FREE_FAILURES)
        .filter(|doublings| *doublings >= 0)?;
    Some(doubled(FIRST_DELAY, doublings, LONGEST_DELAY))
}

/// How long it is from `now` until a lock ends; nothing when there is none.
pub(crate) fn wait_until(locked_until: Option<Timestamp>, now: Timestamp) -> Option<TimeDelta> {
    locked_until
        .map(|end| end.since(now))
        .filter(|wait| *wait > TimeDelta::zero())
}

/// A user's row, as far as proofs need it.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub(crate) struct Credentials {
    pub(crate) id: UserId,
    pub(crate) email: EmailAddress,
    pub(crate) name: PersonName,
    pub(crate) password_hash: Option<String>,
    pub(crate) totp_sealed: Option<Vec<u8>>,
    pub(crate) totp_confirmed_at: Option<Timestamp>,
    pub(crate) totp_last_step: Option<i64>,
    pub(crate) locked_until: Option<Timestamp>,
}

impl Credentials {
    /// Whether a second factor was set up and confirmed.
    pub(crate) const fn has_second_factor(&self) -> bool {
        self.totp_confirmed_at.is_some()
    }

    /// The step of the code that was used last.
    pub(crate) fn last_step(&self) -> Option<TotpStep> {
        self.totp_last_step.map(TotpStep::from_stored)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A clinic, as far as a person needs it who signs in to it.
#[derive(Debug, Clone, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = clinics, check_for_backend(diesel::pg::Pg))]
pub struct ClinicSummary {
    /// The clinic's id.
    pub id: ClinicId,
    /// Its short name, by which to choose it at sign-in.
    pub slug: Slug,
    /// Its name, as its patients know it.
    #[serde(rename = "name")]
    #[schema(example = "Clínica Aurora")]
    pub trade_name: String,
    /// Its time zone.
    pub zone: Zone,
    /// Its language and region (BCP 47).
    #[schema(example = "pt-BR")]
    pub locale: String,
    /// Its currency.
    pub currency: Currency,
}

/// A person's place in a clinic, where neither the place nor the clinic has ended.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = memberships, check_for_backend(diesel::pg::Pg))]
pub(crate) struct Place {
    #[diesel(select_expression = memberships::id)]
    pub(crate) membership: MembershipId,
    #[diesel(select_expression = memberships::roles)]
    role_names: Vec<String>,
    #[diesel(embed)]
    pub(crate) clinic: ClinicSummary,
}

impl Place {
    #[cfg(test)]
    pub(crate) fn new(membership: MembershipId, roles: &[Role], clinic: ClinicSummary) -> Self {
        let role_names = roles.iter().map(ToString::to_string).collect();
        Self {
            membership,
            role_names,
            clinic,
        }
    }

    /// The roles that the person holds there.
    pub(crate) fn roles(&self) -> Vec<Role> {
        parse_roles(&self.role_names)
    }
}

/// The user found, if there is one, and the places they may enter.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) user: Option<Credentials>,
    pub(crate) places: Vec<Place>,
}

/// Where a sign-in comes from.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) origin: Origin,
    pub(crate) user_agent: Option<String>,
}

/// A code of the second factor as a person typed it.
#[derive(Debug, Clone)]
pub struct SignInCode(SecretString);

/// What a typed code can be, by its form.
#[derive(Debug)]
pub(crate) enum CodeKind {
    /// Digits of an authenticator app.
    Totp(SecretString),
    /// One of the ten codes for when the app is lost.
    Recovery(RecoveryCode),
    /// Neither.
    Neither,
}

impl SignInCode {
    /// The code `typed`, whatever it is.
    #[must_use]
    pub const fn new(typed: SecretString) -> Self {
        Self(typed)
    }

    /// What the code is. Six digits are the app's: a recovery code has ten characters.
    pub(crate) fn kind(&self) -> CodeKind {
        let typed = self.0.expose_secret();
        let mut marks = typed.chars().filter(|mark| !mark.is_whitespace());
        if marks.clone().count() == 6 && marks.all(|mark| mark.is_ascii_digit()) {
            return CodeKind::Totp(self.0.clone());
        }
        RecoveryCode::parse(typed).map_or(CodeKind::Neither, CodeKind::Recovery)
    }
}

/// The second factor, checked and not yet used up.
#[derive(Debug, Clone)]
pub(crate) enum SecondFactor {
    /// The person has none.
    NotNeeded,
    /// The app's code of this step.
    Totp(TotpStep),
    /// The recovery code with this hash.
    Recovery(RecoveryCodeHash),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ten_failures_are_free_and_then_it_takes_longer_and_longer() {
        assert_eq!(delay_after(0), None);
        assert_eq!(delay_after(9), None);
        let seconds: Vec<_> = [10, 11, 12, 17, 18, i32::MAX]
            .into_iter()
            .map(|failures| delay_after(failures).unwrap().num_seconds())
            .collect();
        assert_eq!(seconds, [5, 10, 20, 640, 900, 900]);
    }

    #[test]
    fn a_lock_ends_on_time() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let end = at("2026-11-20T12:00:05Z");
        assert_eq!(
            wait_until(Some(end), at("2026-11-20T12:00:00Z")),
            Some(TimeDelta::seconds(5))
        );
        assert_eq!(wait_until(Some(end), end), None);
        assert_eq!(wait_until(None, end), None);
    }

    #[test]
    fn a_code_is_known_by_its_form() {
        let kind = |typed: &str| SignInCode::new(typed.into()).kind();
        assert!(matches!(kind("123456"), CodeKind::Totp(_)));
        assert!(matches!(kind(" 123 456 "), CodeKind::Totp(_)));
        assert!(matches!(kind("abcd-efgh-ij"), CodeKind::Recovery(_)));
        assert!(matches!(kind("ABCD EFGH 27"), CodeKind::Recovery(_)));
        for typed in ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "abcd-efgh-ijk"] {
            assert!(matches!(kind(typed), CodeKind::Neither), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn a_further_failure_never_shortens_the_delay(failures in 0..i32::MAX) {
            prop_assert!(delay_after(failures) <= delay_after(failures + 1));
            prop_assert!(delay_after(failures).is_none_or(|delay| delay <= LONGEST_DELAY));
        }
    }
}
