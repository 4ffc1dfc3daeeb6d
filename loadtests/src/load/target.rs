//! The database that is loaded.

use kernel::Timestamp;
use secrecy::SecretString;
use tokio_postgres::Client;

use crate::database::connect;

/// The database, by the two roles that a load needs.
#[derive(Debug, Clone)]
pub struct Target {
    /// The role that row-level security does not bind: it writes.
    pub maintenance: SecretString,
    /// The owner of the tables, who alone may have statistics made.
    pub owner: SecretString,
}

impl Target {
    /// A connection that may write rows of every clinic.
    pub(crate) async fn bulk(&self) -> Result<Client, tokio_postgres::Error> {
        connect(&self.maintenance).await
    }

    /// Has the partitions of messages made for the months from that of `first` on, of which the migration made those to come.
    pub(crate) async fn months_of_messages(&self, first: Timestamp, months: i32) -> Result<(), tokio_postgres::Error> {
        let first = first.as_datetime().date_naive();
        connect(&self.owner)
            .await?
            .query(
                "SELECT make_month_partitions('messages', $1::text::date, $2)",
                &[&first.to_string(), &months],
            )
            .await?;
        Ok(())
    }

    /// Removes what was emptied and has the planner's statistics made, as the server would in a while by itself.
    pub(crate) async fn tidy(&self, tables: impl Iterator<Item = &str>) -> Result<(), tokio_postgres::Error> {
        let owner = connect(&self.owner).await?;
        for table in tables {
            owner.batch_execute(&format!("VACUUM (ANALYZE) {table}")).await?;
        }
        owner.batch_execute("ANALYZE").await
    }
}
