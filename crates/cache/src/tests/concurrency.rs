//! One fill per miss: over tasks, threads and runtimes, through failures and dropped leaders.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::{future, thread};

use super::{ByHand, answer, ask, cache, clinic, key, run};
use crate::{Outcome, TimeToLive};

#[test]
fn a_thousand_misses_on_eight_runtimes_are_one_fill() {
    let cache = cache();
    let (asking, fills) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let runtimes: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    run(async {
                        let readers: Vec<_> = (0..125)
                            .map(|_| {
                                let (cache, asking, fills) = (cache.clone(), Arc::clone(&asking), Arc::clone(&fills));
                                tokio::spawn(async move {
                                    asking.fetch_add(1, Ordering::SeqCst);
                                    let fill = async || {
                                        fills.fetch_add(1, Ordering::SeqCst);
                                        while asking.load(Ordering::SeqCst) < 1_000 {
                                            tokio::task::yield_now().await;
                                        }
                                        Ok::<_, Infallible>(answer("a"))
                                    };
                                    let Ok(found) = cache.get_or_fill(&key(1, "a"), TimeToLive::Changing, fill).await;
                                    assert_eq!(found.0.body, "a");
                                    found.1
                                })
                            })
                            .collect();
                        let mut outcomes = Vec::new();
                        for reader in readers {
                            outcomes.push(reader.await.unwrap());
                        }
                        outcomes
                    })
                })
            })
            .collect();
        runtimes
            .into_iter()
            .flat_map(|runtime| runtime.join().unwrap())
            .collect()
    });
    assert_eq!(outcomes.len(), 1_000);
    assert_eq!(fills.load(Ordering::SeqCst), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Miss).count(), 1);
}

#[test]
fn when_leaders_fail_each_gets_its_own_error_and_the_rest_go_on() {
    run(async {
        let cache = cache();
        let attempts = Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = (0..100)
            .map(|_| {
                let (cache, attempts) = (cache.clone(), Arc::clone(&attempts));
                tokio::spawn(async move {
                    let fill = async || {
                        tokio::task::yield_now().await;
                        let attempt = attempts.fetch_add(1, Ordering::SeqCst);
                        if attempt < 10 { Err(attempt) } else { Ok(answer("a")) }
                    };
                    cache.get_or_fill(&key(1, "a"), TimeToLive::Changing, fill).await
                })
            })
            .collect();
        let mut errors = Vec::new();
        for reader in readers {
            match reader.await.unwrap() {
                Ok((found, _)) => assert_eq!(found.body, "a"),
                Err(attempt) => errors.push(attempt),
            }
        }
        errors.sort_unstable();
        assert_eq!(errors, (0..10).collect::<Vec<_>>());
        assert_eq!(attempts.load(Ordering::SeqCst), 11);
    });
}

#[test]
fn when_a_leader_is_dropped_one_follower_leads_and_the_others_follow_it() {
    let cache = cache();
    let key = key(1, "a");
    let mut leader = ByHand::new(cache.get_or_fill(&key, TimeToLive::Changing, async || {
        future::pending::<()>().await;
        Ok::<_, Infallible>(answer("never"))
    }));
    assert!(leader.poll().is_pending());
    let mut first = ByHand::new(ask(&cache, &key, "first"));
    let mut second = ByHand::new(ask(&cache, &key, "second"));
    for _ in 0..3 {
        assert!(first.poll().is_pending() && second.poll().is_pending());
    }
    assert_eq!((first.wakes(), second.wakes()), (0, 0), "who waits sleeps");
    drop(leader);
    assert_eq!((first.wakes(), second.wakes()), (1, 1));
    assert_eq!(second.poll(), Poll::Ready(("second".into(), Outcome::Miss)));
    assert_eq!(first.poll(), Poll::Ready(("second".into(), Outcome::Hit)));
}

#[test]
fn a_dropped_follower_disturbs_nobody() {
    let cache = cache();
    let key = key(1, "a");
    let (open, gate) = tokio::sync::oneshot::channel();
    let mut leader =
        ByHand::new(cache.get_or_fill(&key, TimeToLive::Changing, async || gate.await.map(|()| answer("a"))));
    assert!(leader.poll().is_pending());
    let mut dropped = ByHand::new(ask(&cache, &key, "dropped"));
    let mut follower = ByHand::new(ask(&cache, &key, "follower"));
    assert!(dropped.poll().is_pending() && follower.poll().is_pending());
    drop(dropped);
    open.send(()).unwrap();
    assert!(matches!(leader.poll(), Poll::Ready(Ok((_, Outcome::Miss)))));
    assert_eq!(follower.poll(), Poll::Ready(("a".into(), Outcome::Shared)));
}

#[test]
fn who_comes_after_a_bump_does_not_join_a_fill_from_before_it() {
    run(async {
        let cache = cache();
        let key = key(1, "a");
        let (open, gate) = tokio::sync::oneshot::channel();
        let mut slow =
            ByHand::new(cache.get_or_fill(&key, TimeToLive::Changing, async || gate.await.map(|()| answer("old"))));
        assert!(slow.poll().is_pending());
        cache.bump(clinic(1), key.tags()).await;
        let mut later = ByHand::new(ask(&cache, &key, "new"));
        assert_eq!(later.poll(), Poll::Ready(("new".into(), Outcome::Miss)));
        open.send(()).unwrap();
        assert!(matches!(slow.poll(), Poll::Ready(Ok((found, Outcome::Miss))) if found.body == "old"));
        assert_eq!(
            ask(&cache, &key, "newer").await,
            ("new".into(), Outcome::Hit),
            "the slow reader put nothing back"
        );
    });
}

#[test]
fn clinics_do_not_wait_for_one_another() {
    let cache = cache();
    let held_key = key(1, "a");
    let mut held = ByHand::new(cache.get_or_fill(&held_key, TimeToLive::Changing, async || {
        future::pending::<()>().await;
        Ok::<_, Infallible>(answer("never"))
    }));
    assert!(held.poll().is_pending());
    assert_eq!(
        ByHand::new(ask(&cache, &key(2, "a"), "b")).poll(),
        Poll::Ready(("b".into(), Outcome::Miss))
    );
}
