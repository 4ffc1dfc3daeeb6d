//! Hits, misses, walls, expiry and what is counted.

use std::rc::Rc;

use chrono::TimeDelta;
use kernel::{Permission, PermissionSet, Tag};

use super::{answer, ask, cache, clinic, clock, key, run};
use crate::{Cache, CacheConfig, CacheKey, Outcome, TimeToLive};

#[test]
fn the_second_reader_gets_what_the_first_one_filled() {
    run(async {
        let cache = cache();
        assert_eq!(
            ask(&cache, &key(1, "a"), "first").await,
            ("first".into(), Outcome::Miss)
        );
        assert_eq!(
            ask(&cache, &key(1, "a"), "second").await,
            ("first".into(), Outcome::Hit)
        );
    });
}

#[test]
fn the_same_question_of_another_clinic_resource_or_scope_is_another_question() {
    run(async {
        let cache = cache();
        let with = |of, resource, scope: &[Permission]| {
            CacheKey::new(
                clinic(of),
                resource,
                PermissionSet::of(scope),
                b"q",
                vec![Tag::collection("rows")],
            )
        };
        let reads = &[Permission::ContactsRead];
        let keys = [
            with(1, "rows", reads),
            with(2, "rows", reads),
            with(1, "others", reads),
            with(1, "rows", &[Permission::ContactsRead, Permission::RecordsRead]),
            with(1, "rows", &[]),
        ];
        for (key, body) in keys.iter().zip(["a", "b", "c", "d", "e"]) {
            assert_eq!(ask(&cache, key, body).await, (body.into(), Outcome::Miss));
        }
        for (key, body) in keys.iter().zip(["a", "b", "c", "d", "e"]) {
            assert_eq!(ask(&cache, key, "another's").await, (body.into(), Outcome::Hit));
        }
    });
}

#[test]
fn a_bump_makes_stale_what_carries_the_tag_in_that_clinic_alone() {
    run(async {
        let cache = cache();
        let row = |of, row: &str| {
            let tags = vec![Tag::collection("rows"), Tag::part("row", row)];
            CacheKey::new(clinic(of), "row", PermissionSet::NONE, row.as_bytes(), tags)
        };
        for key in [row(1, "a"), row(1, "b"), row(2, "a")] {
            ask(&cache, &key, "old").await;
        }
        cache
            .bump(clinic(1), &[Tag::part("row", "a"), Tag::part("row", "unknown")])
            .await;
        assert_eq!(ask(&cache, &row(1, "a"), "new").await, ("new".into(), Outcome::Miss));
        assert_eq!(ask(&cache, &row(1, "b"), "new").await, ("old".into(), Outcome::Hit));
        assert_eq!(ask(&cache, &row(2, "a"), "new").await, ("old".into(), Outcome::Hit));
        cache.bump(clinic(1), &[Tag::collection("rows")]).await;
        assert_eq!(ask(&cache, &row(1, "b"), "new").await, ("new".into(), Outcome::Miss));
        assert_eq!(ask(&cache, &row(2, "a"), "new").await, ("old".into(), Outcome::Hit));
    });
}

#[test]
fn an_answer_expires_by_its_kind() {
    run(async {
        for kind in TimeToLive::ALL {
            let clock = clock();
            let cache = Cache::new(CacheConfig::default(), clock.clone());
            let look = async || {
                let found = cache
                    .get_or_fill(&key(1, "a"), *kind, async || Ok::<_, ()>(answer("a")))
                    .await;
                found.unwrap().1
            };
            assert_eq!(look().await, Outcome::Miss);
            clock.advance(kind.longest() * 9 / 10 - TimeDelta::milliseconds(1));
            assert_eq!(
                look().await,
                Outcome::Hit,
                "{} is kept for most of its time",
                kind.name()
            );
            clock.advance(kind.longest() / 10 + TimeDelta::milliseconds(1));
            assert_eq!(look().await, Outcome::Miss, "{} expires", kind.name());
        }
    });
}

#[test]
fn an_error_goes_to_its_own_caller_and_is_not_kept() {
    run(async {
        let cache = cache();
        let failed = cache
            .get_or_fill(&key(1, "a"), TimeToLive::Search, async || Err("database away"))
            .await;
        assert_eq!(failed.unwrap_err(), "database away");
        assert_eq!(ask(&cache, &key(1, "a"), "a").await, ("a".into(), Outcome::Miss));
    });
}

#[test]
fn a_fill_need_not_be_sendable() {
    run(async {
        let body = Rc::new("a");
        let fill = async || {
            tokio::task::yield_now().await;
            Ok::<_, ()>(answer(*body))
        };
        let (found, _) = cache()
            .get_or_fill(&key(1, "a"), TimeToLive::Changing, fill)
            .await
            .unwrap();
        assert_eq!(found.body, "a");
    });
}

#[test]
fn everything_is_counted_by_clinic_and_kind() {
    run(async {
        let cache = cache();
        for _ in 0..3 {
            ask(&cache, &key(1, "a"), "a").await;
        }
        ask(&cache, &key(2, "a"), "a").await;
        let failed = cache
            .get_or_fill(&key(2, "b"), TimeToLive::Reference, async || Err(()))
            .await;
        assert_eq!(failed.unwrap_err(), ());

        let statistics = cache.statistics();
        assert_eq!(
            statistics.clinics.iter().map(|of| of.clinic).collect::<Vec<_>>(),
            [clinic(1), clinic(2)]
        );
        let counts = |place: usize, kind: TimeToLive| {
            let kinds = &statistics.clinics[place].kinds;
            let of = kinds.iter().find(|of| of.kind == kind).unwrap();
            (of.hits, of.misses, of.fills, of.entries)
        };
        assert_eq!(counts(0, TimeToLive::Changing), (2, 1, 1, 1));
        assert_eq!(counts(1, TimeToLive::Changing), (0, 1, 1, 1));
        assert_eq!(counts(1, TimeToLive::Reference), (0, 1, 0, 0));
        assert_eq!(statistics.clinics[0].bytes(), statistics.clinics[1].bytes());
        assert_eq!(statistics.bytes(), 2 * statistics.clinics[0].bytes());
        assert!(statistics.bytes() > 0);
    });
}
