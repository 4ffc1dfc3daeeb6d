//! Parsing the values of an input so that all that are wrong are told together.

use std::fmt::Display;

use kernel::FieldErrors;
use kernel::documents::{InvalidCns, InvalidCpf};
use kernel::email::InvalidEmailAddress;
use kernel::phone::InvalidPhoneNumber;
use kernel::text::{InvalidText, bounded};
use rest::Patch;

use super::address::InvalidAddressPart;
use super::model::{InvalidBirthDate, InvalidContactKind, InvalidContactStatus, InvalidSex};
use super::phones::InvalidPhoneUse;
use crate::consents::InvalidPurpose;

/// An error of a parse with a stable word for programs.
pub(crate) trait Coded: Display {
    /// The word.
    fn code(&self) -> &'static str;
}

macro_rules! coded {
    ($($error:ty),+ $(,)?) => {$(
        impl Coded for $error {
            fn code(&self) -> &'static str {
                <$error>::code(self)
            }
        }
    )+};
}

coded!(
    InvalidText,
    InvalidCpf,
    InvalidCns,
    InvalidEmailAddress,
    InvalidPhoneNumber,
    InvalidContactKind,
    InvalidContactStatus,
    InvalidSex,
    InvalidPhoneUse,
    InvalidPurpose,
    InvalidBirthDate,
    InvalidAddressPart,
);

/// The value of a parse, or its error noted.
pub(crate) fn noted<T, E: Coded>(errors: &mut FieldErrors, pointer: &str, parsed: Result<T, E>) -> Option<T> {
    match parsed {
        Ok(value) => Some(value),
        Err(error) => {
            errors.push(pointer, error.code(), error);
            None
        }
    }
}

/// The value of an optional field, or its error noted.
pub(crate) fn optional<T, E: Coded>(
    errors: &mut FieldErrors,
    pointer: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    text.and_then(|text| noted(errors, pointer, parse(text)))
}

/// The value of a field of a PATCH, or its error noted.
pub(crate) fn patched<T, E: Coded>(
    errors: &mut FieldErrors,
    pointer: &str,
    text: &Patch<String>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Patch<T> {
    match text {
        Patch::Absent => Patch::Absent,
        Patch::Null => Patch::Null,
        Patch::Value(text) => noted(errors, pointer, parse(text)).map_or(Patch::Absent, Patch::Value),
    }
}

/// The value of a field of a PATCH that cannot be cleared, or its error noted.
pub(crate) fn patched_required<T, E: Coded>(
    errors: &mut FieldErrors,
    pointer: &str,
    text: &Patch<String>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    match patched(errors, pointer, text, parse) {
        Patch::Value(value) => Some(value),
        Patch::Absent => None,
        Patch::Null => {
            errors.push(pointer, "not_nullable", "this cannot be cleared");
            None
        }
    }
}

/// A parser for one line of text of at most `most_chars` characters.
pub(crate) fn limited(most_chars: usize) -> impl Fn(&str) -> Result<String, InvalidText> {
    move |text| bounded(text, 1, most_chars)
}
