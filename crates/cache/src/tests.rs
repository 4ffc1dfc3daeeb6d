//! What the cache promises, tried through its own front door.

mod bounds;
mod concurrency;
mod consistency;
mod lookups;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use kernel::{ClinicId, ManualClock, PermissionSet, Tag};

use crate::{Cache, CacheConfig, CacheKey, CachedAnswer, EntityTag, Outcome, TimeToLive};

fn clinic(number: u8) -> ClinicId {
    format!("0192f0c1-2a3b-7c4d-8e5f-6071829300{number:02x}")
        .parse()
        .unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-20T12:00:00Z".parse().unwrap()))
}

fn cache() -> Cache {
    Cache::new(CacheConfig::default(), clock())
}

fn key(of: u8, query: &str) -> CacheKey {
    CacheKey::new(
        clinic(of),
        "rows",
        PermissionSet::NONE,
        query.as_bytes(),
        vec![Tag::collection("rows")],
    )
}

fn answer(body: impl Into<Bytes>) -> CachedAnswer {
    CachedAnswer {
        body: body.into(),
        etag: EntityTag::strong("1").unwrap(),
    }
}

/// Asks for `key`, filling with `body`.
async fn ask(cache: &Cache, key: &CacheKey, body: &'static str) -> (Bytes, Outcome) {
    let Ok((found, outcome)) = cache
        .get_or_fill(key, TimeToLive::Changing, async || Ok::<_, Infallible>(answer(body)))
        .await;
    (found.body, outcome)
}

/// Runs a future that waits for nothing but this thread.
fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// A future polled by hand, so that a test decides who goes first; counts how often it was woken.
struct ByHand<F> {
    future: Pin<Box<F>>,
    wakes: Arc<Wakes>,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl<F: Future> ByHand<F> {
    fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            wakes: Arc::default(),
        }
    }

    fn poll(&mut self) -> Poll<F::Output> {
        self.future
            .as_mut()
            .poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self.wakes))))
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::Relaxed)
    }
}
