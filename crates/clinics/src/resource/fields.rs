//! Reading the fields of a body so that all that are wrong are told together, each with its own code.

use std::fmt::Display;

use kernel::FieldErrors;
use kernel::documents::{InvalidCnpj, InvalidCouncil, InvalidRegistrationNumber, InvalidStateCode};
use kernel::email::InvalidEmailAddress;
use kernel::money::InvalidCurrency;
use kernel::phone::InvalidPhoneNumber;
use kernel::text::InvalidText;
use kernel::time::InvalidZone;
use rest::Patch;

use super::bounded::OutOfBounds;

/// An error with a stable word for programs.
pub(crate) trait Coded: Display {
    /// The word.
    fn code(&self) -> &'static str;
}

macro_rules! coded {
    ($($error:ty),+ $(,)?) => {$(
        impl $crate::resource::fields::Coded for $error {
            fn code(&self) -> &'static str {
                Self::code(self)
            }
        }
    )+};
}
pub(crate) use coded;

coded!(
    InvalidCnpj,
    InvalidCouncil,
    InvalidCurrency,
    InvalidEmailAddress,
    InvalidPhoneNumber,
    InvalidRegistrationNumber,
    InvalidStateCode,
    InvalidText,
);

impl Coded for InvalidZone {
    fn code(&self) -> &'static str {
        "unknown_zone"
    }
}

impl Coded for OutOfBounds {
    fn code(&self) -> &'static str {
        "out_of_range"
    }
}

/// Reads fields into values, gathering what is wrong.
pub(crate) trait FieldReader {
    /// A value that must be there.
    fn read<T, E: Coded>(&mut self, pointer: &str, parsed: Result<T, E>) -> Option<T>;

    /// A value that may be absent: `Some(None)` then, and `None` alone when it is wrong.
    fn read_optional<T, U, E: Coded>(
        &mut self,
        pointer: &str,
        value: Option<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<Option<U>> {
        match value {
            None => Some(None),
            Some(value) => self.read(pointer, parse(value)).map(Some),
        }
    }

    /// A change of a value that cannot be cleared; `None` keeps it.
    fn read_change<T, U, E: Coded>(
        &mut self,
        pointer: &str,
        patch: Patch<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U>;

    /// A change of a value that null clears; `None` keeps it.
    fn read_clearable<T, U, E: Coded>(
        &mut self,
        pointer: &str,
        patch: Patch<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<Option<U>> {
        match patch {
            Patch::Absent => None,
            Patch::Null => Some(None),
            Patch::Value(value) => self.read(pointer, parse(value)).map(Some),
        }
    }
}

impl FieldReader for FieldErrors {
    fn read<T, E: Coded>(&mut self, pointer: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.push(pointer, error.code(), error)).ok()
    }

    fn read_change<T, U, E: Coded>(
        &mut self,
        pointer: &str,
        patch: Patch<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        match patch {
            Patch::Absent => None,
            Patch::Null => {
                self.push(pointer, "required", "cannot be cleared");
                None
            }
            Patch::Value(value) => self.read(pointer, parse(value)),
        }
    }
}

/// For values whose type says it all: nothing is wrong with them.
pub(crate) fn as_it_is<T>(value: T) -> Result<T, std::convert::Infallible> {
    Ok(value)
}

impl Coded for std::convert::Infallible {
    fn code(&self) -> &'static str {
        match *self {}
    }
}

/// The names of those fields that are changed, for the audit log.
pub(crate) fn changed<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    fields
        .into_iter()
        .filter_map(|(name, is_changed)| is_changed.then_some(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use kernel::text::Label;

    use super::*;

    #[test]
    fn absent_keeps_null_clears_and_wrong_is_told() {
        let mut errors = FieldErrors::new();
        let parse = |text: &str| Label::parse(text);
        assert_eq!(errors.read_clearable("/a", Patch::Absent, parse), None);
        assert_eq!(errors.read_clearable("/a", Patch::Null, parse), Some(None));
        assert_eq!(
            errors.read_change("/b", Patch::Value("x"), parse),
            Label::parse("x").ok()
        );
        assert!(errors.is_empty());
        assert_eq!(errors.read_change("/b", Patch::Null, parse), None);
        assert_eq!(errors.read_clearable("/c", Patch::Value(" "), parse), None);
        let told: Vec<_> = errors
            .iter()
            .map(|error| (error.pointer.as_str(), error.code.as_str()))
            .collect();
        assert_eq!(told, [("/b", "required"), ("/c", "blank")]);
    }
}
