//! The log lines: their form, and what may never be in them.

use std::io::IsTerminal;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, registry};

use crate::config::{LogFormat, TelemetryConfig};

/// Libraries that write the bind values of statements, which are patients' data, at `debug` and below.
const TALKS_OF_VALUES: [&str; 1] = ["tokio_postgres"];

/// Turns events into lines on `writer`, and spans into parts of traces.
pub(crate) fn subscriber<W>(
    config: &TelemetryConfig,
    provider: &SdkTracerProvider,
    writer: W,
) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let traces = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("taskmed"))
        .with_context_activation(false)
        .with_tracked_inactivity(false)
        .with_location(false)
        .with_threads(false);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match config.format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true)
            .boxed(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
    };
    registry()
        .with(config.filter.to_env_filter())
        .with(filter_fn(keeps_values_to_itself))
        .with(lines)
        .with(traces)
}

/// Whether an event can hold no bind value; stands whatever the filter of the settings says.
fn keeps_values_to_itself(metadata: &Metadata<'_>) -> bool {
    let library = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || !TALKS_OF_VALUES.contains(&library)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(config: &TelemetryConfig, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let into = lines.clone();
        let subscriber = subscriber(config, &crate::trace::provider(), move || into.clone());
        tracing::subscriber::with_default(subscriber, work);
        lines.text()
    }

    #[test]
    fn a_json_line_reads_alone() {
        let text = logged(&TelemetryConfig::default(), || {
            let span = tracing::info_span!("request", request_id = "r-1", clinic_id = tracing::field::Empty);
            span.record("clinic_id", "c-1");
            span.in_scope(|| tracing::info!(status = 200, "request served"));
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "request served");
        assert_eq!(line["status"], 200);
        assert_eq!(line["spans"][0]["name"], "request");
        assert_eq!(line["spans"][0]["request_id"], "r-1");
        assert_eq!(line["spans"][0]["clinic_id"], "c-1");
    }

    #[test]
    fn the_filter_holds_for_each_target() {
        let config = TelemetryConfig {
            format: LogFormat::Text,
            filter: "warn,chatty=info".parse().unwrap(),
        };
        let text = logged(&config, || {
            tracing::info!("not this");
            tracing::info!(target: "chatty", "but this");
        });
        assert!(!text.contains("not this"), "{text}");
        assert!(text.contains("but this"), "{text}");
    }

    #[test]
    fn bind_values_stay_out_whatever_the_filter_says() {
        let config = TelemetryConfig {
            format: LogFormat::Text,
            filter: "trace,tokio_postgres=trace".parse().unwrap(),
        };
        let text = logged(&config, || {
            tracing::debug!(target: "tokio_postgres::query", "executing statement with parameters: [\"Maria\"]");
            tracing::debug!(target: "tokio_postgres_of_ours", "something else");
        });
        assert!(!text.contains("Maria"), "{text}");
        assert!(text.contains("something else"), "{text}");
    }
}
