//! E-mail addresses (RFC 5321, RFC 6531), in one spelling per mailbox.

use email_address::Options;

use crate::text::first_only;
use crate::text_column;

/// The longest address that fits SMTP's path of 256 octets (RFC 5321, 4.5.3.1.3, with its two angle brackets).
const MAX_BYTES: usize = 254;

/// Text that is no e-mail address this system writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmailAddress {
    /// Not of the form `name@domain.tld`.
    #[error("an e-mail address looks like name@example.com")]
    Malformed,
    /// Longer than SMTP can carry.
    #[error("an e-mail address has at most 254 bytes")]
    TooLong,
}

impl InvalidEmailAddress {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "invalid_email",
            Self::TooLong => "too_long",
        }
    }
}

text_column! {
    /// An e-mail address in lower case. The standard lets a mailbox's name depend on case; no provider in use does,
    /// and people do not know, so that two spellings are one address here.
    #[derive(PartialOrd, Ord)]
    #[schema(format = Email, max_length = 254, example = "maria@example.com")]
    pub struct EmailAddress(String);
    error = InvalidEmailAddress;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text| format!("{}@***", first_only(text));
}

impl EmailAddress {
    /// The address that `text` is, without outer white space, in lower case. Display names, quoted mailbox names,
    /// comments and numeric hosts are refused: what passes is safe in a mail header as it is.
    ///
    /// # Errors
    /// [`InvalidEmailAddress`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidEmailAddress> {
        let address = text.trim().to_lowercase();
        if address.len() > MAX_BYTES {
            return Err(InvalidEmailAddress::TooLong);
        }
        let plain = !address.contains(|character: char| {
            character.is_control() || character.is_whitespace() || "\"()<>[],;:\\".contains(character)
        });
        let options = Options::default()
            .with_required_tld()
            .without_domain_literal()
            .without_display_text();
        if plain && email_address::EmailAddress::parse_with_options(&address, options).is_ok() {
            Ok(Self(address))
        } else {
            Err(InvalidEmailAddress::Malformed)
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_mailbox_are_one_address() {
        let address = EmailAddress::parse("  Maria.Silva+Clinica@Example.COM.br ").unwrap();
        assert_eq!(address.as_str(), "maria.silva+clinica@example.com.br");
        assert_eq!(format!("{address:?}"), "EmailAddress(m***@***)");
        assert!(EmailAddress::parse("joão@exemplo.com.br").is_ok());
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for text in [
            "",
            "maria",
            "maria@",
            "@example.com",
            "maria@localhost",
            "maria@example..com",
            ".maria@example.com",
            "maria@example.com.",
            "maria@-example.com",
            "Maria <maria@example.com>",
            "\"maria silva\"@example.com",
            "maria@[127.0.0.1]",
            "maria(casa)@example.com",
            "maria@example.com, joao@example.com",
            "maria@example.com\r\nBcc: x@example.com",
            "a b@example.com",
        ] {
            assert_eq!(EmailAddress::parse(text), Err(InvalidEmailAddress::Malformed), "{text}");
        }
        let long = format!("{}@{}.com", "a".repeat(64), "b".repeat(200));
        assert_eq!(EmailAddress::parse(&long), Err(InvalidEmailAddress::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_accepted_unchanged_again(text in "[a-zA-Z0-9.+_-]{1,20}@[a-zA-Z0-9.-]{1,20}\\.[a-z]{2,5}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address.clone()));
                prop_assert_eq!(EmailAddress::parse(&text.to_uppercase()), Ok(address));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = EmailAddress::parse(&text);
        }
    }
}
