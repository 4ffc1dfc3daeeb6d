//! The database that is loaded.

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::{Client, NoTls};

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
    pub(super) async fn bulk(&self) -> Result<Client, tokio_postgres::Error> {
        connect(&self.maintenance).await
    }

    /// Removes what was emptied and has the planner's statistics made, as the server would in a while by itself.
    pub(super) async fn tidy(&self, tables: impl Iterator<Item = &str>) -> Result<(), tokio_postgres::Error> {
        let owner = connect(&self.owner).await?;
        for table in tables {
            owner.batch_execute(&format!("VACUUM (ANALYZE) {table}")).await?;
        }
        owner.batch_execute("ANALYZE").await
    }
}

async fn connect(url: &SecretString) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls).await?;
    // Its end is seen by whoever uses the client.
    tokio::spawn(async move { connection.await.ok() });
    Ok(client)
}
