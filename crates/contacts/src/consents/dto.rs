//! Consents as clients send and see them.

use kernel::text::Label;
use kernel::{FieldErrors, Timestamp};
use rest::View;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{Consent, NewConsent, Purpose};

/// An answer about a purpose.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordConsent {
    /// What it is about.
    #[schema(value_type = Purpose)]
    pub purpose: String,
    /// True for yes, false for no, null when an earlier answer no longer counts.
    pub granted: Option<bool>,
    /// How it was given.
    #[schema(value_type = Label, example = "paper form")]
    pub origin: String,
}

impl RecordConsent {
    /// The answer, checked.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(crate) fn checked(&self) -> Result<NewConsent, FieldErrors> {
        let mut errors = FieldErrors::new();
        let purpose = Purpose::parse(&self.purpose);
        let purpose = errors.take("/purpose", "invalid_purpose", purpose);
        let origin = errors.read("/origin", Label::parse(&self.origin));
        let consent = purpose.zip(origin).map(|(purpose, origin)| NewConsent {
            purpose,
            granted: self.granted,
            origin,
        });
        errors.finish(consent)
    }

    /// The answers that came with a new person; what is wrong is noted with pointers into `/consents`.
    pub(crate) fn checked_list(inputs: &[Self], errors: &mut FieldErrors) -> Vec<NewConsent> {
        const MOST: usize = 50;
        if inputs.len() > MOST {
            errors.push(
                "/consents",
                "too_many",
                format!("at most {MOST} answers come with a new person"),
            );
            return Vec::new();
        }
        let mut consents: Vec<NewConsent> = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.iter().enumerate() {
            match input.checked() {
                Ok(consent) if consents.iter().any(|other| other.purpose == consent.purpose) => {
                    let pointer = format!("/consents/{index}/purpose");
                    errors.push(pointer, "duplicate", "there is one answer about a purpose");
                }
                Ok(consent) => consents.push(consent),
                Err(faults) => errors.nest(&format!("/consents/{index}"), faults),
            }
        }
        consents
    }
}

/// An answer about a purpose, and when it was given. A purpose that is not listed was never asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConsentView {
    /// What it is about.
    pub purpose: Purpose,
    /// True for yes, false for no, null when an earlier answer no longer counts.
    pub granted: Option<bool>,
    /// How it was given.
    pub origin: Label,
    /// When.
    pub recorded_at: Timestamp,
}

impl View for ConsentView {}

impl From<Consent> for ConsentView {
    fn from(consent: Consent) -> Self {
        let Consent {
            purpose,
            granted,
            origin,
            recorded_at,
        } = consent;
        Self {
            purpose,
            granted,
            origin,
            recorded_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(purpose: &str, origin: &str) -> RecordConsent {
        RecordConsent {
            purpose: purpose.to_owned(),
            granted: Some(true),
            origin: origin.to_owned(),
        }
    }

    #[test]
    fn every_wrong_answer_is_told_with_its_place() {
        let mut errors = FieldErrors::new();
        let inputs = [
            input("marketing", "form"),
            input("Marketing!", " "),
            input("marketing", "phone call"),
        ];
        assert_eq!(RecordConsent::checked_list(&inputs, &mut errors).len(), 1);
        let found: Vec<_> = errors
            .iter()
            .map(|error| format!("{} {}", error.pointer, error.code))
            .collect();
        assert_eq!(
            found,
            [
                "/consents/1/purpose invalid_purpose",
                "/consents/1/origin blank",
                "/consents/2/purpose duplicate"
            ]
        );
    }
}
