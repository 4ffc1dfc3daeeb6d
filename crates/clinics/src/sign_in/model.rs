//! An attempt to sign in, what comes of it, and the choice among several clinics.

use auth::IssuedToken;
use kernel::email::EmailAddress;
use kernel::text::{PersonName, Slug};
use kernel::{SessionId, UserId};
use secrecy::SecretString;

use super::error::SignInError;
use crate::credentials::{Place, SignInCode};

/// An attempt to sign in.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) email: EmailAddress,
    pub(crate) password: SecretString,
    pub(crate) clinic_slug: Option<Slug>,
    pub(crate) code: Option<SignInCode>,
}

/// The person signed in.
#[derive(Debug, Clone)]
pub(crate) struct UserSummary {
    pub(crate) id: UserId,
    pub(crate) email: EmailAddress,
    pub(crate) name: PersonName,
}

/// A sign-in, with its new refresh token.
#[derive(Debug)]
pub(crate) struct OpenedSession {
    pub(crate) id: SessionId,
    pub(crate) refresh_token: SecretString,
}

/// What a sign-in gives.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) access_token: IssuedToken,
    pub(crate) refresh_token: SecretString,
    pub(crate) user: UserSummary,
    pub(crate) place: Place,
}

/// The place to enter: the one with the slug that was named, or the only one.
pub(crate) fn choose_place(places: &[Place], wanted: Option<&Slug>) -> Result<Place, SignInError> {
    match (places, wanted) {
        ([], _) => Err(SignInError::NoClinic),
        (_, Some(slug)) => places
            .iter()
            .find(|place| place.clinic.slug == *slug)
            .cloned()
            .ok_or(SignInError::UnknownClinic),
        ([only], None) => Ok(only.clone()),
        (several, None) => Err(SignInError::ClinicRequired(
            several.iter().map(|place| place.clinic.clone()).collect(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::ClinicSummary;
    use kernel::money::Currency;
    use kernel::{ClinicId, MembershipId, Role, Zone};
    use uuid::Uuid;

    fn place(number: u128, slug: &str) -> Place {
        let clinic = ClinicSummary {
            id: ClinicId::from_uuid(Uuid::from_u128(number)),
            slug: slug.parse().unwrap(),
            trade_name: slug.to_owned(),
            zone: Zone::UTC,
            locale: "pt-BR".to_owned(),
            currency: Currency::BRL,
        };
        Place::new(MembershipId::from_uuid(Uuid::from_u128(number)), &[Role::Admin], clinic)
    }

    #[test]
    fn the_only_clinic_need_not_be_named() {
        let places = [place(1, "aurora")];
        assert_eq!(choose_place(&places, None).unwrap().clinic.slug.as_str(), "aurora");
        assert!(matches!(choose_place(&[], None), Err(SignInError::NoClinic)));
    }

    #[test]
    fn of_several_clinics_one_is_named() {
        let places = [place(1, "aurora"), place(2, "horizonte")];
        let Err(SignInError::ClinicRequired(offered)) = choose_place(&places, None) else {
            panic!("a clinic was chosen")
        };
        assert_eq!(
            offered.iter().map(|clinic| clinic.slug.as_str()).collect::<Vec<_>>(),
            ["aurora", "horizonte"]
        );
        let named = "horizonte".parse().unwrap();
        assert_eq!(
            choose_place(&places, Some(&named)).unwrap().clinic.id,
            places[1].clinic.id
        );
        let foreign = "boreal".parse().unwrap();
        assert!(matches!(
            choose_place(&places, Some(&foreign)),
            Err(SignInError::UnknownClinic)
        ));
    }
}
