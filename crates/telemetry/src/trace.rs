//! Traces: their ids, and the joining of a caller's trace (W3C Trace Context).

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Gives spans their ids. Nothing takes finished spans away, so none is recorded.
pub(crate) fn provider() -> SdkTracerProvider {
    SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("taskmed").build())
        .with_sampler(Sampler::AlwaysOff)
        .build()
}

/// The headers of W3C Trace Context.
struct TraceHeaders<'h> {
    traceparent: &'h str,
    tracestate: Option<&'h str>,
}

impl Extractor for TraceHeaders<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            "traceparent" => Some(self.traceparent),
            "tracestate" => self.tracestate,
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

/// Makes `span` a part of the trace that the headers `traceparent` and `tracestate` name
/// ([W3C Trace Context](https://www.w3.org/TR/trace-context/)). Must come before the span is first entered. Headers that are
/// not well-formed are passed over: the span then begins a trace of its own.
pub fn join(span: &Span, traceparent: &str, tracestate: Option<&str>) {
    let caller = TraceContextPropagator::new().extract_with_context(
        &opentelemetry::Context::new(),
        &TraceHeaders {
            traceparent,
            tracestate,
        },
    );
    if caller.span().span_context().is_valid()
        && let Err(reason) = span.set_parent(caller)
    {
        tracing::debug!(%reason, "the caller's trace could not be joined");
    }
}

/// Tells the trace what was asked and how it was answered, by the names of the semantic conventions for HTTP. Not recorded as
/// fields of the span: its log line says the same, and each field recorded would have the line's form made anew.
pub fn describe_exchange(span: &Span, method: &str, route: &str, status: u16) {
    span.set_attribute("http.request.method", method.to_owned());
    span.set_attribute("http.route", route.to_owned());
    span.set_attribute("http.response.status_code", i64::from(status));
}

/// The trace that `span` is a part of, in the 32 hexadecimal digits of W3C Trace Context; starts the span. `None` when it has
/// none.
#[must_use]
pub fn id_of(span: &Span) -> Option<String> {
    let context = span.context();
    let trace = context.span().span_context().trace_id();
    (trace != opentelemetry::TraceId::INVALID).then(|| trace.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TelemetryConfig;

    const THEIRS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn traced(work: impl FnOnce()) {
        let subscriber = crate::logs::subscriber(&TelemetryConfig::default(), &provider(), std::io::sink);
        tracing::subscriber::with_default(subscriber, work);
    }

    #[test]
    fn a_span_joins_its_callers_trace_and_hands_it_on() {
        traced(|| {
            let request = tracing::info_span!("request");
            join(&request, THEIRS, Some("vendor=1"));
            let theirs = Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned());
            assert_eq!(id_of(&request), theirs);
            assert_eq!(request.in_scope(|| id_of(&tracing::info_span!("inner"))), theirs);
        });
    }

    #[test]
    fn a_span_without_a_caller_begins_a_trace() {
        traced(|| {
            let first = tracing::info_span!("request");
            join(&first, "00-nonsense-01", None);
            let first = id_of(&first).unwrap();
            let second = id_of(&tracing::info_span!("request")).unwrap();
            assert_eq!(first.len(), 32);
            assert_ne!(first, second);
        });
    }

    #[test]
    fn without_traces_there_is_nothing_to_join() {
        let span = tracing::info_span!("request");
        join(&span, THEIRS, None);
        assert_eq!(id_of(&span), None);
    }
}
