//! The heart of a server's worker: claims for every lane that has room, hands out, and writes down what became of it.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use kernel::{ClinicId, Lane, Timestamp};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::attempt::{Attempted, Hands};
use crate::config::WorkerConfig;
use crate::event::Event;
use crate::outside::Waiting;
use crate::queue::Queue;
use crate::store::{Claim, Closed, Room};
use crate::wake::Wake;

/// The least time between two looks that found little, however often the worker is woken: under many commits it looks fifty
/// times a second, and no more.
const LEAST_PAUSE: Duration = Duration::from_millis(20);

/// The time between a look that failed and the next, doubled with each that fails after it: what failed may be no more than one
/// connection that was lost.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest time between two looks while the database does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The least time between two calls to other processes.
const RING_PAUSE: Duration = Duration::from_millis(50);

/// A lane whose events take no longer than this gets some in advance, so that its places do not stand empty while the next ones
/// are claimed.
const QUICK: Duration = Duration::from_millis(20);

/// How many it gets in advance, for each place.
const AHEAD: usize = 8;

/// A lane, as the dispatcher keeps it.
struct LaneState {
    lane: Lane,
    places: usize,
    events: mpsc::UnboundedSender<Event>,
    in_hand: usize,
    /// How long an attempt has taken of late; `None` before the first.
    pace: Option<Duration>,
    /// Whether somebody said that there may be something.
    told: bool,
    /// Whether the last look found as much as there was room for.
    full: bool,
    /// What waits for others, and takes no place.
    outside: Waiting,
}

impl LaneState {
    fn capacity(&self) -> usize {
        if self.pace.is_some_and(|pace| pace <= QUICK) {
            self.places * (1 + AHEAD)
        } else {
            self.places
        }
    }

    fn room(&self) -> usize {
        self.capacity().saturating_sub(self.in_hand)
    }

    /// Whether it wants a look. Claims of one event each would cost a statement an event, so it waits a moment until half of its
    /// room is empty.
    fn wants_look(&self, rested: bool) -> bool {
        let room = self.room();
        room > 0 && ((self.full && room * 2 >= self.capacity()) || ((self.full || self.told) && rested))
    }

    /// Whether more waits, as far as is known, than it can take.
    fn overflows(&self) -> bool {
        self.full || (self.told && self.room() == 0)
    }

    /// Hands on what waits for others and may begin.
    fn begin_outside(&mut self) {
        while let Some(event) = self.outside.begin() {
            self.hand_out(event);
        }
    }

    fn hand_out(&self, event: Event) {
        // A lane's thread ends when it is told to, and then its events are given back.
        let _ended = self.events.send(event);
    }

    /// Notes that an attempt of `clinic` at what waits for others is over. There may be more of it, which was not looked at.
    fn attempted_outside(&mut self, clinic: ClinicId) {
        let may_have_more = self.outside.over(clinic);
        self.begin_outside();
        self.told |= may_have_more;
    }

    /// Notes that an attempt is over.
    fn attempted(&mut self, took: Duration) {
        self.in_hand = self.in_hand.saturating_sub(1);
        self.pace = Some(self.pace.map_or(took, |pace| (pace * 7 + took) / 8));
    }
}

/// An event that is in hand.
struct InHand {
    lane: Lane,
    until: Timestamp,
    /// Whether it waits for others, and takes no place.
    is_outside: bool,
}

/// Claims, hands out, settles.
pub(crate) struct Dispatcher<'d> {
    queue: &'d Queue,
    config: WorkerConfig,
    hands: Hands,
    wake: &'d Wake,
    /// Other processes, and schedules.
    heard: &'d Notify,
    token: &'d str,
    lanes: Vec<LaneState>,
    in_hand: HashMap<Claim, InHand>,
    attempts: mpsc::UnboundedReceiver<Attempted>,
    over: Vec<Attempted>,
    last_look: Instant,
    next_look: Instant,
    /// Looks in a row that failed.
    failures: u32,
    next_renewal: Instant,
    ring_wanted: bool,
    next_ring: Instant,
}

