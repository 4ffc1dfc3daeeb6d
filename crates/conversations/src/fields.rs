//! Parsing the values of an input so that all that are wrong are told together.

use std::fmt::Display;

use kernel::FieldErrors;
use kernel::email::InvalidEmailAddress;
use kernel::text::InvalidText;
use rest::Patch;

/// An error of a parse with a stable word for programs.
pub(crate) trait Coded: Display {
    /// The word.
    fn code(&self) -> &'static str;
}

macro_rules! coded {
    ($($error:ty),+ $(,)?) => {$(
        impl $crate::fields::Coded for $error {
            fn code(&self) -> &'static str {
                <$error>::code(self)
            }
        }
    )+};
}
pub(crate) use coded;

coded!(InvalidText, InvalidEmailAddress);

/// The value of a parse, or its error noted.
pub(crate) fn noted<T, E: Coded>(errors: &mut FieldErrors, pointer: &str, parsed: Result<T, E>) -> Option<T> {
    parsed.map_err(|error| errors.push(pointer, error.code(), error)).ok()
}

/// The value of a field that may be absent; a wrong one is noted.
pub(crate) fn optional<T, U, E: Coded>(
    errors: &mut FieldErrors,
    pointer: &str,
    value: Option<T>,
    parse: impl FnOnce(T) -> Result<U, E>,
) -> Option<U> {
    value.and_then(|value| noted(errors, pointer, parse(value)))
}

/// The change of a value that cannot be cleared.
pub(crate) fn change<T, U, E: Coded>(
    errors: &mut FieldErrors,
    pointer: &str,
    patch: Patch<T>,
    parse: impl FnOnce(T) -> Result<U, E>,
) -> Option<U> {
    match patch {
        Patch::Absent => None,
        Patch::Null => {
            errors.push(pointer, "required", "cannot be cleared");
            None
        }
        Patch::Value(value) => noted(errors, pointer, parse(value)),
    }
}
