//! Reading what a PATCH changes, so that all that is wrong with it is told together.

use std::convert::Infallible;

use kernel::{Coded, FieldErrors};

use crate::patch::Patch;

/// Reads members of a PATCH, gathering what is wrong.
pub trait ReadPatch {
    /// The change of a value that cannot be cleared; `None` keeps it.
    fn read_change<T, U, E: Coded>(
        &mut self,
        pointer: &str,
        patch: Patch<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U>;

    /// The change of a value that null clears; `None` keeps it.
    fn read_clearable<T, U, E: Coded>(
        &mut self,
        pointer: &str,
        patch: Patch<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<Option<U>>;
}

impl ReadPatch for FieldErrors {
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

/// For values whose type says it all: nothing is wrong with them.
///
/// # Errors
/// None.
pub fn as_it_is<T>(value: T) -> Result<T, Infallible> {
    Ok(value)
}

/// The names of those fields that are changed, for the audit log.
#[must_use]
pub fn changed<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
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
