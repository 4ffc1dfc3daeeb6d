//! Who listens in this process, by clinic and topic, and the one rendering of each frame that all of them are handed.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use auth::{SignIn, Still};
use bus::{Passing, Told};
use bytestring::ByteString;
use chrono::DateTime;
use kernel::{Caller as _, ClinicId, EventId, Permission, PermissionSet, Timestamp};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::Live;
use super::protocol::{Closing, EventFrame};
use super::topics::Topics;

/// In how many parts the clinics are kept, so that they seldom wait for one another.
const PARTS: usize = 32;

/// For at least so long it is remembered which events were told: longer than any way to here can take.
const REMEMBERED: Duration = Duration::from_secs(15);

/// A frame, written once.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) id: Option<EventId>,
    /// What one must be permitted to see it.
    pub(super) permission: Permission,
    /// The topics under which it is found.
    pub(super) topics: Vec<String>,
    pub(super) text: ByteString,
}

impl Frame {
    /// The frame of `event`; `None` when it is nobody's business outside, or cannot be written.
    pub(super) fn of_event(topics: &Topics, event: &Told) -> Option<Arc<Self>> {
        let kind = topics.kind(&event.kind)?;
        let told_to = Topics::of_event(kind, &event.payload);
        let text = write(&EventFrame {
            id: Some(event.id),
            kind: &event.kind,
            occurred_at: moment_of(event.id),
            topic: &kind.collection,
            topics: &told_to,
            data: &event.payload,
        })?;
        Some(Arc::new(Self {
            id: Some(event.id),
            permission: kind.permission,
            topics: told_to,
            text,
        }))
    }

    /// The frame of what is shown in passing to those who have `permission`.
    pub(super) fn of_passing(passing: &Passing, permission: Permission) -> Option<Arc<Self>> {
        let topics = vec![passing.topic.clone()];
        let text = write(&EventFrame {
            id: None,
            kind: &passing.kind,
            occurred_at: None,
            topic: &passing.topic,
            topics: &topics,
            data: &passing.data,
        })?;
        Some(Arc::new(Self {
            id: None,
            permission,
            topics,
            text,
        }))
    }
}

fn write(frame: &EventFrame<'_>) -> Option<ByteString> {
    match serde_json::to_string(frame) {
        Ok(text) => Some(text.into()),
        Err(error) => {
            tracing::error!(%error, "a live frame could not be written");
            None
        }
    }
}

/// When an event's unit of work began, to the millisecond: its id says so, on whatever way it comes.
pub(super) fn moment_of(id: EventId) -> Option<Timestamp> {
    let (seconds, nanos) = id.as_uuid().get_timestamp()?.to_unix();
    let moment = DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)?;
    Timestamp::new(moment).ok()
}

/// What a socket may do just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It hears what these permissions cover.
    Open(PermissionSet),
    /// Its rights are being read again; nothing is sent until they are.
    Suspended,
    /// It is to be closed.
    Closed(Closing),
}

/// Tells the sockets of one process apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Speaker(u64);

/// One socket, as the hub sees it.
struct Listener {
    sign_in: SignIn,
    subjects: [Option<Uuid>; 2],
    frames: mpsc::Sender<Arc<Frame>>,
    state: watch::Sender<State>,
    topics: HashSet<String>,
    /// The hub's count of doubts when its rights last may have changed.
    doubted: u64,
}

impl Listener {
    fn close(&self, closing: Closing) {
        self.state.send_if_modified(|state| {
            let open = !matches!(state, State::Closed(_));
            if open {
                *state = State::Closed(closing);
            }
            open
        });
    }

    fn set(&self, new: State) {
        self.state.send_if_modified(|state| {
            let changes = !matches!(state, State::Closed(_)) && *state != new;
            if changes {
                *state = new;
            }
            changes
        });
    }

    fn may(&self, permission: Permission) -> bool {
        match &*self.state.borrow() {
            State::Open(permissions) => permissions.contains(permission),
            // Whether it may is found out before anything is sent.
            State::Suspended => true,
            State::Closed(_) => false,
        }
    }
}

/// Events that were told lately.
struct Recent {
    young: HashSet<EventId>,
    old: HashSet<EventId>,
    turned_at: Instant,
}

impl Recent {
    fn new() -> Self {
        Self {
            young: HashSet::new(),
            old: HashSet::new(),
            turned_at: Instant::now(),
        }
    }

