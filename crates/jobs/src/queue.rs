//! The queue as a worker deals with it: takes, keeps, and says what became of what it took.

use std::sync::Arc;

use db::{DatabaseConfig, DbError};
use diesel_async::SimpleAsyncConnection;
use futures_util::future::join_all;
use kernel::{Clock, Timestamp};

use crate::attempt::{Attempted, Verdict};
use crate::config::WorkerConfig;
use crate::connection::Connection;
use crate::event::Event;
use crate::store::{self, Claim, Return, Room, Standing};

/// How often it is tried to say what became of events whose attempts are over: more often than the loss of one connection takes.
const MOST_TRIES: u32 = 3;

/// What became of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Handled,
    Retried,
    Failed,
    Lost,
}

/// The queue, over one connection of the worker's role.
pub(crate) struct Queue {
    config: WorkerConfig,
    connection: Connection,
    clock: Arc<dyn Clock>,
}

impl Queue {
    pub(crate) const fn new(config: WorkerConfig, database: DatabaseConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            config,
            connection: Connection::to(database),
            clock,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes what is due, by one statement.
    pub(crate) async fn claim(&self, rooms: &[Room]) -> Result<Vec<Event>, DbError> {
        let now = self.now();
        let until = now.saturating_add(self.config.lease());
        self.connection
            .run(async |connection| store::claim(connection, now, until, rooms).await)
            .await
    }

    /// Holds on to `claims`; gives until when.
    pub(crate) async fn renew(&self, claims: &[Claim]) -> Result<Timestamp, DbError> {
        let until = self.now().saturating_add(self.config.lease());
        let held = self
            .connection
            .run(async |connection| store::renew(connection, claims, until).await)
            .await?;
        if held.len() < claims.len() {
            let lost = claims.len() - held.len();
            tracing::warn!(
                lost,
                "events were taken over by another worker while this one handles them"
            );
        }
        Ok(until)
    }

    /// Writes down what became of events: all that were handled by one statement, the others, which are few, one by one.
    pub(crate) async fn settle(&self, attempted: &[Attempted]) -> Vec<Outcome> {
        let handled: Vec<Claim> = attempted
            .iter()
            .filter(|attempted| matches!(attempted.verdict, Verdict::Done))
            .map(|attempted| attempted.claim)
            .collect();
        let held = if handled.is_empty() {
            Ok(std::collections::HashSet::new())
        } else {
            let now = self.now();
            self.insist(async || {
                self.connection
                    .run(async |connection| store::finish(connection, &handled, now).await)
                    .await
            })
            .await
        };
        let outcomes = attempted.iter().map(async |attempted| {
            let (said, outcome) = match &attempted.verdict {
                Verdict::Done => {
                    let said = match &held {
                        Ok(held) if held.contains(&attempted.claim.id) => Ok(Standing::Held),
                        Ok(_) => Ok(Standing::Lost),
                        Err(error) => Err(error.to_string()),
                    };
                    (said, Outcome::Handled)
                }
                verdict => {
                    let said = self.insist(async || self.say(attempted.claim, verdict).await).await;
                    let outcome = match verdict {
                        Verdict::Never { .. } => Outcome::Failed,
                        _ => Outcome::Retried,
                    };
                    (said.map_err(|error| error.to_string()), outcome)
                }
            };
            report(attempted.claim, &said, outcome)
        });
        join_all(outcomes).await
    }

    async fn say(&self, claim: Claim, verdict: &Verdict) -> Result<Standing, DbError> {
        let (at, attempts, reason) = match verdict {
            Verdict::Again { at, reason } => (*at, claim.attempt, reason),
            Verdict::NotBefore { at, reason } => (*at, claim.attempt - 1, reason),
            Verdict::Never { reason, follow } => {
                let now = self.now();
                return self
                    .connection
                    .run(async |connection| store::give_up(connection, claim, now, (reason, *follow)).await)
                    .await;
            }
            Verdict::Done => return Ok(Standing::Held),
        };
        let back = Return {
            at,
            attempts,
            reason: Some(reason),
        };
        self.connection
            .run(async |connection| store::put_back(connection, claim, &back).await)
            .await
    }

    /// Says it again when the connection was lost: else what was done would be done again.
    async fn insist<T>(&self, say: impl AsyncFn() -> Result<T, DbError>) -> Result<T, DbError> {
        let mut tries = 1;
        loop {
            match say().await {
                Err(DbError::Unavailable { .. } | DbError::Transient(_)) if tries < MOST_TRIES => tries += 1,
                said => return said,
            }
        }
    }

    /// Gives back what was not seen through, as if it had not been claimed.
    pub(crate) async fn give_back(&self, claims: impl Iterator<Item = Claim>) {
        let now = self.now();
        let given = join_all(claims.map(async |claim| {
            let back = Return {
                at: now,
                attempts: claim.attempt - 1,
                reason: None,
            };
            // One that was taken over meanwhile needs no giving back.
            self.connection
                .run(async |connection| store::put_back(connection, claim, &back).await)
                .await
        }))
        .await;
        let failures = given.iter().filter(|given| given.is_err()).count();
        if failures > 0 {
            tracing::error!(
                failures,
                "events could not be given back; they come again when their leases have run out"
            );
        }
    }

    /// Tells the workers of other processes that there is something to do.
    pub(crate) async fn ring(&self, token: &str) -> Result<(), DbError> {
        let notify = format!("NOTIFY {}, '{token}'", crate::listener::CHANNEL);
        self.connection
            .run(async |connection| Ok((&mut &*connection).batch_execute(&notify).await?))
            .await
    }
}

fn report(claim: Claim, said: &Result<Standing, String>, outcome: Outcome) -> Outcome {
    match said {
        Ok(Standing::Held) => outcome,
        Ok(Standing::Lost) => {
            tracing::warn!(event_id = %claim.id, "an event was taken over by another worker before this one was done with it");
            Outcome::Lost
        }
        Err(error) => {
            tracing::error!(event_id = %claim.id, error, "what became of an event could not be written; it comes again");
            Outcome::Lost
        }
    }
}
