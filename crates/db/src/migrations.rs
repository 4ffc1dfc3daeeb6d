//! Brings the schema up to date, as the owner of the tables.

use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use kernel::Timestamp;

use crate::config::DatabaseConfig;
use crate::connection::{ConnectError, connect};
use crate::error::DbError;
use crate::schema::functions::set_config;

/// Every step, oldest first, built into the program.
const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// The key of the lock that keeps two migrations apart.
const MIGRATION_LOCK: i64 = 0x7461_736b_6d65_6431;

/// How many months ahead the partitions of the audit log and of messages are made.
const PARTITIONS_AHEAD: u32 = 14;

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The owner's connection could not be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A step failed; what it had done is undone.
    #[error("a migration failed: {0}")]
    Step(String),
    /// The lock, or the making of partitions, failed.
    #[error("the database refused: {0}")]
    Database(#[from] diesel::result::Error),
    /// A partition could not be made.
    #[error("a partition could not be made: {0}")]
    Partition(DbError),
    /// No partition could be made, since somebody always used the table.
    #[error(
        "no partition of {table} could be made: something held the table all the time; rows wait in the default partition. Look for long \
             transactions (pg_stat_activity), then run `taskmed partitions` again"
    )]
    Busy {
        /// The table.
        table: &'static str,
    },
    /// The thread that ran the steps ended early.
    #[error("the migration was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

diesel::define_sql_function! {
    /// Waits for a lock that is held until the session ends.
    fn pg_advisory_lock(key: diesel::sql_types::BigInt);
}
diesel::define_sql_function! {
    /// Makes the partitions of a table for the months to come; says how many it made.
    fn make_month_partitions(parent: diesel::sql_types::Text, first_month: diesel::sql_types::Date, months: diesel::sql_types::Integer) -> diesel::sql_types::Integer;
}

/// Runs every step that has not run yet, one at a time however many processes ask, and makes the coming months' partitions.
/// Gives the names of the steps that ran.
///
/// # Errors
/// [`MigrationError`]; steps before the failed one stay.
pub async fn run(owner: &DatabaseConfig, now: Timestamp) -> Result<Vec<String>, MigrationError> {
    let ran = on_harness(owner, |harness| {
        let ran = harness
            .run_pending_migrations(MIGRATIONS)
            .map_err(|error| MigrationError::Step(error.to_string()))?;
        Ok(ran.iter().map(ToString::to_string).collect())
    })
    .await?;
    make_partitions(owner, now).await?;
    Ok(ran)
}

/// Undoes every step, newest first: for tests of the way down.
///
/// # Errors
/// [`MigrationError`].
pub async fn revert_all(owner: &DatabaseConfig) -> Result<(), MigrationError> {
    on_harness(owner, |harness| {
        harness
            .revert_all_migrations(MIGRATIONS)
            .map_err(|error| MigrationError::Step(error.to_string()))?;
        Ok(())
    })
    .await
}

/// The names of the steps that have not run yet.
///
/// # Errors
/// [`MigrationError`].
pub async fn pending(owner: &DatabaseConfig) -> Result<Vec<String>, MigrationError> {
    on_harness(owner, |harness| {
        let pending = harness
            .pending_migrations(MIGRATIONS)
            .map_err(|error| MigrationError::Step(error.to_string()))?;
        Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
    })
    .await
}

/// The tables on monthly partitions.
const PARTITIONED: [&str; 2] = ["audit_log", "messages"];

/// How long the making of one partition waits for those who write, who wait behind it; how often it is tried; and the pause before
/// it is tried again, in which they go on.
const LOCK_PATIENCE: &str = "2s";
const MOST_TRIES: u32 = 30;
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Makes the partitions of the coming months, of the audit log and of messages; gives how many were missing. Rows of those months
/// that the default partition had to catch are moved there, while others write.
///
/// # Errors
/// [`MigrationError`]; [`MigrationError::Busy`] when the tables are in use without a break. Partitions made before it stay.
pub async fn make_partitions(owner: &DatabaseConfig, now: Timestamp) -> Result<i32, MigrationError> {
    let connection = connect_alone(owner).await?;
    diesel::select(set_config("lock_timeout", LOCK_PATIENCE, false))
        .execute(&mut &connection)
        .await?;
    let this_month = now.as_datetime().date_naive();
    let mut made = 0_i32;
    for table in PARTITIONED {
        // One at a time, so that nobody waits for more than one.
        for ahead in 0..PARTITIONS_AHEAD {
            let month = this_month + chrono::Months::new(ahead);
            made = made.saturating_add(make_partition(&connection, table, month).await?);
        }
    }
    Ok(made)
}

/// Makes the partition of `table` for the month of `month`, if it is missing.
async fn make_partition(
    connection: &AsyncPgConnection,
    table: &'static str,
    month: chrono::NaiveDate,
) -> Result<i32, MigrationError> {
    let mut tries = 1;
    loop {
        let made = diesel::select(make_month_partitions(table, month, 1))
            .get_result(&mut &*connection)
            .await
            .map_err(DbError::from);
        match made {
            Ok(made) => return Ok(made),
            Err(DbError::Transient(_) | DbError::TimedOut) if tries < MOST_TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(DbError::Transient(_) | DbError::TimedOut) => return Err(MigrationError::Busy { table }),
            Err(error) => return Err(MigrationError::Partition(error)),
        }
    }
}

/// Works on the migrations with the lock held; diesel's harness blocks, so it gets a thread of its own.
async fn on_harness<T: Send + 'static>(
    owner: &DatabaseConfig,
    work: impl FnOnce(&mut AsyncMigrationHarness<AsyncPgConnection>) -> Result<T, MigrationError> + Send + 'static,
) -> Result<T, MigrationError> {
    let mut connection = connect_alone(owner).await?;
    // The harness reads the connection's instrumentation, which must then be its own.
    connection.set_instrumentation(crate::accounting::CountStatements);
    let mut harness = AsyncMigrationHarness::new(connection);
    tokio::task::spawn_blocking(move || work(&mut harness))
        .await
        .map_err(MigrationError::Interrupted)?
}

/// A connection that may take its time, and that no other of its kind works beside.
async fn connect_alone(owner: &DatabaseConfig) -> Result<AsyncPgConnection, MigrationError> {
    let patient = DatabaseConfig {
        statement_timeout: std::time::Duration::ZERO,
        lock_timeout: std::time::Duration::ZERO,
        idle_in_transaction_timeout: std::time::Duration::ZERO,
        ..owner.clone()
    };
    let connection = connect(&patient).await?;
    diesel::select(pg_advisory_lock(MIGRATION_LOCK))
        .execute(&mut &connection)
        .await?;
    Ok(connection)
}
