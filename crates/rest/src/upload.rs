//! A file that comes as the body of a request: it may take longer than a request does, as long as it goes on coming.

use std::cell::Cell;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::middleware::GuardConfig;
use crate::problem::Problem;

/// When a request is given up; who takes a file in moves it on.
#[derive(Debug, Clone)]
pub(crate) struct Deadline(Rc<Cell<Instant>>);

impl Deadline {
    pub(crate) fn after(wait: Duration) -> Self {
        Self(Rc::new(Cell::new(Instant::now() + wait)))
    }

    pub(crate) fn at(&self) -> Instant {
        self.0.get()
    }
}

/// Why a file did not come whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// The connection ended, or what came on it made no sense.
    #[error("the body ended early")]
    CutOff,
    /// Nothing came for too long, or the whole took too long.
    #[error("the body came too slowly")]
    TooSlow,
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::CutOff => Self::bad_request("body_cut_off", "the body ended early"),
            UploadError::TooSlow => Self::upload_too_slow(),
        }
    }
}

/// The body of a request whose endpoint takes a file, as a stream. Take it last, after the caller is known.
///
/// While it comes the request's own deadline rests: instead, no pause may last as long as a request may, and the whole as long as
/// [`GuardConfig::upload`]. When it has come the request has its full time again.
pub struct Upload {
    body: Payload,
    deadline: Deadline,
    limits: GuardConfig,
}

impl FromRequest for Upload {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limits = request
            .app_data::<Data<GuardConfig>>()
            .map_or_else(GuardConfig::default, |limits| *limits.get_ref());
        let guarded = request.extensions().get::<Deadline>().cloned();
        let deadline = guarded.unwrap_or_else(|| Deadline::after(limits.deadline));
        ready(Ok(Self {
            body: payload.take(),
            deadline,
            limits,
        }))
    }
}

impl Upload {
    /// What comes, in order, until it ends or an error says that it will not.
    pub fn chunks(self) -> impl Stream<Item = Result<Bytes, UploadError>> {
        let until = Instant::now() + self.limits.upload;
        // The guard would drop the work in its middle; the stream ends it in order, so that nothing of the file stays.
        self.deadline.0.set(until + self.limits.deadline);
        stream::unfold(Some(self), move |coming| async move {
            let mut coming = coming?;
            let patience = until.min(Instant::now() + coming.limits.deadline);
            let ended = match timeout_at(patience, coming.body.next()).await {
                Ok(Some(Ok(chunk))) => return Some((Ok(chunk), Some(coming))),
                Ok(Some(Err(_cut_off))) => Some(UploadError::CutOff),
                Ok(None) => None,
                Err(_elapsed) => Some(UploadError::TooSlow),
            };
            coming.deadline.0.set(Instant::now() + coming.limits.deadline);
            ended.map(|error| (Err(error), None))
        })
    }
}
