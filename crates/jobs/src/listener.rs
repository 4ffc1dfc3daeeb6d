//! Hears from other processes that there is something to do, by PostgreSQL's LISTEN. A hint alone: what is missed while nobody
//! listens, the worker's own look finds.

use std::time::Duration;

use db::{ConnectError, DatabaseConfig, DbError};
use diesel_async::SimpleAsyncConnection;
use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// What workers listen to.
pub(crate) const CHANNEL: &str = "taskmed_queue";

/// How long nothing is heard before it is looked whether the connection still lives.
const SILENCE: Duration = Duration::from_secs(30);

/// How long the database may take to show that the connection lives.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pauses between attempts to listen again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
enum Deaf {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("the connection ended")]
    Ended,
    #[error("the database has not answered for too long")]
    Silent,
}

/// Tells `heard` of every notification that another process sent; `own` is what this process sends. Listens anew when the
/// connection is lost.
pub(crate) async fn listen(database: &DatabaseConfig, own: &str, heard: &Notify) {
    let mut pause = FIRST_PAUSE;
    loop {
        let mut listened = false;
        let ended = listen_once(database, own, heard, &mut listened).await;
        if listened {
            pause = FIRST_PAUSE;
        }
        if let Err(error) = ended {
            tracing::warn!(%error, "other processes are not heard for now; the worker looks by itself");
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

async fn listen_once(database: &DatabaseConfig, own: &str, heard: &Notify, listened: &mut bool) -> Result<(), Deaf> {
    let mut connection = db::connect(database).await?;
    connection
        .batch_execute(&format!("LISTEN {CHANNEL}"))
        .await
        .map_err(DbError::from)?;
    *listened = true;
    // What was said before.
    heard.notify_one();
    loop {
        let notification = {
            let mut notifications = std::pin::pin!(connection.notifications_stream());
            timeout(SILENCE, notifications.next()).await
        };
        match notification {
            Ok(Some(Ok(notification))) if notification.payload == own => {}
            Ok(Some(Ok(_from_another))) => heard.notify_one(),
            Ok(Some(Err(error))) => return Err(DbError::from(error).into()),
            Ok(None) => return Err(Deaf::Ended),
            Err(_silence) => timeout(PATIENCE, connection.batch_execute("SELECT 1"))
                .await
                .map_err(|_elapsed| Deaf::Silent)?
                .map_err(DbError::from)?,
        }
    }
}
