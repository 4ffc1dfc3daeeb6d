//! Sends one statement ahead of others on the same connection without waiting for its answer.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use diesel::result::Error as DieselError;

/// Runs `ahead` and `work` on one connection so that `ahead` is on the wire first and both share a round trip.
///
/// Each time the task runs, `ahead` is polled before `work`, so the first poll sends it first and its answer never blocks the
/// connection. When it fails, `work` is dropped at once.
///
/// The order on the wire holds only if `ahead` sends at its first poll: a simple query does, and so does a statement that the
/// connection has already prepared; both are freed of tokio's cooperative budget here, which could hold that poll back.
///
/// # Errors
/// The failure of `ahead`. What `work` gave is returned untouched.
pub(crate) async fn ahead_of<T>(
    ahead: impl Future<Output = Result<(), DieselError>>,
    work: impl Future<Output = T>,
) -> Result<T, DieselError> {
    let mut ahead = pin!(tokio::task::coop::unconstrained(ahead));
    let mut work = pin!(work);
    let mut answered = false;
    let mut done = None;
    poll_fn(|context| {
        if !answered && let Poll::Ready(answer) = ahead.as_mut().poll(context) {
            answered = true;
            if let Err(error) = answer {
                return Poll::Ready(Err(error));
            }
        }
        if done.is_none()
            && let Poll::Ready(result) = work.as_mut().poll(context)
        {
            done = Some(result);
        }
        match (answered, done.take()) {
            (true, Some(result)) => Poll::Ready(Ok(result)),
            (_, unfinished) => {
                done = unfinished;
                Poll::Pending
            }
        }
    })
    .await
}
