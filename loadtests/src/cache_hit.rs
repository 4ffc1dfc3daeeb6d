//! What one hit of the in-process cache costs: the key made, the generations compared, the answer found.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cache::{Cache, CacheConfig, CacheKey, CachedAnswer, EntityTag, InvalidEntityTag, TimeToLive};
use kernel::{ClinicId, Permission, PermissionSet, SystemClock, Tag};
use uuid::Uuid;

/// Answers that are kept, so that not every look finds the same one in the processor's cache.
const ANSWERS: u32 = 1000;
/// The size of each, in bytes: about that of a contact.
const BYTES: usize = 700;
/// Hits in a sample.
const HITS: u32 = 20_000;
/// Samples, of which the median counts.
const SAMPLES: usize = 21;

/// The median time of one hit.
///
/// # Errors
/// Never in practice: when the benchmark's own entity tag is malformed.
pub async fn measure() -> Result<Duration, InvalidEntityTag> {
    let cache = Cache::new(CacheConfig::default(), Arc::new(SystemClock));
    let answer = CachedAnswer {
        body: Bytes::from(vec![b'x'; BYTES]),
        etag: EntityTag::strong("1-benchmark")?,
    };
    let mut samples = Vec::with_capacity(SAMPLES);
    // The first round fills, and warms up.
    for _ in 0..=SAMPLES {
        let began = Instant::now();
        for number in 0..HITS {
            let key = key(number % ANSWERS);
            let filled = cache
                .get_or_fill(&key, TimeToLive::Changing, async || Ok::<_, Infallible>(answer.clone()))
                .await;
            let _found = black_box(filled);
        }
        samples.push(began.elapsed() / HITS);
    }
    let mut samples = samples.split_off(1);
    samples.sort_unstable();
    Ok(samples.get(SAMPLES / 2).copied().unwrap_or_default())
}

fn key(number: u32) -> CacheKey {
    let clinic = ClinicId::from_uuid(Uuid::from_u128(1));
    let scope: PermissionSet = [Permission::ContactsRead].into_iter().collect();
    CacheKey::new(
        clinic,
        "contacts.get",
        scope,
        &number.to_be_bytes(),
        vec![Tag::part("contact", number)],
    )
}
