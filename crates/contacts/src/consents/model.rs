//! An answer about a purpose.

use diesel::deserialize::{self, Queryable};
use diesel::pg::Pg;
use diesel::sql_types::Array;
use kernel::text::Label;
use kernel::{Timestamp, text_column};

use crate::people::store::ConsentRecord;

/// Text that names no purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a purpose is a word of 1 to 64 of a-z, 0-9 and _, such as marketing")]
pub struct InvalidPurpose;

impl InvalidPurpose {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_purpose"
    }
}

text_column! {
    /// What personal data may be used for, such as `marketing` or `appointment_reminders`; the clinic's own words.
    #[derive(PartialOrd, Ord)]
    #[schema(pattern = "^[a-z0-9_]{1,64}$", example = "appointment_reminders")]
    pub struct Purpose(String);
    error = InvalidPurpose;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| text.to_owned();
}

impl Purpose {
    /// The purpose that `text` names.
    ///
    /// # Errors
    /// [`InvalidPurpose`] when it is too long or has other characters.
    pub fn parse(text: &str) -> Result<Self, InvalidPurpose> {
        let is_word = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if is_word {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPurpose)
        }
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An answer to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConsent {
    /// What it is about.
    pub purpose: Purpose,
    /// Yes, no, or taken back without an answer.
    pub granted: Option<bool>,
    /// How it was given, such as `paper form`.
    pub origin: Label,
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq, diesel::Queryable)]
#[diesel(check_for_backend(Pg))]
pub struct Consent {
    /// What it is about.
    pub purpose: Purpose,
    /// Yes, no, or taken back without an answer.
    pub granted: Option<bool>,
    /// How it was given.
    pub origin: Label,
    /// When.
    pub recorded_at: Timestamp,
}

/// The newest answer about each purpose, as one column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NewestConsents(pub(crate) Vec<Consent>);

impl Queryable<Array<ConsentRecord>, Pg> for NewestConsents {
    type Row = Vec<(Purpose, Option<bool>, Label, Timestamp)>;

    fn build(row: Self::Row) -> deserialize::Result<Self> {
        let consent = |(purpose, granted, origin, recorded_at)| Consent {
            purpose,
            granted,
            origin,
            recorded_at,
        };
        Ok(Self(row.into_iter().map(consent).collect()))
    }
}
