//! Bounds in bytes: altogether, for each clinic, and for one answer.

use std::convert::Infallible;

use proptest::prelude::*;

use super::{answer, ask, cache, clock, key, run};
use crate::{Cache, CacheConfig, CacheKey, Outcome, TimeToLive};

const KIB: u64 = 1 << 10;

fn bounded(total_bytes: u64, clinic_bytes: u64) -> Cache {
    Cache::new(
        CacheConfig {
            total_bytes,
            clinic_bytes,
            tags: 1 << 12,
        },
        clock(),
    )
}

async fn ask_for(cache: &Cache, key: &CacheKey, size: usize) -> Outcome {
    let fill = async || Ok::<_, Infallible>(answer(vec![b'x'; size]));
    let Ok((found, outcome)) = cache.get_or_fill(key, TimeToLive::Changing, fill).await;
    assert_eq!(found.body.len(), size);
    outcome
}

#[test]
fn a_clinic_that_asks_for_much_pushes_out_only_its_own() {
    run(async {
        let cache = bounded(256 * KIB, 64 * KIB);
        for query in 0..8 {
            ask_for(&cache, &key(1, &query.to_string()), 1_000).await;
        }
        for query in 0..2_000 {
            ask_for(&cache, &key(2, &query.to_string()), 1_000).await;
            let held = cache.statistics();
            assert!(held.clinics.iter().all(|of| of.bytes() <= 64 * KIB));
        }
        for query in 0..8 {
            assert_eq!(ask_for(&cache, &key(1, &query.to_string()), 1_000).await, Outcome::Hit);
        }
        let statistics = cache.statistics();
        let evictions = |place: usize| {
            statistics.clinics[place]
                .kinds
                .iter()
                .map(|kind| kind.evictions)
                .sum::<u64>()
        };
        assert_eq!(evictions(0), 0);
        let left: u64 = statistics.clinics[1].kinds.iter().map(|kind| kind.entries).sum();
        assert_eq!(evictions(1), 2_000 - left);
    });
}

#[test]
fn what_a_clinic_reads_again_outlives_what_it_reads_once() {
    run(async {
        let cache = bounded(256 * KIB, 64 * KIB);
        for query in 0..500 {
            ask_for(&cache, &key(1, &query.to_string()), 1_000).await;
            let again = ask_for(&cache, &key(1, "agenda of today"), 1_000).await;
            assert_eq!(again == Outcome::Hit, query > 0);
        }
    });
}

#[test]
fn all_clinics_together_stay_within_the_total() {
    run(async {
        let cache = bounded(128 * KIB, 64 * KIB);
        for round in 0..50 {
            for of in 0..20 {
                ask_for(&cache, &key(of, &round.to_string()), 2_000).await;
                assert!(cache.statistics().bytes() <= 128 * KIB);
            }
        }
        assert_eq!(ask_for(&cache, &key(19, "49"), 2_000).await, Outcome::Hit);
    });
}

#[test]
fn an_answer_heavier_than_a_share_is_given_and_not_kept() {
    run(async {
        let cache = bounded(256 * KIB, 64 * KIB);
        for _ in 0..2 {
            assert_eq!(ask_for(&cache, &key(1, "export"), 65 << 10).await, Outcome::Miss);
        }
        assert_eq!(cache.statistics().bytes(), 0);
    });
}

#[test]
fn a_cache_without_room_keeps_nothing_and_still_answers() {
    run(async {
        let cache = bounded(0, 0);
        assert_eq!(ask(&cache, &key(1, "a"), "a").await, ("a".into(), Outcome::Miss));
        assert_eq!(ask(&cache, &key(1, "a"), "b").await, ("b".into(), Outcome::Miss));
    });
}

#[test]
fn the_weight_of_a_body_is_its_length_and_not_its_buffers() {
    run(async {
        let cache = cache();
        let fill = async || {
            let mut buffer = Vec::with_capacity(1 << 20);
            buffer.push(b'x');
            Ok::<_, Infallible>(answer(buffer))
        };
        let Ok((found, _)) = cache.get_or_fill(&key(1, "a"), TimeToLive::Changing, fill).await;
        assert_eq!(found.body.try_into_mut().map_or(1, |body| body.capacity()), 1);
        assert!(cache.statistics().bytes() < KIB);
    });
}

proptest! {
    /// Whatever comes in whatever order: the counts of bytes and entries agree with each other and with the bounds, and
    /// what was replaced, evicted or made stale leaves nothing behind.
    #[test]
    fn the_books_balance(asked in prop::collection::vec((0_u8..4, 0_u8..12, 0_usize..6_000, prop::bool::ANY), 1..200)) {
        run(async {
            let cache = bounded(40 * KIB, 16 * KIB);
            for (of, query, size, bump) in asked {
                let key = key(of, &query.to_string());
                if bump {
                    cache.bump(key.clinic(), key.tags()).await;
                }
                let fill = async || Ok::<_, Infallible>(answer(vec![b'x'; size]));
                let Ok(_) = cache.get_or_fill(&key, TimeToLive::Search, fill).await;
                let statistics = cache.statistics();
                assert!(statistics.bytes() <= 40 * KIB);
                for of in &statistics.clinics {
                    assert!(of.bytes() <= 16 * KIB);
                    for kind in &of.kinds {
                        assert!(kind.entries <= 12 && kind.fills >= kind.entries + kind.evictions);
                        assert_eq!(kind.entries == 0, kind.bytes == 0);
                    }
                }
            }
        });
    }
}
