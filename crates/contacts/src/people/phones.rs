//! A person's phone numbers: distinct, and exactly one of them the primary one where there is any.

use diesel::deserialize::{self, Queryable};
use diesel::pg::Pg;
use diesel::sql_types::Array;
use kernel::phone::{PhoneKind, PhoneNumber};
use kernel::{FieldErrors, text_enum};
use rest::Patch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store::PhoneRecord;

text_enum! {
    /// What a phone is used for.
    pub enum PhoneUse {
        /// A mobile phone.
        Mobile = "mobile",
        /// At home.
        Home = "home",
        /// At work.
        Work = "work",
        /// Anything else, such as a neighbour's.
        Other = "other",
    }
    error = InvalidPhoneUse, code = "unknown_phone_kind";
}

impl PhoneUse {
    /// What a number looks like when nobody says.
    #[must_use]
    pub fn of(number: &PhoneNumber) -> Self {
        match number.kind() {
            PhoneKind::Mobile => Self::Mobile,
            PhoneKind::Landline => Self::Home,
            PhoneKind::MobileOrLandline | PhoneKind::Voip | PhoneKind::Service => Self::Other,
        }
    }
}

/// One phone of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Phone {
    /// The number in E.164.
    pub number: PhoneNumber,
    /// What it is used for.
    pub kind: PhoneUse,
    /// Whether it is the one to use; one of a person's phones is.
    pub primary: bool,
}

/// One phone as a client sends it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneInput {
    /// The number; without `+` it is read as dialled in Brazil.
    #[schema(example = "(11) 98765-4321", max_length = 40)]
    pub number: String,
    /// What it is used for; read from the number when not given.
    #[serde(default)]
    #[schema(value_type = Option<PhoneUse>)]
    pub kind: Option<String>,
    /// Whether it is the primary one; the first is when none says so.
    #[serde(default)]
    pub primary: Option<bool>,
}

/// A person's phones: at most [`PhoneList::MOST`], no number twice (with and without the ninth digit is the same), exactly one
/// of them primary where there is any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhoneList(Vec<Phone>);

impl PhoneList {
    /// The most phones of one person.
    pub const MOST: usize = 20;

    /// The list that a client sent, everything that is wrong noted with pointers into `/phones`.
    pub(crate) fn parse(inputs: &[PhoneInput], errors: &mut FieldErrors) -> Option<Self> {
        if inputs.len() > Self::MOST {
            errors.push(
                "/phones",
                "too_many",
                format!("a person has at most {} phones", Self::MOST),
            );
            return None;
        }
        let mut phones: Vec<Phone> = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.iter().enumerate() {
            let place = format!("/phones/{index}");
            let number = errors.read(
                &format!("{place}/number"),
                PhoneNumber::parse_international(&input.number),
            );
            let kind = input
                .kind
                .as_deref()
                .map(|kind| errors.read(&format!("{place}/kind"), PhoneUse::parse(kind)));
            let (Some(number), None | Some(Some(_))) = (number, kind) else {
                continue;
            };
            if phones.iter().any(|other| same(&other.number, &number)) {
                errors.push(
                    format!("{place}/number"),
                    "duplicate",
                    "this number is in the list already",
                );
            }
            let kind = kind.flatten().unwrap_or_else(|| PhoneUse::of(&number));
            phones.push(Phone {
                number,
                kind,
                primary: input.primary.unwrap_or(false),
            });
        }
        if phones.iter().filter(|phone| phone.primary).count() > 1 {
            errors.push(
                "/phones",
                "several_primary",
                "one phone is the primary one, not several",
            );
        }
        errors.is_empty().then(|| Self::with_a_primary(phones))
    }

    /// The list of one number, the primary one.
    #[must_use]
    pub fn of(number: PhoneNumber) -> Self {
        Self(vec![Phone {
            kind: PhoneUse::of(&number),
            number,
            primary: true,
        }])
    }

    /// The list of `numbers`, the first of which is the primary one; a number that comes again, and what is beyond
    /// [`Self::MOST`], is left out.
    #[must_use]
    pub fn of_numbers(numbers: impl IntoIterator<Item = PhoneNumber>) -> Self {
        let mut list = Self::default();
        for number in numbers {
            let kind = PhoneUse::of(&number);
            let _is_new = list.add(Phone {
                number,
                kind,
                primary: false,
            });
        }
        list
    }