/// Whom a dispatcher listens to.
pub(crate) struct Ears<'d> {
    pub(crate) wake: &'d Wake,
    pub(crate) heard: &'d Notify,
    /// What this process says to others.
    pub(crate) token: &'d str,
    pub(crate) attempts: mpsc::UnboundedReceiver<Attempted>,
}

impl<'d> Dispatcher<'d> {
    pub(crate) fn new(
        queue: &'d Queue,
        config: WorkerConfig,
        hands: Hands,
        ears: Ears<'d>,
        lanes: impl Iterator<Item = (Lane, mpsc::UnboundedSender<Event>)>,
    ) -> Self {
        let Ears {
            wake,
            heard,
            token,
            attempts,
        } = ears;
        let now = Instant::now();
        let lanes = lanes.map(|(lane, events)| LaneState {
            lane,
            places: usize::from(config.places.of(lane)),
            events,
            in_hand: 0,
            pace: None,
            told: true,
            full: false,
            outside: Waiting::new(config.outside),
        });
        Self {
            queue,
            config,
            hands,
            wake,
            heard,
            token,
            lanes: lanes.collect(),
            in_hand: HashMap::new(),
            attempts,
            over: Vec::new(),
            last_look: now.checked_sub(LEAST_PAUSE).unwrap_or(now),
            next_look: now,
            failures: 0,
            next_renewal: now + config.renewal(),
            ring_wanted: false,
            next_ring: now,
        }
    }

