//! The few things that may be asked before a clinic is known: one user, and the clinics in which they work.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::email::EmailAddress;
use kernel::text::Slug;
use kernel::{Timestamp, UserId};

use crate::error::{DbError, TxError};
use crate::pipeline::ahead_of;
use crate::pool::Db;
use crate::schema::functions::set_config;

/// Whose rows a look-up may see. Row-level security opens exactly these: the user, their memberships and clinics (to read),
/// their sign-ins, recovery codes and password resets.
#[derive(Debug, Clone)]
pub enum LookupBy {
    /// The user with this e-mail, for sign-in.
    Email(EmailAddress),
    /// The user with this id, who has proved to be that user.
    User(UserId),
    /// The clinic with this slug, for the command line: its row in `clinics`, nothing else.
    Clinic(Slug),
}

impl LookupBy {
    /// Opens the user's rows for the transaction that `connection` is in.
    pub(crate) async fn set_locally(&self, connection: &AsyncPgConnection) -> Result<(), DbError> {
        let (name, value) = match self {
            Self::Email(email) => ("app.user_email", email.as_str().to_owned()),
            Self::User(user) => ("app.user_id", user.to_string()),
            Self::Clinic(slug) => ("app.clinic_slug", slug.as_str().to_owned()),
        };
        diesel::select(set_config(name, value, true))
            .execute(&mut &*connection)
            .await?;
        Ok(())
    }
}

/// A transaction in which no clinic is set and one user's rows are open.
pub struct Lookup<'c> {
    connection: &'c AsyncPgConnection,
    now: Timestamp,
}

impl<'c> Lookup<'c> {
    /// The connection.
    #[must_use]
    pub const fn conn(&self) -> &'c AsyncPgConnection {
        self.connection
    }

    /// The instant at which the look-up began.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Opens the rows of a user found on the way: from e-mail to id.
    ///
    /// # Errors
    /// [`DbError`] when the setting cannot be made.
    pub async fn open_user(&self, user: UserId) -> Result<(), DbError> {
        LookupBy::User(user).set_locally(self.connection).await
    }
}

impl Db {
    /// Works on one user's own rows in a transaction without a clinic.
    ///
    /// # Errors
    /// What `work` ends with, or the database's failure.
    pub async fn lookup<T, E: TxError>(
        &self,
        by: LookupBy,
        work: impl AsyncFnOnce(&Lookup<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.checkout().await?;
        connection.under_way = true;
        let result = {
            let lookup = Lookup {
                connection: &connection.inner,
                now: self.clock().now(),
            };
            let whole_work = async {
                by.set_locally(lookup.connection).await?;
                work(&lookup).await
            };
            ahead_of(
                connection.send("BEGIN; SELECT set_config('app.clinic_id', '', true)"),
                whole_work,
            )
            .await
            .map_err(DbError::from)?
        };
        let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
        connection.send(end).await.map_err(DbError::from)?;
        connection.under_way = false;
        result
    }
}
