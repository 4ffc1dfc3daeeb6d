//! Who is written to: by phone number, or by the id that WhatsApp gives a person towards one business, since a person with a
//! username may keep their number to themselves.

use kernel::phone::PhoneNumber;

/// The id of a person towards one business ("business-scoped user id"), such as `BR.13491208655302741918`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

/// Text that is no such id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id of a WhatsApp user is a country's two letters, a dot, and up to 140 letters, digits and dots")]
pub struct InvalidUserId;

impl UserId {
    /// The id that `text` is.
    ///
    /// # Errors
    /// [`InvalidUserId`].
    pub fn parse(text: &str) -> Result<Self, InvalidUserId> {
        let (country, rest) = text.split_once('.').ok_or(InvalidUserId)?;
        let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_id =
            (1..=140).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        if is_country && is_id {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidUserId)
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserId {
    type Error = InvalidUserId;

    fn try_from(text: String) -> Result<Self, InvalidUserId> {
        Self::parse(&text)
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0
    }
}

/// Somebody on WhatsApp: at least one of the two is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// Their phone number.
    pub phone: Option<PhoneNumber>,
    /// Their id towards the business.
    pub user_id: Option<UserId>,
}

impl Person {
    /// Somebody by phone number.
    #[must_use]
    pub const fn by_phone(phone: PhoneNumber) -> Self {
        Self {
            phone: Some(phone),
            user_id: None,
        }
    }

    /// Somebody by their id.
    #[must_use]
    pub const fn by_user_id(user_id: UserId) -> Self {
        Self {
            phone: None,
            user_id: Some(user_id),
        }
    }
}

/// The phone number that WhatsApp calls `wa_id`: its digits. Accounts made before Brazil's ninth digit are called without it, and
/// are the same number here.
#[must_use]
pub fn phone_of_wa_id(wa_id: &str) -> Option<PhoneNumber> {
    let is_digits = !wa_id.is_empty() && wa_id.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits {
        PhoneNumber::parse_international(&format!("+{wa_id}")).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brazilian_mobile_is_one_number_with_and_without_its_ninth_digit() {
        let with = phone_of_wa_id("5511987654321").unwrap();
        assert_eq!(phone_of_wa_id("551187654321"), Some(with.clone()));
        assert_eq!(with.digits(), "5511987654321");
        assert_eq!(phone_of_wa_id("551133334444").unwrap().as_str(), "+551133334444");
        for text in ["", "+5511987654321", "BR.123", "12"] {
            assert_eq!(phone_of_wa_id(text), None, "{text}");
        }
    }

    #[test]
    fn ids_of_users_have_a_country() {
        assert!(UserId::parse("BR.13491208655302741918").is_ok());
        assert!(UserId::parse("US.ENT.11815799212886844830").is_ok());
        for text in ["", "BR.", "br.1", "5511987654321", "BR.1/../x", "BR 1"] {
            assert_eq!(UserId::parse(text), Err(InvalidUserId), "{text}");
        }
    }
}