    /// Works until `stop`.
    pub(crate) async fn run(&mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            self.settle().await;
            let rested = Instant::now() >= self.rested();
            let may_look = self.failures == 0 || Instant::now() >= self.next_look;
            if may_look && self.lanes.iter().any(|lane| lane.wants_look(rested)) {
                self.look().await;
            }
            self.ring().await;
            if Instant::now() >= self.next_renewal {
                self.renew().await;
            }
            let until = self.next_turn();
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = self.wake.notified(), if self.failures == 0 => {
                    self.tell_all();
                    self.ring_wanted = true;
                }
                () = self.heard.notified(), if self.failures == 0 => self.tell_all(),
                Some(over) = self.attempts.recv() => self.over.push(over),
                () = sleep_until(until) => if Instant::now() >= self.next_look {
                    self.tell_all();
                },
            }
        }
    }

    /// Waits until nothing is in hand any more, and writes down what became of it.
    pub(crate) async fn finish(&mut self) {
        loop {
            self.settle().await;
            if self.in_hand.is_empty() {
                return;
            }
            match self.attempts.recv().await {
                Some(over) => self.over.push(over),
                None => return,
            }
        }
    }

    /// Gives back what is still in hand of the lanes whose handlers are known to have ended. What the others hold comes again
    /// when the claims have run out.
    pub(crate) async fn give_back(&mut self, ended: &[Lane]) {
        self.settle().await;
        let left = self.in_hand.iter().filter(|(_, held)| ended.contains(&held.lane));
        self.queue.give_back(left.map(|(claim, _)| *claim)).await;
    }

    fn rested(&self) -> Instant {
        self.last_look + LEAST_PAUSE
    }

    /// When there is something to do though nobody says so.
    fn next_turn(&self) -> Instant {
        let mut next = self.next_look.min(self.next_renewal);
        if self.failures == 0 && self.lanes.iter().any(|lane| lane.wants_look(true)) {
            next = next.min(self.rested());
        }
        if self.ring_wanted {
            next = next.min(self.next_ring);
        }
        next
    }

    fn tell_all(&mut self) {
        for lane in &mut self.lanes {
            lane.told = true;
        }
    }

    /// Writes down what became of all events whose attempts are over.
    async fn settle(&mut self) {
        while let Ok(over) = self.attempts.try_recv() {
            self.over.push(over);
        }
        if self.over.is_empty() {
            return;
        }
        let over = std::mem::take(&mut self.over);
        self.queue.settle(&over).await;
        for Attempted { claim, took, .. } in over {
            let Some(held) = self.in_hand.remove(&claim) else {
                continue;
            };
            if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.lane == held.lane) {
                if held.is_outside {
                    lane.attempted_outside(claim.clinic);
                } else {
                    lane.attempted(took);
                }
            }
        }
    }

    /// Claims for every lane that has room and may have something, by one statement.
    async fn look(&mut self) {
        let rooms: Vec<Room> = self
            .lanes
            .iter()
            .filter(|lane| (lane.told || lane.full) && lane.room() > 0)
            .map(|lane| Room {
                lane: lane.lane,
                events: lane.room(),
            })
            .collect();
        let closed = self.closed(&rooms);
        let claimed = self.queue.claim(&rooms, &closed).await;
        self.last_look = Instant::now();
        match claimed {
            Ok(events) => {
                self.failures = 0;
                self.next_look = self.last_look + self.config.poll;
                self.hand_out(&rooms, events);
            }
            Err(error) => {
                tracing::warn!(%error, "the queue cannot be looked at; it is tried again");
                let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16));
                self.failures = self.failures.saturating_add(1);
                self.next_look = self.last_look + pause.min(LONGEST_PAUSE);
            }
        }
    }

    /// What is not to be claimed though there is room: what would wait for others, of whom enough is waited for.
    fn closed(&self, rooms: &[Room]) -> Closed {
        let mut closed = Closed {
            kinds: self.hands.outside_kinds(),
            ..Closed::default()
        };
        for state in &self.lanes {
            if !rooms.iter().any(|room| room.lane == state.lane) {
                continue;
            }
            if state.outside.is_full() {
                closed.lanes.push(state.lane);
            }
            let crowded = state.outside.crowded().map(|clinic| (state.lane, clinic));
            closed.clinics.extend(crowded);
        }
        closed
    }

    fn hand_out(&mut self, rooms: &[Room], events: Vec<Event>) {
        for lane in &mut self.lanes {
            let Some(room) = rooms.iter().find(|room| room.lane == lane.lane) else {
                continue;
            };
            let claimed = events.iter().filter(|event| event.lane == lane.lane).count();
            lane.told = false;
            lane.full = claimed >= room.events;
        }
        for event in events {
            let held = InHand {
                lane: event.lane,
                until: event.held_until,
                is_outside: self.hands.is_outside(&event),
            };
            if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.lane == event.lane) {
                let claim = event.claim();
                if held.is_outside {
                    lane.outside.take(event);
                    lane.begin_outside();
                } else {
                    lane.in_hand += 1;
                    lane.hand_out(event);
                }
                self.in_hand.insert(claim, held);
            }
        }
    }

    /// Holds on to what takes long.
    async fn renew(&mut self) {
        self.next_renewal = Instant::now() + self.config.renewal();
        let soon = self.queue.now().saturating_add(self.config.lease() * 2 / 3);
        let old: Vec<Claim> = self
            .in_hand
            .iter()
            .filter(|(_, held)| held.until < soon)
            .map(|(claim, _)| *claim)
            .collect();
        if old.is_empty() {
            return;
        }
        match self.queue.renew(&old).await {
            Ok(until) => {
                for claim in old {
                    if let Some(held) = self.in_hand.get_mut(&claim) {
                        held.until = until;
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "events in work could not be held on to; they may be handled twice");
            }
        }
    }

    /// Calls other processes when this one was told of more than it can take itself.
    async fn ring(&mut self) {
        if !self.ring_wanted {
            return;
        }
        if self.lanes.iter().all(|lane| !lane.told && !lane.full) {
            self.ring_wanted = false;
        } else if Instant::now() >= self.next_ring && self.lanes.iter().any(LaneState::overflows) {
            self.ring_wanted = false;
            self.next_ring = Instant::now() + RING_PAUSE;
            if let Err(error) = self.queue.ring(self.token).await {
                tracing::warn!(%error, "other processes could not be called; it is tried again");
                self.ring_wanted = true;
                self.next_ring = Instant::now() + FIRST_PAUSE;
            }
        } else if Instant::now() >= self.next_ring {
            // Asked again after the next look.
            self.next_ring = self.rested().max(Instant::now() + Duration::from_millis(1));
        }
    }
}
