//! Who listens in this process: the rooms of all clinics.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth::{SignIn, Still};
use kernel::{ClinicId, EventId};
use uuid::Uuid;

use super::frames::Frame;
use super::protocol::Closing;
use super::room::{Listener, Room, Since, Speaker};

/// In how many parts the clinics are kept, so that they seldom wait for one another.
const PARTS: usize = 32;

type Rooms = HashMap<ClinicId, Room>;

/// Everybody who listens in this process.
pub(super) struct Hub {
    parts: [Mutex<Rooms>; PARTS],
    numbers: AtomicU64,
    /// How often somebody's rights may have changed.
    doubts: AtomicU64,
}

impl Hub {
    pub(super) fn new() -> Self {
        Self {
            parts: std::array::from_fn(|_| Mutex::default()),
            numbers: AtomicU64::new(0),
            doubts: AtomicU64::new(0),
        }
    }

    fn rooms(&self, clinic: ClinicId) -> MutexGuard<'_, Rooms> {
        let [.., last] = clinic.as_uuid().as_bytes();
        let part = usize::from(*last) % PARTS;
        let [first, ..] = &self.parts;
        self.parts
            .get(part)
            .unwrap_or(first)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn anybody_in(&self, clinic: ClinicId) -> bool {
        self.rooms(clinic).contains_key(&clinic)
    }

    /// What `act` makes of the room of `clinic`; `None` when nobody listens there.
    pub(super) fn in_room<T>(&self, clinic: ClinicId, act: impl FnOnce(&mut Room) -> T) -> Option<T> {
        self.rooms(clinic).get_mut(&clinic).map(act)
    }

    /// Lets a socket in. A room in which nobody is yet begins at `since`.
    pub(super) fn enter(&self, clinic: ClinicId, since: Since, listener: Listener) -> Speaker {
        let speaker = Speaker(self.numbers.fetch_add(1, Ordering::Relaxed));
        self.rooms(clinic)
            .entry(clinic)
            .or_insert_with(|| Room::new(since))
            .enter(speaker, listener);
        speaker
    }

    /// Forgets a socket, and its room with the last one in it.
    pub(super) fn leave(&self, clinic: ClinicId, speaker: Speaker) {
        let mut rooms = self.rooms(clinic);
        if let Some(room) = rooms.get_mut(&clinic) {
            room.remove(speaker);
            if room.is_empty() {
                rooms.remove(&clinic);
            }
        }
    }

    /// Every clinic in which somebody listens.
    pub(super) fn clinics(&self) -> Vec<ClinicId> {
        let mut clinics = Vec::new();
        for part in &self.parts {
            let rooms = part.lock().unwrap_or_else(PoisonError::into_inner);
            clinics.extend(rooms.keys());
        }
        clinics
    }

    /// Tells an event, unless it was told before.
    pub(super) fn tell(&self, clinic: ClinicId, event: EventId, frame: &Arc<Frame>) {
        self.in_room(clinic, |room| room.tell(event, frame));
    }

    /// Shows what is passing to those who hear its topic, except to who shows it.
    pub(super) fn show(&self, clinic: ClinicId, frame: &Arc<Frame>, from: Option<Speaker>) {
        self.in_room(clinic, |room| room.hand_out(frame, from));
    }

    /// Stops what goes to those whose rights one of `subjects` may have changed. Whether there are any.
    pub(super) fn doubt(&self, clinic: ClinicId, subjects: &[Uuid]) -> bool {
        self.doubt_whom(clinic, |listener| listener.hangs_on(subjects))
    }

    /// Stops what goes to anybody in `clinic`: what they may do cannot be found out.
    pub(super) fn doubt_all(&self, clinic: ClinicId) {
        self.doubt_whom(clinic, |_anybody| true);
    }

    fn doubt_whom(&self, clinic: ClinicId, whom: impl Fn(&Listener) -> bool) -> bool {
        let doubt = |room: &mut Room| room.doubt(self.doubts.fetch_add(1, Ordering::SeqCst) + 1, whom);
        self.in_room(clinic, doubt).unwrap_or(false)
    }

    /// By what those in `clinic` came in, and how many doubts there were until now.
    pub(super) fn sign_ins(&self, clinic: ClinicId) -> (HashSet<SignIn>, u64) {
        // Both under the lock, under which doubts are counted: a doubt that is not counted here is raised after this.
        let rooms = self.rooms(clinic);
        let sign_ins = rooms.get(&clinic).map(Room::sign_ins).unwrap_or_default();
        (sign_ins, self.doubts.load(Ordering::SeqCst))
    }

    /// Gives those in `clinic` whose sign-ins were `asked` for the rights that were read after `doubts` doubts, and closes
    /// those who have none. Whether somebody was doubted since, whose rights must be read again.
    pub(super) fn settle(
        &self,
        clinic: ClinicId,
        asked: &HashSet<SignIn>,
        doubts: u64,
        good: &HashMap<SignIn, Still>,
    ) -> bool {
        self.in_room(clinic, |room| room.settle(asked, doubts, good))
            .unwrap_or(false)
    }

    /// The transaction from which on events of `clinic` may not have been told.
    pub(super) fn horizon(&self, clinic: ClinicId) -> Option<i64> {
        self.in_room(clinic, |room| room.horizon())
    }

    /// Every event of transactions below `horizon` was told.
    pub(super) fn advance(&self, clinic: ClinicId, horizon: i64) {
        self.in_room(clinic, |room| room.advance(horizon));
    }

    pub(super) fn close_all(&self, closing: Closing) {
        for part in &self.parts {
            let rooms = part.lock().unwrap_or_else(PoisonError::into_inner);
            for room in rooms.values() {
                room.close_all(closing);
            }
        }
    }
}
