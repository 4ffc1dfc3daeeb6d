//! A database of its own for each test, copied from a template in which the world is already seeded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use db::{CommitListener, DatabaseConfig, Db, PoolConfig};
use kernel::{Clock, SystemClock};
use tokio_postgres::{Client, NoTls};

use crate::keeper;
use crate::services::{Services, with_database};

/// The role that a raw connection signs in as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Owns the tables; runs migrations.
    Owner,
    /// The server.
    App,
    /// Claims jobs across clinics.
    Worker,
    /// Passes row-level security by: how tests look at the whole truth.
    Maintenance,
}

/// A database that exists as long as this does.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    services: Services,
}

/// Tells the databases of one process apart.
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl TestDatabase {
    /// A new database with the [`crate::world`] in it; `None`, with a message, when there are no test services.
    ///
    /// # Panics
    /// When the services are there and do not work, or are absent under `CI=true`.
    pub async fn create() -> Option<Self> {
        Self::make(true).await
    }

    /// A new database without a table.
    ///
    /// # Panics
    /// As [`Self::create`].
    pub async fn create_empty() -> Option<Self> {
        Self::make(false).await
    }

    async fn make(seeded: bool) -> Option<Self> {
        let services = Services::find()?;
        let name = format!(
            "taskmed_test_{}_{}_{}",
            seconds_now(),
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        keeper::make(&services, &name, seeded).await;
        Some(Self { name, services })
    }

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL by which `role` reaches the database.
    #[must_use]
    pub fn url(&self, role: Role) -> String {
        let url = match role {
            Role::Owner => &self.services.admin,
            Role::App => &self.services.app,
            Role::Worker => &self.services.worker,
            Role::Maintenance => &self.services.maintenance,
        };
        with_database(url, &self.name)
    }

    /// The settings by which `role` reaches the database.
    #[must_use]
    pub fn config(&self, role: Role) -> DatabaseConfig {
        DatabaseConfig::for_requests(self.url(role).into())
    }

    /// The server's way to the database, with at most `connections` of them.
    #[must_use]
    pub fn db(&self, clock: Arc<dyn Clock>, connections: u32) -> Db {
        self.db_heard_by(clock, connections, Vec::new())
    }

    /// As [`Self::db`]; `listeners` hear of commits.
    #[must_use]
    pub fn db_heard_by(&self, clock: Arc<dyn Clock>, connections: u32, listeners: Vec<Arc<dyn CommitListener>>) -> Db {
        let pool = PoolConfig {
            max_connections: connections,
            // Many tests share the machine; a wait is no failure.
            wait: Duration::from_secs(20),
        };
        Db::new(self.config(Role::App), pool, clock, listeners.into())
    }

    /// A raw connection, for what only SQL can say.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn connect(&self, role: Role) -> Client {
        connect(&self.url(role)).await
    }
}

impl Drop for TestDatabase {
    /// Removes the database. One that is left behind, after a kill, is swept by a later run.
    fn drop(&mut self) {
        keeper::remove(&self.services, &self.name);
    }
}

/// Opens a connection and drives it on the current runtime.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("the test services answer; restart them with `make services-test`");
    tokio::spawn(async move {
        // Its end is seen by whoever uses the client.
        let _ended = connection.await;
    });
    client
}

/// The seconds since 1970: databases are named by them, so that old ones can be told.
pub(crate) fn seconds_now() -> i64 {
    SystemClock.now().as_datetime().timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world;

    #[tokio::test]
    async fn each_database_is_its_own_and_holds_the_world() {
        let Some(first) = TestDatabase::create().await else {
            return;
        };
        let Some(second) = TestDatabase::create().await else {
            return;
        };
        let writer = first.connect(Role::Maintenance).await;
        writer
            .execute(
                "UPDATE clinics SET trade_name = 'Outra' WHERE id = $1",
                &[world::clinic("aurora").as_uuid()],
            )
            .await
            .unwrap();
        let reader = second.connect(Role::Maintenance).await;
        let names = reader
            .query("SELECT trade_name FROM clinics ORDER BY slug", &[])
            .await
            .unwrap();
        let names: Vec<String> = names.iter().map(|row| row.get(0)).collect();
        assert_eq!(names, ["Clínica Aurora", "Clínica Horizonte"]);
    }

    #[tokio::test]
    async fn a_database_goes_with_its_owner_even_with_connections_open() {
        let Some(database) = TestDatabase::create().await else {
            return;
        };
        let name = database.name().to_owned();
        let admin = connect(&database.services.admin).await;
        let _still_open = database.connect(Role::App).await;
        drop(database);
        let left = admin
            .query("SELECT FROM pg_database WHERE datname = $1", &[&name])
            .await
            .unwrap();
        assert!(left.is_empty());
    }
}
