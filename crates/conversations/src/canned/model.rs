//! What a canned response is.

use db::schema::canned_responses;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::text::{InvalidText, multiline};

use kernel::{CannedResponseId, Timestamp, Version, coded, text_column, text_enum};

/// Text that is no shortcut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a shortcut is a word of 1 to 40 of a-z, 0-9, _ and -, such as bom-dia")]
pub struct InvalidShortcut;

impl InvalidShortcut {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_shortcut"
    }
}

text_column! {
    /// The word by which a canned response is called up.
    #[derive(PartialOrd, Ord)]
    #[schema(pattern = "^[a-z0-9_-]{1,40}$", example = "bom-dia")]
    pub struct Shortcut(String);
    error = InvalidShortcut;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| text.to_owned();
}

impl Shortcut {
    /// The shortcut that `text` is.
    ///
    /// # Errors
    /// [`InvalidShortcut`].
    pub fn parse(text: &str) -> Result<Self, InvalidShortcut> {
        let text = text.trim();
        let is_word = (1..=40).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'));
        if is_word {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidShortcut)
        }
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_enum! {
    /// A place in a canned response, written in two curly brackets.
    pub enum Placeholder {
        /// What the person is called.
        ContactName = "contact.name",
        /// The first word of it.
        ContactFirstName = "contact.first_name",
        /// The clinic's trade name.
        ClinicName = "clinic.name",
        /// Who sends; nothing where an integration does.
        MemberName = "member.name",
    }
    error = UnknownPlaceholder, code = "unknown_placeholder";
}

/// A text that is no canned response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCannedBody {
    /// As for any text.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// A place that nothing fills.
    #[error("a place in two curly brackets {0}")]
    Placeholder(UnknownPlaceholder),
    /// Two opening brackets without two closing ones.
    #[error("a place begins with {{{{ and ends with }}}}")]
    Unclosed,
}

impl InvalidCannedBody {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Text(error) => error.code(),
            Self::Placeholder(error) => error.code(),
            Self::Unclosed => "unclosed_placeholder",
        }
    }
}

coded!(InvalidShortcut, InvalidCannedBody);

text_column! {
    /// What a canned response says: 1 to 4,000 characters, with places such as `{{contact.first_name}}`.
    #[schema(min_length = 1, max_length = 4000, example = "Olá, {{contact.first_name}}! Aqui é da {{clinic.name}}.")]
    pub struct CannedBody(String);
    error = InvalidCannedBody;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| text.to_owned();
}

/// What the places are filled with.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub(super) contact: String,
    pub(super) clinic: String,
    pub(super) member: Option<String>,
}

impl CannedBody {
    /// The text, if every place in it is one that can be filled.
    ///
    /// # Errors
    /// [`InvalidCannedBody`].
    pub fn parse(text: &str) -> Result<Self, InvalidCannedBody> {
        let text = multiline(text, 1, 4000)?;
        let mut rest = text.as_str();
        while let Some((_, place)) = rest.split_once("{{") {
            let (name, after) = place.split_once("}}").ok_or(InvalidCannedBody::Unclosed)?;
            Placeholder::parse(name.trim()).map_err(InvalidCannedBody::Placeholder)?;
            rest = after;
        }
        Ok(Self(text))
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text with its places filled.
    pub(super) fn filled(&self, values: &Values) -> String {
        let mut out = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, place)) = rest.split_once("{{") {
            let (name, after) = place.split_once("}}").unwrap_or((place, ""));
            out.push_str(before);
            out.push_str(match Placeholder::parse(name.trim()) {
                Ok(Placeholder::ContactName) => &values.contact,
                Ok(Placeholder::ContactFirstName) => values.contact.split(' ').next().unwrap_or_default(),
                Ok(Placeholder::ClinicName) => &values.clinic,
                Ok(Placeholder::MemberName) => values.member.as_deref().unwrap_or_default(),
                Err(UnknownPlaceholder) => "",
            });
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// A canned response, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = canned_responses, check_for_backend(Pg))]
pub struct CannedResponse {
    /// Its id.
    pub id: CannedResponseId,
    /// By which word it is called up.
    pub shortcut: Shortcut,
    /// What it says.
    pub body: CannedBody,
    /// When it was put away.
    pub archived_at: Option<Timestamp>,
    /// How often it was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> Values {
        Values {
            contact: "Maria da Silva".to_owned(),
            clinic: "Clínica {{Aurora}}".to_owned(),
            member: None,
        }
    }

    #[test]
    fn places_are_filled_and_unknown_ones_refused() {
        let body = CannedBody::parse("Olá, {{contact.first_name}}{{ member.name }}! {{clinic.name}}").unwrap();
        // What a place is filled with is not looked at again.
        assert_eq!(body.filled(&values()), "Olá, Maria! Clínica {{Aurora}}");
        assert_eq!(
            CannedBody::parse("{{contact.cpf}}").unwrap_err().code(),
            "unknown_placeholder"
        );
        assert_eq!(
            CannedBody::parse("{{contact.name").unwrap_err().code(),
            "unclosed_placeholder"
        );
        assert_eq!(CannedBody::parse(" ").unwrap_err().code(), "blank");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(\\PC|\\{\\{|\\}\\}|contact\\.name){0,20}") {
            if let Ok(body) = CannedBody::parse(&text) {
                let _ = body.filled(&values());
            }
        }
    }
}
