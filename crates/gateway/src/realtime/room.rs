//! Those who listen in one clinic: which topics each hears, what they may see, and what was told already.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::{SignIn, Still};
use kernel::{EventId, Permission, PermissionSet};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::frames::Frame;
use super::protocol::Closing;

/// For at least so long it is remembered which events were told: longer than any way to here can take.
const REMEMBERED: Duration = Duration::from_secs(15);

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
pub(super) struct Speaker(pub(super) u64);

/// One socket, as the hub sees it.
pub(super) struct Listener {
    sign_in: SignIn,
    subjects: [Option<Uuid>; 2],
    frames: mpsc::Sender<Arc<Frame>>,
    state: watch::Sender<State>,
    topics: HashSet<String>,
    /// The hub's count of doubts when its rights last may have changed.
    doubted: u64,
}

/// The socket's ends of what its listener is handed.
pub(super) struct Ears {
    pub(super) frames: mpsc::Receiver<Arc<Frame>>,
    pub(super) state: watch::Receiver<State>,
}

impl Listener {
    /// `who`, who came in by `sign_in` and is cut off when more than `queue` frames wait for them.
    pub(super) fn new(sign_in: SignIn, who: &Still, queue: usize) -> (Self, Ears) {
        let (sender, frames) = mpsc::channel(queue.max(1));
        let (told, state) = watch::channel(State::Open(who.principal.permissions()));
        let listener = Self {
            sign_in,
            subjects: who.subjects,
            frames: sender,
            state: told,
            topics: HashSet::new(),
            doubted: 0,
        };
        (listener, Ears { frames, state })
    }

    /// Whether its rights hang on one of `subjects`.
    pub(super) fn hangs_on(&self, subjects: &[Uuid]) -> bool {
        self.subjects.iter().flatten().any(|own| subjects.contains(own))
    }

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
pub(super) struct Room {
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
    pub(super) fn new(since: Since) -> Self {
        let mut recent = Recent::new();
        recent.young.extend(since.known);
        Self {
            listeners: HashMap::new(),
            by_topic: HashMap::new(),
            recent,
            horizon: since.horizon,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    pub(super) fn enter(&mut self, speaker: Speaker, listener: Listener) {
        self.listeners.insert(speaker, listener);
    }

    pub(super) fn topics_of(&self, speaker: Speaker) -> HashSet<String> {
        self.listeners
            .get(&speaker)
            .map(|listener| listener.topics.clone())
            .unwrap_or_default()
    }

    pub(super) fn subscribe(&mut self, speaker: Speaker, topic: &str) {
        if let Some(listener) = self.listeners.get_mut(&speaker)
            && listener.topics.insert(topic.to_owned())
        {
            self.by_topic.entry(topic.to_owned()).or_default().insert(speaker);
        }
    }

    pub(super) fn unsubscribe(&mut self, speaker: Speaker, topic: &str) {
        if let Some(listener) = self.listeners.get_mut(&speaker)
            && listener.topics.remove(topic)
        {
            self.hush(topic, speaker);
        }
    }

    /// Tells an event, unless it was told before.
    pub(super) fn tell(&mut self, event: EventId, frame: &Arc<Frame>) {
        if self.recent.note(event) {
            self.hand_out(frame, None);
        }
    }

    /// Hands `frame` to those who hear one of its topics, except to `except`.
    pub(super) fn hand_out(&mut self, frame: &Arc<Frame>, except: Option<Speaker>) {
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

    /// Sends nothing more to `whom` until they are settled; whether there are any.
    pub(super) fn doubt(&mut self, doubt: u64, whom: impl Fn(&Listener) -> bool) -> bool {
        let mut any = false;
        for listener in self.listeners.values_mut().filter(|listener| whom(listener)) {
            listener.doubted = doubt;
            listener.set(State::Suspended);
            any = true;
        }
        any
    }

    /// By what those who listen came in.
    pub(super) fn sign_ins(&self) -> HashSet<SignIn> {
        self.listeners.values().map(|listener| listener.sign_in).collect()
    }

    /// Gives those whose sign-ins were `asked` for the rights that were read after `doubts` doubts, and closes those who have
    /// none. Whether somebody was doubted since, whose rights must be read again.
    pub(super) fn settle(&mut self, asked: &HashSet<SignIn>, doubts: u64, good: &HashMap<SignIn, Still>) -> bool {
        let mut again = false;
        for listener in self.listeners.values_mut() {
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
        again
    }

    /// The transaction from which on events may not have been told.
    pub(super) const fn horizon(&self) -> i64 {
        self.horizon
    }

    /// Every event of transactions below `horizon` was told.
    pub(super) fn advance(&mut self, horizon: i64) {
        self.horizon = self.horizon.max(horizon);
    }

    pub(super) fn close_all(&self, closing: Closing) {
        for listener in self.listeners.values() {
            listener.close(closing);
        }
    }

    pub(super) fn remove(&mut self, speaker: Speaker) {
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
