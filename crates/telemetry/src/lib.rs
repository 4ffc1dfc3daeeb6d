//! What the program tells of itself: log lines on standard error, traces, and panics; and how that ends cleanly.
//!
//! [`start`] is called once, before anything that logs; [`Telemetry::shutdown`] last, after the server has drained. A log line
//! reads alone: it carries the fields of its event and of every span around it (request, clinic, route). Bind values are never
//! logged, whatever the filter says, since they are patients' data.
//!
//! Every span belongs to an OpenTelemetry trace and has its ids, continued from the caller's where it sent some
//! ([`trace::join`]). No exporter is attached yet: spans are therefore not recorded, which keeps them cheap.

mod config;
mod lines;
mod logs;
mod panics;
pub mod trace;

use std::io::Stderr;
use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use lines::Lines;

pub use config::{InvalidLogFilter, LogFilter, LogFormat, TelemetryConfig};

/// How long the last spans may take to leave.
const LONGEST_FLUSH: Duration = Duration::from_secs(5);

/// Why logs and traces could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something has set them up in this process before.
    #[error("logs and traces were already set up in this process")]
    AlreadyStarted(#[source] TryInitError),
    /// The thread that writes lines could not be started.
    #[error("the log's thread could not be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// Logs and traces, under way. Dropping it leaves both running; [`Self::shutdown`] ends the traces.
#[must_use = "the last lines and spans are lost unless `shutdown` is called"]
pub struct Telemetry {
    provider: SdkTracerProvider,
    lines: Lines<Stderr>,
}

/// Starts logs and traces for the whole process, and logs panics from now on.
///
/// # Errors
/// [`StartError`]: it was done before, or there can be no thread.
pub fn start(config: &TelemetryConfig) -> Result<Telemetry, StartError> {
    let provider = trace::provider();
    let lines = Lines::new(std::io::stderr()).map_err(StartError::Thread)?;
    logs::subscriber(config, &provider, lines.clone())
        .try_init()
        .map_err(StartError::AlreadyStarted)?;
    panics::log_them();
    Ok(Telemetry { provider, lines })
}

impl Telemetry {
    /// Sends what spans are still waiting and ends the traces; takes at most five seconds. Logs go on.
    ///
    /// Blocks: to be called after the runtimes have ended, or on a thread where blocking is welcome.
    pub fn shutdown(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LONGEST_FLUSH) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
        self.lines.flush();
    }
}
