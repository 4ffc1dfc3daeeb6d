//! The roll of processes: the database says who may commit, so that whoever does without being heard on the bus is noticed.

use std::time::Duration;

use bus::Bus;
use db::DatabaseConfig;

/// How often the roll is called. What a process that cannot reach Redis commits within this time of its first connection may be
/// answered from what others remember; after that they ask the database.
const EVERY: Duration = Duration::from_millis(500);

/// How long it rests after it could not be called; then the database is away, and nobody commits.
const REST: Duration = Duration::from_secs(1);

/// Calls the roll for as long as the server runs, where there are other processes to hear of.
pub(crate) async fn call(bus: Bus, database: DatabaseConfig) {
    if !bus.is_shared() {
        return;
    }
    let mut connection = None;
    loop {
        if connection.is_none() {
            connection = db::connect(&database).await.ok();
        }
        let pause = match &connection {
            None => REST,
            Some(open) => match db::processes_connected(open).await {
                Ok(processes) => {
                    bus.attend(processes);
                    EVERY
                }
                Err(error) => {
                    tracing::warn!(%error, "the database cannot be asked who is connected; it is tried again");
                    connection = None;
                    REST
                }
            },
        };
        tokio::time::sleep(pause).await;
    }
}
