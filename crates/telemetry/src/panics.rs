//! A panic becomes a log line like any other.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

/// Logs every panic of the process from now on, in place of Rust's own text on standard error. With `RUST_BACKTRACE` set, the
/// way there is logged as well.
pub(crate) fn log_them() {
    std::panic::set_hook(Box::new(log_panic));
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let backtrace = Backtrace::capture();
    tracing::error!(
        reason = panic.payload_as_str().unwrap_or("not told"),
        location = panic.location().map(tracing::field::display),
        thread = thread.name(),
        backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(&backtrace)),
        "the program panicked"
    );
}