    /// Notes `event`; whether it is new.
    fn note(&mut self, event: EventId) -> bool {
        if self.turned_at.elapsed() > REMEMBERED {
            self.old = mem::take(&mut self.young);
            self.turned_at = Instant::now();
        }
        let known = self.old.contains(&event);
        self.young.insert(event) && !known
    }
}

/// Those who listen in one clinic.
struct Room {
    listeners: HashMap<Speaker, Listener>,
    by_topic: HashMap<String, HashSet<Speaker>>,
    recent: Recent,
    /// Every event of transactions below this one was told.
    horizon: i64,
}

/// From where on a room hears everything.
#[derive(Debug)]
pub(super) struct Since {
    /// The oldest transaction that might still commit.
    pub(super) horizon: i64,
    /// Events from it on that had been committed already.
    pub(super) known: Vec<EventId>,
}

impl Room {
    fn new(since: Since) -> Self {
        let mut recent = Recent::new();
        recent.young.extend(since.known);
        Self {
            listeners: HashMap::new(),
            by_topic: HashMap::new(),
            recent,
            horizon: since.horizon,
        }
    }

    /// Hands `frame` to those who hear one of its topics.
    fn hand_out(&mut self, frame: &Arc<Frame>, except: Option<Speaker>) {
        let mut heard = HashSet::new();
        let mut cut = Vec::new();
        for topic in &frame.topics {
            for speaker in self.by_topic.get(topic).into_iter().flatten() {
                if Some(*speaker) == except || !heard.insert(*speaker) {
                    continue;
                }
                if let Some(listener) = self.listeners.get(speaker)
                    && listener.may(frame.permission)
                    && listener.frames.try_send(Arc::clone(frame)).is_err()
                {
                    listener.close(Closing::TOO_SLOW);
                    cut.push(*speaker);
                }
            }
        }
        for speaker in cut {
            self.remove(speaker);
        }
    }

    fn remove(&mut self, speaker: Speaker) {
        let Some(listener) = self.listeners.remove(&speaker) else {
            return;
        };
        for topic in &listener.topics {
            self.hush(topic, speaker);
        }
    }

    /// Finds `speaker` under `topic` no longer.
    fn hush(&mut self, topic: &str, speaker: Speaker) {
        if let Some(speakers) = self.by_topic.get_mut(topic) {
            speakers.remove(&speaker);
            if speakers.is_empty() {
                self.by_topic.remove(topic);
            }
        }
    }
}

type Rooms = HashMap<ClinicId, Room>;

/// Everybody who listens in this process.
pub(super) struct Hub {
    parts: [Mutex<Rooms>; PARTS],
    numbers: AtomicU64,
    /// How often somebody's rights may have changed.
    doubts: AtomicU64,
}

