//! Parsing the values of an input so that all that are wrong are told together.

use kernel::text::{InvalidText, bounded};
use kernel::{Coded, FieldErrors, coded};
use rest::Patch;

use super::address::InvalidAddressPart;
use super::model::InvalidBirthDate;
use crate::consents::InvalidPurpose;

coded!(InvalidPurpose, InvalidBirthDate, InvalidAddressPart);

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
        Patch::Value(text) => errors.read(pointer, parse(text)).map_or(Patch::Absent, Patch::Value),
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