    /// The first becomes primary where none is.
    fn with_a_primary(mut phones: Vec<Phone>) -> Self {
        if !phones.iter().any(|phone| phone.primary)
            && let Some(first) = phones.first_mut()
        {
            first.primary = true;
        }
        Self(phones)
    }

    /// Adds `phone` behind the others, unless its number is there or the list is full; says whether it was added.
    pub fn add(&mut self, phone: Phone) -> bool {
        let is_new = self.0.len() < Self::MOST && !self.contains(&phone.number);
        if is_new {
            self.0.push(Phone {
                primary: self.0.is_empty(),
                ..phone
            });
        }
        is_new
    }

    /// The list as it was written down: what [`Self::iter`] gave.
    pub(crate) fn recorded(phones: Vec<Phone>) -> Self {
        Self(phones)
    }

    /// This list without the numbers that came from `before` to `after` and are still here.
    #[must_use]
    pub(crate) fn without_added(&self, before: &Self, after: &Self) -> Self {
        let was_added = |phone: &Phone| !before.contains(&phone.number) && after.contains(&phone.number);
        Self::with_a_primary(self.0.iter().filter(|phone| !was_added(phone)).cloned().collect())
    }

    /// Whether `number` is in the list, in whatever spelling.
    #[must_use]
    pub fn contains(&self, number: &PhoneNumber) -> bool {
        self.0.iter().any(|phone| same(&phone.number, number))
    }

    /// The primary number.
    #[must_use]
    pub fn primary(&self) -> Option<&PhoneNumber> {
        self.0.iter().find(|phone| phone.primary).map(|phone| &phone.number)
    }

    /// The phones, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Phone> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The phones, in their order.
    #[must_use]
    pub fn into_vec(self) -> Vec<Phone> {
        self.0
    }

    /// This list after a client wrote `phone` (the primary one) or `phones` (all of them), or both where they agree.
    ///
    /// # Errors
    /// The pointer `/phone` when the two contradict each other.
    pub(crate) fn changed(&self, phone: Patch<PhoneNumber>, phones: Patch<Self>) -> Result<Self, FieldErrors> {
        match (phone, phones) {
            (Patch::Absent, Patch::Absent) => Ok(self.clone()),
            (phone, Patch::Null) => Self::default().agreeing_with(phone),
            (phone, Patch::Value(list)) => list.agreeing_with(phone),
            (Patch::Value(number), Patch::Absent) => Ok(self.with_primary(number)),
            (Patch::Null, Patch::Absent) => Ok(self.without_primary()),
        }
    }

    /// This list, if `phone` is its primary one or not spoken of.
    fn agreeing_with(self, phone: Patch<PhoneNumber>) -> Result<Self, FieldErrors> {
        let agrees = match &phone {
            Patch::Absent => true,
            Patch::Null => self.is_empty(),
            Patch::Value(number) => self.primary().is_some_and(|primary| same(primary, number)),
        };
        if agrees {
            Ok(self)
        } else {
            Err(FieldErrors::one(
                "/phone",
                "contradicts_phones",
                "phone and the primary one of phones are different",
            ))
        }
    }

    /// `number` is the primary one: it takes the place of the one before, unless it is in the list already.
    fn with_primary(&self, number: PhoneNumber) -> Self {
        let known = self.contains(&number);
        let phones = self.0.iter().map(|phone| {
            if known {
                Phone {
                    primary: same(&phone.number, &number),
                    ..phone.clone()
                }
            } else if phone.primary {
                Phone {
                    kind: PhoneUse::of(&number),
                    number: number.clone(),
                    primary: true,
                }
            } else {
                phone.clone()
            }
        });
        if self.is_empty() {
            Self::of(number)
        } else {
            Self(phones.collect())
        }
    }

    /// The primary one goes; the first of the others takes its place.
    fn without_primary(&self) -> Self {
        Self::with_a_primary(self.0.iter().filter(|phone| !phone.primary).cloned().collect())
    }
}