/// A place in the hub; leaves it when dropped.
pub(super) struct Place {
    live: Live,
    clinic: ClinicId,
    pub(super) speaker: Speaker,
    pub(super) frames: mpsc::Receiver<Arc<Frame>>,
    pub(super) state: watch::Receiver<State>,
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
        if let Some(room) = self.rooms(clinic).get_mut(&clinic)
            && room.recent.note(event)
        {
            room.hand_out(frame, None);
        }
    }

    /// Shows what is passing to those who hear `topic`, except to who shows it.
    pub(super) fn show(&self, clinic: ClinicId, topic: &str, frame: &Arc<Frame>, from: Option<Speaker>) {
        if let Some(room) = self.rooms(clinic).get_mut(&clinic)
            && room.by_topic.contains_key(topic)
        {
            room.hand_out(frame, from);
        }
    }

    /// Stops what goes to those whose rights one of `subjects` may have changed. Whether there are any.
    pub(super) fn doubt(&self, clinic: ClinicId, subjects: &[Uuid]) -> bool {
        self.doubt_whom(clinic, |listener| {
            listener.subjects.iter().flatten().any(|own| subjects.contains(own))
        })
    }

    /// Stops what goes to anybody in `clinic`: what they may do cannot be found out.
    pub(super) fn doubt_all(&self, clinic: ClinicId) {
        self.doubt_whom(clinic, |_anybody| true);
    }

    fn doubt_whom(&self, clinic: ClinicId, whom: impl Fn(&Listener) -> bool) -> bool {
        let mut any = false;
        if let Some(room) = self.rooms(clinic).get_mut(&clinic) {
            let doubt = self.doubts.fetch_add(1, Ordering::SeqCst) + 1;
            for listener in room.listeners.values_mut().filter(|listener| whom(listener)) {
                listener.doubted = doubt;
                listener.set(State::Suspended);
                any = true;
            }
        }
        any
    }

    /// By what those in `clinic` came in, and how many doubts there were until now.
    pub(super) fn sign_ins(&self, clinic: ClinicId) -> (HashSet<SignIn>, u64) {
        let rooms = self.rooms(clinic);
        let sign_ins = rooms
            .get(&clinic)
            .map(|room| room.listeners.values().map(|listener| listener.sign_in).collect());
        (sign_ins.unwrap_or_default(), self.doubts.load(Ordering::SeqCst))
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
        let mut again = false;
        if let Some(room) = self.rooms(clinic).get_mut(&clinic) {
            for listener in room.listeners.values_mut() {
                match good.get(&listener.sign_in) {
                    _ if !asked.contains(&listener.sign_in) => {}
                    None => listener.close(Closing::SIGNED_OUT),
                    Some(_) if listener.doubted > doubts => again = true,
                    Some(still) => {
                        listener.subjects = still.subjects;
                        listener.set(State::Open(still.principal.permissions()));
                    }
                }
            }
        }
        again
    }

    /// The transaction from which on events of `clinic` may not have been told.
    pub(super) fn horizon(&self, clinic: ClinicId) -> Option<i64> {
        self.rooms(clinic).get(&clinic).map(|room| room.horizon)
    }

    /// Every event of transactions below `horizon` was told.
    pub(super) fn advance(&self, clinic: ClinicId, horizon: i64) {
        if let Some(room) = self.rooms(clinic).get_mut(&clinic) {
            room.horizon = room.horizon.max(horizon);
        }
    }

    pub(super) fn close_all(&self, closing: Closing) {
        for part in &self.parts {
            let rooms = part.lock().unwrap_or_else(PoisonError::into_inner);
            for listener in rooms.values().flat_map(|room| room.listeners.values()) {
                listener.close(closing);
            }
        }
    }
}

impl Place {
    /// Lets `who` in, who came in by `sign_in`. A room in which nobody is yet begins at `since`.
    pub(super) fn take(live: &Live, sign_in: SignIn, who: &Still, since: Since) -> Self {
        let hub = &live.0.hub;
        let clinic = who.principal.clinic();
        let speaker = Speaker(hub.numbers.fetch_add(1, Ordering::Relaxed));
        let (frames, receiver) = mpsc::channel(live.0.config.queue.max(1));
        let (state, watched) = watch::channel(State::Open(who.principal.permissions()));
        let listener = Listener {
            sign_in,
            subjects: who.subjects,
            frames,
            state,
            topics: HashSet::new(),
            doubted: 0,
        };
        hub.rooms(clinic)
            .entry(clinic)
            .or_insert_with(|| Room::new(since))
            .listeners
            .insert(speaker, listener);
        Self {
            live: live.clone(),
            clinic,
            speaker,
            frames: receiver,
            state: watched,
        }
    }

    /// The topics that are subscribed to.
    pub(super) fn topics(&self) -> HashSet<String> {
        self.live
            .0
            .hub
            .rooms(self.clinic)
            .get(&self.clinic)
            .and_then(|room| room.listeners.get(&self.speaker))
            .map(|listener| listener.topics.clone())
            .unwrap_or_default()
    }

    /// Hears `topic` from now on.
    pub(super) fn subscribe(&self, topic: &str) {
        if let Some(room) = self.live.0.hub.rooms(self.clinic).get_mut(&self.clinic)
            && let Some(listener) = room.listeners.get_mut(&self.speaker)
            && listener.topics.insert(topic.to_owned())
        {
            let speakers = room.by_topic.entry(topic.to_owned()).or_default();
            speakers.insert(self.speaker);
        }
    }

    /// Hears `topic` no longer.
    pub(super) fn unsubscribe(&self, topic: &str) {
        if let Some(room) = self.live.0.hub.rooms(self.clinic).get_mut(&self.clinic)
            && let Some(listener) = room.listeners.get_mut(&self.speaker)
            && listener.topics.remove(topic)
        {
            room.hush(topic, self.speaker);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut rooms = self.live.0.hub.rooms(self.clinic);
        if let Some(room) = rooms.get_mut(&self.clinic) {
            room.remove(self.speaker);
            if room.listeners.is_empty() {
                rooms.remove(&self.clinic);
            }
        }
    }
}
