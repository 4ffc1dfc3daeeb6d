//! Errors in the fields of an input, gathered so that all of them are reported together.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where, as a JSON Pointer (RFC 6901) into the body (`/phones/0/number`), or the name of a query parameter.
    #[schema(example = "/birth_date")]
    pub pointer: String,
    /// What, as a stable snake_case word for programs.
    #[schema(example = "in_future")]
    pub code: String,
    /// What, as an English sentence for people.
    #[schema(example = "a birth date is not in the future")]
    pub message: String,
}

/// An error of a parse that has a stable word for programs.
pub trait Coded: fmt::Display {
    /// The word.
    fn code(&self) -> &'static str;
}

/// Gives errors the [`Coded`](crate::fields::Coded) word that their own `code()` says.
#[macro_export]
macro_rules! coded {
    ($($error:ty),+ $(,)?) => {$(
        impl $crate::fields::Coded for $error {
            fn code(&self) -> &'static str {
                <$error>::code(self)
            }
        }
    )+};
}

coded!(
    crate::documents::InvalidCnpj,
    crate::documents::InvalidCns,
    crate::documents::InvalidCpf,
    crate::documents::InvalidRegistrationNumber,
    crate::email::InvalidEmailAddress,
    crate::money::InvalidCurrency,
    crate::phone::InvalidPhoneNumber,
    crate::text::InvalidText,
);

macro_rules! coded_as {
    ($($error:ty = $code:literal),+ $(,)?) => {$(
        impl Coded for $error {
            fn code(&self) -> &'static str {
                $code
            }
        }
    )+};
}

coded_as!(
    crate::access::UnknownRole = "unknown_role",
    crate::time::InvalidZone = "unknown_zone",
    crate::week::InvalidWallTime = "invalid_time",
    crate::week::InvalidWeekday = "invalid_weekday",
);

impl Coded for std::convert::Infallible {
    fn code(&self) -> &'static str {
        match *self {}
    }
}

/// All fields of one input that are wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// One error alone.
    #[must_use]
    pub fn one(pointer: impl Into<String>, code: &str, message: impl fmt::Display) -> Self {
        let mut errors = Self::new();
        errors.push(pointer, code, message);
        errors
    }

    /// Adds an error.
    pub fn push(&mut self, pointer: impl Into<String>, code: &str, message: impl fmt::Display) {
        self.0.push(FieldError {
            pointer: pointer.into(),
            code: code.to_owned(),
            message: message.to_string(),
        });
    }

    /// Adds the errors of a nested input, their pointers put under `prefix`.
    pub fn nest(&mut self, prefix: &str, inner: Self) {
        self.0.extend(inner.0.into_iter().map(|error| FieldError {
            pointer: format!("{prefix}{}", error.pointer),
            ..error
        }));
    }

    /// The errors, those at `from` put at `to`: where what is wrong came from another field than it is checked in.
    #[must_use]
    pub fn moved(mut self, from: &str, to: &str) -> Self {
        for error in self.0.iter_mut().filter(|error| error.pointer == from) {
            to.clone_into(&mut error.pointer);
        }
        self
    }

    /// Keeps the value of a parse, or notes its error at `pointer` and goes on with `None`.
    pub fn take<T, E: fmt::Display>(&mut self, pointer: &str, code: &str, parsed: Result<T, E>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.push(pointer, code, error);
                None
            }
        }
    }

    /// The value of a parse; none when it is wrong, which is noted at `pointer`.
    pub fn read<T, E: Coded>(&mut self, pointer: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.push(pointer, error.code(), error)).ok()
    }

    /// The value of a field that may be left out: `Some(None)` then, and `None` alone when it is wrong.
    pub fn read_optional<T, U, E: Coded>(
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

    /// The value of a field that may be left out; none when it is, and when it is wrong.
    pub fn read_if_given<T, U, E: Coded>(
        &mut self,
        pointer: &str,
        value: Option<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        value.and_then(|value| self.read(pointer, parse(value)))
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The errors, in the order they were found.
    #[must_use]
    pub fn into_vec(self) -> Vec<FieldError> {
        self.0
    }

    /// The errors, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.0.iter()
    }

    /// `value` when all parts of it were right.
    ///
    /// # Errors
    /// Everything that was pushed; a `None` without an error is a mistake of the caller and reported as `invalid`.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            Some(_) => Err(self),
            None => {
                if self.is_empty() {
                    self.push("", "invalid", "the value is not valid");
                }
                Err(self)
            }
        }
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("; ")?;
            }
            write!(formatter, "{}: {}", error.pointer, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}
