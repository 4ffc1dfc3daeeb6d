//! What can go wrong with the database, and how a constraint becomes an error of the domain.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// A failure of the database itself. Its text is for logs, never for clients.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection could be had in time; the caller may come again.
    #[error("no database connection: {reason}")]
    Unavailable {
        /// Why, for the log.
        reason: String,
    },
    /// A statement took longer than it may, or waited too long for a lock.
    #[error("a statement was ended for taking too long")]
    TimedOut,
    /// A deadlock or a serialization failure: the same work may succeed when done again.
    #[error("the transaction lost against another one")]
    Transient(#[source] DieselError),
    /// The connection broke while the commit was on its way: whether it took effect is not known.
    #[error("the connection broke during commit")]
    CommitUnknown(#[source] DieselError),
    /// Anything else; a constraint that no domain error speaks for, or a mistake in a statement.
    #[error("a statement failed: {}", describe(.0))]
    Query(#[source] DieselError),
}

/// The failure without the values in it: only kind and constraint, since messages may quote a patient's data.
fn describe(error: &DieselError) -> String {
    match error {
        DieselError::DatabaseError(kind, information) => match information.constraint_name() {
            Some(constraint) => format!("{kind:?} of {constraint}"),
            None => format!("{kind:?}: {}", information.message()),
        },
        DieselError::NotFound => "no row".to_owned(),
        DieselError::DeserializationError(_) => "a row could not be read".to_owned(),
        DieselError::SerializationError(_) => "a value could not be written".to_owned(),
        _ => "other".to_owned(),
    }
}

impl DbError {
    /// The constraint that refused, when one did.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Query(DieselError::DatabaseError(_, information)) => information.constraint_name(),
            _ => None,
        }
    }

    /// A value that its column cannot hold, or that cannot be read from it.
    #[must_use]
    pub fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Query(DieselError::SerializationError(Box::new(error)))
    }

    /// Whether doing the same work again may succeed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }
}

impl From<DieselError> for DbError {
    /// diesel-async keeps SQLSTATE only for what diesel knows; the rest is told apart by the server's message, for which
    /// `lc_messages` is C (see docs/operations.md).
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Self::Transient(error),
            DieselError::DatabaseError(
                DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection,
                cause,
            ) => Self::Unavailable {
                reason: cause.message().to_owned(),
            },
            // The row was meant for a partition that gave it to a newer one in that moment.
            DieselError::DatabaseError(_, information)
                if information.message().ends_with("violates partition constraint") =>
            {
                Self::Transient(error)
            }
            DieselError::DatabaseError(_, information) if information.message() == "deadlock detected" => {
                Self::Transient(error)
            }
            DieselError::DatabaseError(_, information)
                if information.message().starts_with("canceling statement due to") =>
            {
                Self::TimedOut
            }
            DieselError::DatabaseError(_, information)
                if information.message().starts_with("terminating connection") =>
            {
                Self::Unavailable {
                    reason: information.message().to_owned(),
                }
            }
            _ => Self::Query(error),
        }
    }
}

/// An error that a unit of work may end with: it can hold a failure of the database, and show it.
pub trait TxError: From<DbError> {
    /// The database's failure in it, when it is one: the transaction is run again when that is transient.
    fn db_error(&self) -> Option<&DbError>;
}

impl TxError for DbError {
    fn db_error(&self) -> Option<&DbError> {
        Some(self)
    }
}

/// Makes `$error` a [`TxError`](crate::TxError) whose variant `Database`, and no other, holds a failure of the database.
#[macro_export]
macro_rules! tx_error {
    ($error:ty) => {
        impl $crate::TxError for $error {
            fn db_error(&self) -> ::std::option::Option<&$crate::DbError> {
                match self {
                    Self::Database(error) => ::std::option::Option::Some(error),
                    _ => ::std::option::Option::None,
                }
            }
        }
    };
}

/// Turns constraints into errors of the domain: `query.on_constraint("rooms_name_once", || Taken).or_database()`.
pub trait QueryResultExt<T> {
    /// Makes the violation of `constraint` into `error()`.
    fn on_constraint<E>(self, constraint: &str, error: impl FnOnce() -> E) -> Outcome<T, E>;
    /// Every failure is the database's.
    ///
    /// # Errors
    /// The failure.
    fn or_database<E: From<DbError>>(self) -> Result<T, E>;
}

impl<T> QueryResultExt<T> for Result<T, DieselError> {
    fn on_constraint<E>(self, constraint: &str, error: impl FnOnce() -> E) -> Outcome<T, E> {
        Outcome(self.map_err(Failure::Database)).on_constraint(constraint, error)
    }

    fn or_database<E: From<DbError>>(self) -> Result<T, E> {
        self.map_err(|error| E::from(DbError::from(error)))
    }
}

/// The result of a statement whose constraints are being spoken for.
#[derive(Debug)]
pub struct Outcome<T, E>(Result<T, Failure<E>>);

#[derive(Debug)]
enum Failure<E> {
    Database(DieselError),
    Domain(E),
}

impl<T, E> Outcome<T, E> {
    /// Makes the violation of `constraint` into `error()`.
    #[must_use]
    pub fn on_constraint(self, constraint: &str, error: impl FnOnce() -> E) -> Self {
        Self(self.0.map_err(|failure| match failure {
            Failure::Database(DieselError::DatabaseError(_, information))
                if information.constraint_name() == Some(constraint) =>
            {
                Failure::Domain(error())
            }
            other => other,
        }))
    }

    /// The result; every failure not spoken for is the database's.
    ///
    /// # Errors
    /// The domain's error for a constraint that was named, else the database's.
    pub fn or_database(self) -> Result<T, E>
    where
        E: From<DbError>,
    {
        self.0.map_err(|failure| match failure {
            Failure::Domain(error) => error,
            Failure::Database(error) => E::from(DbError::from(error)),
        })
    }
}