/// Whether two spellings are one number.
fn same(one: &PhoneNumber, other: &PhoneNumber) -> bool {
    one.match_key() == other.match_key()
}

impl Queryable<Array<PhoneRecord>, Pg> for PhoneList {
    type Row = Vec<(PhoneNumber, PhoneUse, bool)>;

    fn build(row: Self::Row) -> deserialize::Result<Self> {
        Ok(Self(
            row.into_iter()
                .map(|(number, kind, primary)| Phone { number, kind, primary })
                .collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse_international(text).unwrap()
    }

    fn input(number: &str, primary: bool) -> PhoneInput {
        PhoneInput {
            number: number.to_owned(),
            kind: None,
            primary: Some(primary),
        }
    }

    fn list(inputs: &[PhoneInput]) -> Result<PhoneList, Vec<String>> {
        let mut errors = FieldErrors::new();
        PhoneList::parse(inputs, &mut errors).ok_or_else(|| {
            errors
                .iter()
                .map(|error| format!("{} {}", error.pointer, error.code))
                .collect()
        })
    }

    #[test]
    fn a_list_has_one_primary_and_no_number_twice() {
        let phones = list(&[input("(11) 3333-4444", false), input("(11) 98765-4321", false)]).unwrap();
        assert_eq!(phones.primary(), Some(&number("1133334444")));
        assert_eq!(
            phones.iter().map(|phone| phone.kind).collect::<Vec<_>>(),
            [PhoneUse::Home, PhoneUse::Mobile]
        );
        assert_eq!(
            list(&[
                input("(11) 98765-4321", true),
                input("(11) 8765-4321", true),
                input("1", false)
            ]),
            Err(vec![
                "/phones/1/number duplicate".to_owned(),
                "/phones/2/number invalid_length".to_owned(),
                "/phones several_primary".to_owned()
            ])
        );
        let many = vec![input("x", false); 21];
        assert_eq!(list(&many), Err(vec!["/phones too_many".to_owned()]));
    }

    #[test]
    fn phone_writes_the_primary_one() {
        let (first, second, third) = (number("11987654321"), number("1133334444"), number("1133335555"));
        let phones = list(&[input(first.as_str(), true), input(second.as_str(), false)]).unwrap();
        let numbers = |phones: &PhoneList| phones.iter().map(|phone| phone.number.clone()).collect::<Vec<_>>();

        let replaced = phones.changed(Patch::Value(third.clone()), Patch::Absent).unwrap();
        assert_eq!(numbers(&replaced), [third.clone(), second.clone()]);
        assert_eq!(replaced.primary(), Some(&third));

        let chosen = phones.changed(Patch::Value(second.clone()), Patch::Absent).unwrap();
        assert_eq!(numbers(&chosen), numbers(&phones));
        assert_eq!(chosen.primary(), Some(&second));

        let removed = phones.changed(Patch::Null, Patch::Absent).unwrap();
        assert_eq!(
            (numbers(&removed), removed.primary()),
            (vec![second.clone()], Some(&second))
        );

        assert!(
            phones
                .changed(Patch::Value(second), Patch::Value(phones.clone()))
                .is_err()
        );
        assert!(
            phones
                .changed(Patch::Value(first), Patch::Value(phones.clone()))
                .is_ok()
        );
        assert_eq!(phones.changed(Patch::Null, Patch::Null), Ok(PhoneList::default()));
    }

    proptest! {
        #[test]
        fn whatever_is_written_one_is_primary(
            lines in prop::collection::vec(90_000_000_u32..90_000_010, 0..4),
            line in prop::option::of(90_000_000_u32..90_000_010),
        ) {
            let of_line = |line: &u32| number(&format!("119{line}"));
            let phones = PhoneList::of_numbers(lines.iter().map(of_line));
            let changed = phones.changed(line.map_or(Patch::Null, |line| Patch::Value(of_line(&line))), Patch::Absent).unwrap();
            let primaries = changed.iter().filter(|phone| phone.primary).count();
            prop_assert_eq!(primaries, usize::from(!changed.is_empty()));
            if let Some(line) = line {
                prop_assert_eq!(changed.primary(), Some(&of_line(&line)));
            }
        }
    }
}
