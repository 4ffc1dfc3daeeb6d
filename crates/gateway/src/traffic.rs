//! How much of the worker's room one clinic may take with servers that others run, such as a mail server that is slow: a place that
//! waits for it is a place that nobody else has.
//!
//! Two rules. Of each kind of work a clinic has only so much under way at a time. And where an attempt by an inbox has waited for
//! long in vain, the others of that inbox wait as well, and one is let through now and then to see whether it goes again. What is
//! counted here is counted for one process, as its places are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use kernel::{ClinicId, InboxId, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// For how long work waits in its place for others of its clinic to end: as long as most of it takes.
const WAIT: Duration = Duration::from_millis(250);

/// When work comes again by whose inbox another attempt looks whether it goes.
const AGAIN: TimeDelta = TimeDelta::seconds(2);

/// An attempt that fails sooner has kept nobody waiting.
const LONG: Duration = Duration::from_secs(3);

/// For how long an inbox is left alone after the first attempt that waited in vain, and at most.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(10);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(2);

/// What is under way. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traffic(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<(ClinicId, i16), Arc<Semaphore>>,
    troubles: HashMap<(ClinicId, InboxId), Trouble>,
}

/// An inbox by which attempts wait in vain.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    failures: u32,
    until: Timestamp,
    is_probed: bool,
}

/// Leave to work; given back when dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    traffic: Traffic,
    inbox: Option<(ClinicId, InboxId)>,
    is_probe: bool,
    _room: OwnedSemaphorePermit,
}

impl Traffic {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave for work of the kind `lane` of a clinic, of which at most `most` is under way at a time.
    ///
    /// # Errors
    /// When to come again: where there is no room at once, behind what others have waiting by then.
    pub(crate) async fn enter(
        &self,
        clinic: ClinicId,
        (lane, most): (i16, usize),
        inbox: Option<InboxId>,
        now: Timestamp,
    ) -> Result<Pass, Timestamp> {
        let key = inbox.map(|inbox| (clinic, inbox));
        if let Some(key) = key {
            self.is_passable(key, now)?;
        }
        let room = Arc::clone(
            self.state()
                .rooms
                .entry((clinic, lane))
                .or_insert_with(|| Arc::new(Semaphore::new(most))),
        );
        let room = match tokio::time::timeout(WAIT, room.acquire_owned()).await {
            Ok(Ok(room)) => room,
            Ok(Err(_)) | Err(_) => return Err(now),
        };
        let is_probe = match key {
            Some(key) => self.begin(key, now)?,
            None => false,
        };
        Ok(Pass {
            traffic: self.clone(),
            inbox: key,
            is_probe,
            _room: room,
        })
    }

    /// Says whether this attempt is the one that looks whether an inbox goes again; `Err` where it is to be left alone.
    fn begin(&self, key: (ClinicId, InboxId), now: Timestamp) -> Result<bool, Timestamp> {
        // Another one may have failed while this one waited for room.
        self.is_passable(key, now)?;
        match self.state().troubles.get_mut(&key) {
            Some(trouble) => {
                trouble.is_probed = true;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn is_passable(&self, key: (ClinicId, InboxId), now: Timestamp) -> Result<(), Timestamp> {
        match self.state().troubles.get(&key) {
            Some(trouble) if trouble.until > now => Err(trouble.until),
            Some(trouble) if trouble.is_probed => Err(now.saturating_add(AGAIN)),
            _ => Ok(()),
        }
    }
}

impl Pass {
    /// An attempt came to its end after `took`: it was answered, or waited in vain.
    pub(crate) fn ended(&mut self, is_answered: bool, took: Duration, now: Timestamp) {
        let Some(key) = self.inbox else { return };
        let mut state = self.traffic.state();
        if is_answered {
            state.troubles.remove(&key);
        } else if took >= LONG {
            let failures = state.troubles.get(&key).map_or(0, |trouble| trouble.failures);
            let pause = FIRST_PAUSE
                .checked_mul(1_i32.checked_shl(failures.min(8)).unwrap_or(1))
                .unwrap_or(LONGEST_PAUSE)
                .min(LONGEST_PAUSE);
            let trouble = Trouble {
                failures: failures.saturating_add(1),
                until: now.saturating_add(pause),
                is_probed: false,
            };
            state.troubles.insert(key, trouble);
        } else {
            return;
        }
        drop(state);
        self.is_probe = false;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // Whoever was let through to look has not looked: the next one does.
        if let Some(key) = self.inbox.filter(|_| self.is_probe)
            && let Some(trouble) = self.traffic.state().troubles.get_mut(&key)
        {
            trouble.is_probed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{Clock, SystemClock};

    const SLOW: Duration = Duration::from_secs(30);

    fn ids() -> (ClinicId, InboxId, Timestamp) {
        let now = SystemClock.now();
        (ClinicId::new_at(now), InboxId::new_at(now), now)
    }

    #[tokio::test]
    async fn a_clinic_has_so_much_under_way_and_no_more_and_others_are_not_kept() {
        let (clinic, _inbox, now) = ids();
        let traffic = Traffic::default();
        let one = traffic.enter(clinic, (0, 2), None, now).await.unwrap();
        let _other = traffic.enter(clinic, (0, 2), None, now).await.unwrap();
        assert_eq!(traffic.enter(clinic, (0, 2), None, now).await.unwrap_err(), now);
        let elsewhere = ClinicId::new_at(now);
        assert!(traffic.enter(elsewhere, (0, 2), None, now).await.is_ok());
        assert!(traffic.enter(clinic, (1, 2), None, now).await.is_ok(), "another kind");
        drop(one);
        assert!(traffic.enter(clinic, (0, 2), None, now).await.is_ok());
    }

    #[tokio::test]
    async fn after_an_attempt_in_vain_an_inbox_is_left_alone_and_then_one_looks() {
        let (clinic, inbox, now) = ids();
        let traffic = Traffic::default();
        let enter = async |now| traffic.enter(clinic, (0, 4), Some(inbox), now).await;
        enter(now).await.unwrap().ended(false, SLOW, now);
        let until = enter(now).await.unwrap_err();
        assert_eq!(until, now.saturating_add(FIRST_PAUSE));
        let elsewhere = Some(InboxId::new_at(now));
        assert!(traffic.enter(clinic, (0, 4), elsewhere, now).await.is_ok());
        let mut probe = enter(until).await.unwrap();
        assert!(enter(until).await.is_err(), "one looks");
        probe.ended(false, SLOW, until);
        let then = enter(until).await.unwrap_err();
        assert_eq!(then, until.saturating_add(FIRST_PAUSE * 2));
        // One that ends without having looked lets the next one look.
        drop(enter(then).await.unwrap());
        enter(then).await.unwrap().ended(true, SLOW, then);
        let (_one, _two) = (enter(then).await.unwrap(), enter(then).await.unwrap());
    }

    #[tokio::test]
    async fn a_quick_refusal_keeps_nobody() {
        let (clinic, inbox, now) = ids();
        let traffic = Traffic::default();
        let mut pass = traffic.enter(clinic, (0, 4), Some(inbox), now).await.unwrap();
        pass.ended(false, Duration::from_millis(20), now);
        assert!(traffic.enter(clinic, (0, 4), Some(inbox), now).await.is_ok());
    }
}
