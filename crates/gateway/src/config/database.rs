//! The settings of PostgreSQL: a role for each purpose, and the pools.

use std::time::Duration;

use db::{DatabaseConfig, PoolConfig};
use secrecy::{ExposeSecret, SecretString};

use super::reader::Reader;
use super::{ConfigError, Environment};

/// The database, as each role that the server needs.
pub(super) struct Databases {
    /// As the server's role.
    pub(super) requests: DatabaseConfig,
    /// The size of each worker's pool.
    pub(super) pool: PoolConfig,
    /// As the worker's role.
    pub(super) worker: DatabaseConfig,
}

/// Both roles of the server.
pub(super) fn read(reader: &mut Reader, environment: Environment) -> Databases {
    let database_url = reader.required(
        "database_url",
        "the server's role: postgres://taskmed_app:…@host:port/taskmed",
    );
    let worker_url = reader.required(
        "database_worker_url",
        "the worker's role: postgres://taskmed_worker:…@host:port/taskmed",
    );
    check_password(reader, environment, "database_url", &database_url);
    check_password(reader, environment, "database_worker_url", &worker_url);
    let requests = DatabaseConfig {
        statement_timeout: reader.seconds("statement_timeout_seconds", 5, 0..=300),
        ..DatabaseConfig::for_requests(database_url)
    };
    let pool = PoolConfig {
        max_connections: reader.or("database_connections_per_worker", PoolConfig::default().max_connections),
        wait: Duration::from_millis(reader.or("database_wait_milliseconds", 2000)),
    };
    if !(1..=200).contains(&pool.max_connections) {
        reader.fault("database_connections_per_worker", "must be between 1 and 200");
    }
    Databases {
        requests,
        pool,
        worker: DatabaseConfig::for_requests(worker_url),
    }
}

/// The database as the owner of the tables, for migrations.
///
/// # Errors
/// [`ConfigError`] when it is not set.
pub fn owner_database() -> Result<DatabaseConfig, ConfigError> {
    let mut reader = Reader::new();
    let url = reader.required(
        "database_owner_url",
        "the owner's role makes the tables: postgres://taskmed_owner:…@host:port/taskmed",
    );
    reader.finish(DatabaseConfig::for_requests(url))
}

/// Refuses a password that stands in a public file.
fn check_password(reader: &mut Reader, environment: Environment, setting: &str, url: &SecretString) {
    let default = ["taskmed", "postgres", "password", "changeme"]
        .iter()
        .any(|password| url.expose_secret().contains(&format!(":{password}@")));
    if environment == Environment::Production && default {
        reader.fault(
            setting,
            "carries a password that everybody knows; production does not start with it",
        );
    }
}
