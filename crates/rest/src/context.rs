//! What is known of one request from its first moment: its id and where it came from.

use kernel::{Origin, RequestId};

tokio::task_local! {
    static REQUEST: RequestId;
}

/// What is known of a request before anything else is.
#[derive(Debug, Clone, Copy)]
pub struct RequestContext {
    /// The request's id, also in `X-Request-Id` and in every log line.
    pub id: RequestId,
    /// The id and the client's address.
    pub origin: Origin,
}

/// Runs `work` so that problems made in it carry `id` as their trace id.
pub(crate) async fn within<T>(id: RequestId, work: impl Future<Output = T>) -> T {
    REQUEST.scope(id, work).await
}

/// The id of the request being served; empty outside one.
pub(crate) fn request_id_text() -> String {
    REQUEST.try_with(ToString::to_string).unwrap_or_default()
}
