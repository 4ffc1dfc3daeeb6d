//! How alike two people are in what tells people apart. Pure, and the same whichever of the two comes first.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use kernel::documents::{Cns, Cpf};
use kernel::email::EmailAddress;
use kernel::fold::fold;
use kernel::text_enum;

use crate::people::{Contact, NewContact};

text_enum! {
    /// What speaks for two contacts being one person, or against it.
    pub enum DuplicateReason {
        /// The same CPF.
        SameTaxId = "same_tax_id",
        /// The same CNS.
        SameNationalHealthId = "same_national_health_id",
        /// The same e-mail address.
        SameEmail = "same_email",
        /// A phone in common, with or without the ninth digit.
        SamePhone = "same_phone",
        /// Alike names, born on the same day.
        SimilarNameSameBirthDate = "similar_name_same_birth_date",
        /// Alike names.
        SimilarName = "similar_name",
        /// Two CPFs.
        DifferentTaxId = "different_tax_id",
        /// Two days of birth.
        DifferentBirthDate = "different_birth_date",
    }
    error = InvalidDuplicateReason, code = "unknown_reason";
}

impl DuplicateReason {
    /// Whether it speaks against.
    #[must_use]
    pub const fn is_against(self) -> bool {
        matches!(self, Self::DifferentTaxId | Self::DifferentBirthDate)
    }
}

/// What tells a person apart from others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The name and the social name, folded.
    pub(crate) names: Vec<String>,
    pub(crate) birth_date: Option<NaiveDate>,
    pub(crate) cpf: Option<Cpf>,
    pub(crate) cns: Option<Cns>,
    pub(crate) email: Option<EmailAddress>,
    /// What the spellings of each phone have in common.
    pub(crate) phone_keys: Vec<String>,
}

impl From<&Contact> for Identity {
    fn from(contact: &Contact) -> Self {
        let columns = &contact.columns;
        let names = std::iter::once(&columns.name).chain(&columns.social_name);
        Self {
            names: names.map(|name| fold(name.as_str())).collect(),
            birth_date: columns.birth_date,
            cpf: columns.cpf.clone(),
            cns: columns.cns.clone(),
            email: columns.email.clone(),
            phone_keys: contact.phones.iter().map(|phone| phone.number.match_key()).collect(),
        }
    }
}

impl From<&NewContact> for Identity {
    fn from(contact: &NewContact) -> Self {
        let names = std::iter::once(&contact.name).chain(&contact.social_name);
        Self {
            names: names.map(|name| fold(name.as_str())).collect(),
            birth_date: contact.birth_date,
            cpf: contact.cpf.clone(),
            cns: contact.cns.clone(),
            email: contact.email.clone(),
            phone_keys: contact.phones.iter().map(|phone| phone.number.match_key()).collect(),
        }
    }
}

/// How alike two people are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness {
    /// 0 to 100; from [`Likeness::WORTH_A_LOOK`] on, somebody should look.
    pub score: u8,
    /// Whether they are one person as far as their data can tell: a document in common, or the same name with the same day of
    /// birth, phone or e-mail address, and nothing against it.
    pub certain: bool,
    /// What speaks for and against.
    pub reasons: Vec<DuplicateReason>,
}

/// Names with less than this in common say nothing beside a day of birth.
const SIMILAR_BESIDE_A_DATE: f64 = 0.4;
/// Names with less than this in common say nothing by themselves.
const SIMILAR_ALONE: f64 = 0.6;

impl Likeness {
    /// From this score on, somebody should look.
    pub const WORTH_A_LOOK: u8 = 30;

    /// How alike `one` and `other` are.
    ///
    /// Each reason for is taken as independent evidence (what is left of the doubt is multiplied); each against shrinks the
    /// whole.
    #[must_use]
    pub fn of(one: &Identity, other: &Identity) -> Self {
        let evidence = Evidence::between(one, other);
        let weighed = evidence.weighed();
        let doubt: f64 = weighed
            .iter()
            .filter(|(reason, _)| !reason.is_against())
            .map(|(_, weight)| 1.0 - weight)
            .product();
        let objection: f64 = weighed
            .iter()
            .filter(|(reason, _)| reason.is_against())
            .map(|(_, weight)| weight)
            .product();
        Self {
            score: percent((1.0 - doubt) * objection),
            certain: evidence.is_certain(),
            reasons: weighed.into_iter().map(|(reason, _)| reason).collect(),
        }
    }
}

/// What two identities have in common and what not.
struct Evidence {
    cpf: Option<bool>,
    cns: Option<bool>,
    email: bool,
    phone: bool,
    birth_date: Option<bool>,
    name: f64,
}

impl Evidence {
    fn between(one: &Identity, other: &Identity) -> Self {
        let pairs = one
            .names
            .iter()
            .flat_map(|name| other.names.iter().map(move |second| (name, second)));
        Self {
            cpf: agreement(one.cpf.as_ref(), other.cpf.as_ref()),
            cns: agreement(one.cns.as_ref(), other.cns.as_ref()),
            email: agreement(one.email.as_ref(), other.email.as_ref()) == Some(true),
            phone: one.phone_keys.iter().any(|key| other.phone_keys.contains(key)),
            birth_date: agreement(one.birth_date.as_ref(), other.birth_date.as_ref()),
            name: pairs.map(|(name, second)| similarity(name, second)).fold(0.0, f64::max),
        }
    }

    /// The reasons, with how much each says by itself; those against with what they leave of the rest.
    fn weighed(&self) -> Vec<(DuplicateReason, f64)> {
        let name = match self.birth_date {
            Some(true) if self.name >= SIMILAR_BESIDE_A_DATE => {
                Some((DuplicateReason::SimilarNameSameBirthDate, 0.35 + 0.6 * self.name))
            }
            Some(true) => None,
            Some(false) | None if self.name < SIMILAR_ALONE => None,
            Some(false) => Some((DuplicateReason::SimilarName, 0.3 * self.name)),
            None => Some((DuplicateReason::SimilarName, 0.5 * self.name)),
        };
        [
            (self.cpf == Some(true)).then_some((DuplicateReason::SameTaxId, 0.98)),
            // A person may hold several CNS, so two of them speak for nothing and against nothing.
            (self.cns == Some(true)).then_some((DuplicateReason::SameNationalHealthId, 0.96)),
            self.email.then_some((DuplicateReason::SameEmail, 0.55)),
            self.phone.then_some((DuplicateReason::SamePhone, 0.5)),
            name,
            (self.cpf == Some(false)).then_some((DuplicateReason::DifferentTaxId, 0.15)),
            (self.birth_date == Some(false)).then_some((DuplicateReason::DifferentBirthDate, 0.6)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn is_certain(&self) -> bool {
        let same_name = self.name >= 1.0 && (self.birth_date == Some(true) || self.phone || self.email);
        match (self.cpf, self.birth_date) {
            (Some(same), _) => same,
            (None, Some(false)) => false,
            (None, _) => self.cns == Some(true) || same_name,
        }
    }
}

/// Whether two values are the same; nothing where one is not known.
fn agreement<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> Option<bool> {
    one.zip(other).map(|(one, other)| one == other)
}

/// How alike two folded names are, 0 to 1: the trigrams they share among all they have, as PostgreSQL's pg_trgm counts.
fn similarity(one: &str, other: &str) -> f64 {
    let (one, other) = (trigrams(one), trigrams(other));
    let all = one.union(&other).count();
    if all == 0 {
        0.0
    } else {
        ratio(one.intersection(&other).count(), all)
    }
}

/// The trigrams of every word, with two spaces before it and one behind.
fn trigrams(name: &str) -> BTreeSet<[char; 3]> {
    name.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .flat_map(|word| {
            let padded: Vec<char> = [' ', ' '].into_iter().chain(word.chars()).chain([' ']).collect();
            padded
                .windows(3)
                .filter_map(|window| <[char; 3]>::try_from(window).ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn ratio(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(part) / number(whole)
}

/// `share` (0 to 1) in whole percent.
fn percent(share: f64) -> u8 {
    (0..=100)
        .rev()
        .find(|percent| f64::from(*percent) / 100.0 <= share + f64::EPSILON)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn person(name: &str) -> Identity {
        Identity {
            names: vec![fold(name)],
            ..Identity::default()
        }
    }

    fn born(name: &str, date: &str) -> Identity {
        Identity {
            birth_date: Some(date.parse().unwrap()),
            ..person(name)
        }
    }

    #[test]
    fn a_document_in_common_is_enough() {
        let cpf = Some(Cpf::parse("529.982.247-25").unwrap());
        let likeness = Likeness::of(
            &Identity {
                cpf: cpf.clone(),
                ..person("Ana")
            },
            &Identity { cpf, ..person("Bruno") },
        );
        assert_eq!((likeness.score, likeness.certain), (98, true));
        assert_eq!(likeness.reasons, [DuplicateReason::SameTaxId]);
    }

    #[test]
    fn alike_names_need_the_day_of_birth() {
        let likeness = Likeness::of(
            &born("Maria Souza", "1990-05-01"),
            &born("Maria de Sousa", "1990-05-01"),
        );
        assert!(likeness.score >= 60 && !likeness.certain, "{likeness:?}");
        let apart = Likeness::of(&born("Maria Souza", "1990-05-01"), &born("Maria Souza", "1991-05-01"));
        assert!(apart.score < Likeness::WORTH_A_LOOK && !apart.certain, "{apart:?}");
        assert!(Likeness::of(&born("José Lima", "1990-05-01"), &born("JOSE LIMA", "1990-05-01")).certain);
    }

    #[test]
    fn a_family_shares_its_phone() {
        let with_phone = |identity: Identity| Identity {
            phone_keys: vec!["+5511987654321".to_owned()],
            ..identity
        };
        let mother = with_phone(born("Carla Nunes", "1980-01-01"));
        let child = with_phone(born("Davi Nunes", "2015-01-01"));
        let likeness = Likeness::of(&mother, &child);
        assert_eq!(
            likeness.reasons,
            [DuplicateReason::SamePhone, DuplicateReason::DifferentBirthDate]
        );
        assert_eq!((likeness.score, likeness.certain), (30, false));
    }

    #[test]
    fn trigrams_are_counted_as_the_database_does() {
        // SELECT similarity('maria souza', 'maria sousa') gives 0.6.
        assert!((similarity("maria souza", "maria sousa") - 0.6).abs() < 1e-9);
        assert!((similarity("", "ana")).abs() < 1e-9);
    }

    fn any_identity() -> impl Strategy<Value = Identity> {
        (
            prop::collection::vec(prop::sample::select(vec!["ana lima", "ana de lima", "bruno", ""]), 0..3),
            prop::option::of((1990_i32..1992).prop_map(|year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap())),
            prop::option::of(prop::sample::select(vec!["52998224725", "11144477735"])),
            prop::option::of(prop::sample::select(vec!["a@example.com", "b@example.com"])),
            prop::collection::vec(prop::sample::select(vec!["+551", "+552"]), 0..3),
        )
            .prop_map(|(names, birth_date, cpf, email, phones)| Identity {
                names: names.into_iter().map(str::to_owned).collect(),
                birth_date,
                cpf: cpf.map(|cpf| Cpf::parse(cpf).unwrap()),
                cns: None,
                email: email.map(|email| EmailAddress::parse(email).unwrap()),
                phone_keys: phones.into_iter().map(str::to_owned).collect(),
            })
    }

    proptest! {
        #[test]
        fn it_does_not_matter_who_comes_first(one in any_identity(), other in any_identity()) {
            prop_assert_eq!(Likeness::of(&one, &other), Likeness::of(&other, &one));
        }

        #[test]
        fn another_thing_in_common_never_lowers_the_score(one in any_identity(), other in any_identity()) {
            let before = Likeness::of(&one, &other);
            let email = Some(EmailAddress::parse("same@example.com").unwrap());
            let (one, other) = (Identity { email: email.clone(), ..one }, Identity { email, ..other });
            prop_assert!(Likeness::of(&one, &other).score >= before.score);
        }

        #[test]
        fn names_are_alike_by_a_share(one in "[a-z ]{0,20}", other in "[a-z ]{0,20}") {
            let alike = similarity(&one, &other);
            prop_assert!((0.0..=1.0).contains(&alike));
        }
    }
}
