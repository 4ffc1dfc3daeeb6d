//! The bus through Redis: connects, listens and sends until the link breaks, and connects again.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{AsyncConnectionConfig, Msg, Pipeline, RedisError};
use futures_util::StreamExt;
use futures_util::future::{OptionFuture, join_all};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::news::{Body, CLINICS, Envelope, NODES, News};
use crate::peers::{Continuity, Peers};
use crate::{Bus, LEASE, Listener, Numbered, Wire};

/// How often a process says that it lives.
const BEAT: Duration = Duration::from_millis(200);
/// How long Redis may take to answer before the link is taken for broken.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pauses between two attempts to connect: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// So many messages are sent at a time.
const AT_ONCE: usize = 256;

/// Why the link broke.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{0}")]
    Redis(#[from] RedisError),
    #[error("Redis did not answer in time")]
    Late,
    #[error("Redis closed the connection")]
    Closed,
    #[error("own heartbeats do not come back")]
    Deaf,
}

/// Whether there is a reason to go on.
enum Ended {
    Stopped,
    Broken(Broken),
}

/// Keeps the link up until `stop`.
pub(crate) async fn run(bus: &Bus, listeners: &[Arc<dyn Listener>], stop: impl Future<Output = ()>) {
    let Some(wire) = &bus.0.redis else {
        return;
    };
    let Some(mut queue) = wire.incoming.lock().unwrap_or_else(PoisonError::into_inner).take() else {
        tracing::error!("the bus was started twice; the second time is passed over");
        return;
    };
    let mut stop = pin!(stop);
    let mut pause = PAUSES.0;
    loop {
        let mut link = Conversation {
            bus,
            wire,
            listeners,
            queue: &mut queue,
            peers: Peers::default(),
            beats: VecDeque::new(),
            heard_at: Instant::now(),
        };
        let ended = Box::pin(link.hold(stop.as_mut())).await;
        wire.connected.store(false, Ordering::SeqCst);
        bus.0.link.interrupt();
        for listener in listeners {
            listener.interrupted();
        }
        match ended {
            Ended::Stopped => return,
            Ended::Broken(reason) => tracing::warn!(%reason, "the link to Redis is broken; it is tried again"),
        }
        if link.beats_came_back() {
            pause = PAUSES.0;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.as_mut() => return,
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// One connection's life.
struct Conversation<'b> {
    bus: &'b Bus,
    wire: &'b Wire,
    listeners: &'b [Arc<dyn Listener>],
    queue: &'b mut mpsc::Receiver<Numbered>,
    peers: Peers,
    /// Own heartbeats on their way: numbers, and when they were sent.
    beats: VecDeque<(u64, Instant)>,
    /// When an own heartbeat last came back.
    heard_at: Instant,
}

type Sending = Pin<Box<dyn Future<Output = Result<(), Broken>>>>;

impl Conversation<'_> {
    fn beats_came_back(&self) -> bool {
        self.bus.0.link.is_up() || self.heard_at.elapsed() < LEASE
    }

    async fn hold(&mut self, stop: Pin<&mut impl Future<Output = ()>>) -> Ended {
        match self.converse(stop).await {
            Ok(()) => Ended::Stopped,
            Err(reason) => Ended::Broken(reason),
        }
    }

    async fn converse(&mut self, mut stop: Pin<&mut impl Future<Output = ()>>) -> Result<(), Broken> {
        let mut subscription = in_time(self.wire.client.get_async_pubsub()).await?;
        in_time(subscription.subscribe(NODES)).await?;
        in_time(subscription.psubscribe(CLINICS)).await?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let sender = in_time(self.wire.client.get_multiplexed_async_connection_with_config(&config)).await?;
        let mut messages = pin!(subscription.into_on_message());
        self.open();
        tracing::info!("the link to Redis is up");
        let mut ticks = tokio::time::interval(BEAT);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut sending: Option<Sending> = None;
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                message = messages.next() => self.receive(message.ok_or(Broken::Closed)?).await,
                _ = ticks.tick() => self.beat()?,
                Some(sent) = OptionFuture::from(sending.as_mut()) => {
                    sending = None;
                    sent?;
                }
                taken = self.queue.recv_many(&mut batch, AT_ONCE), if sending.is_none() => {
                    if taken > 0 {
                        sending = Some(self.send(sender.clone(), &mut batch));
                    }
                }
                () = stop.as_mut() => break,
            }
        }
        // What still waits goes out, and the good-bye after it.
        if let Some(sending) = sending {
            sending.await?;
        }
        self.bus.send(Body::Leaving);
        while self.queue.try_recv().map(|message| batch.push(message)).is_ok() {}
        self.send(sender, &mut batch).await
    }

    /// Lets news into the queue, beginning with a greeting: what waited from before is out of date.
    fn open(&mut self) {
        while self.queue.try_recv().is_ok() {
            self.bus.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.wire.connected.store(true, Ordering::SeqCst);
        self.bus.send(Body::Hello);
        self.heard_at = Instant::now();
    }

    /// Says that this process lives, and looks whether the others do.
    fn beat(&mut self) -> Result<(), Broken> {
        let now = Instant::now();
        if self.heard_at.elapsed() > LEASE * 2 {
            return Err(Broken::Deaf);
        }
        if !self.all_speak(now) && self.bus.0.link.is_up() {
            tracing::warn!("another process is silent; nothing that it may change is remembered until it speaks");
            self.interrupt();
        }
        self.bus.send(Body::Beat);
        Ok(())
    }

    /// Whether everybody who may change something is heard.
    fn all_speak(&mut self, now: Instant) -> bool {
        let mut roll = self.bus.0.roll.lock().unwrap_or_else(PoisonError::into_inner).clone();
        roll.remove(&self.bus.0.node);
        self.peers.all_speak(&roll, now)
    }

    fn interrupt(&self) {
        self.bus.0.link.interrupt();
        for listener in self.listeners {
            listener.interrupted();
        }
    }

    /// Sends `batch`, which is empty afterwards, in one round trip.
    fn send(&mut self, mut sender: MultiplexedConnection, batch: &mut Vec<Numbered>) -> Sending {
        let mut pipeline = Pipeline::with_capacity(batch.len());
        let now = Instant::now();
        for Numbered { number, body } in batch.drain(..) {
            if matches!(body, Body::Hello | Body::Beat) {
                self.beats.push_back((number, now));
            }
            let channel = body.channel();
            let node = self.bus.0.node;
            match serde_json::to_string(&Envelope { node, number, body }) {
                Ok(text) => pipeline.publish(channel, text).ignore(),
                // Its number is missing then, which the others notice.
                Err(error) => {
                    tracing::error!(%error, "news could not be written");
                    continue;
                }
            };
        }
        Box::pin(async move { in_time(pipeline.exec_async(&mut sender)).await })
    }

    async fn receive(&mut self, message: Msg) {
        let now = Instant::now();
        let envelope: Envelope = match serde_json::from_slice(message.get_payload_bytes()) {
            Ok(envelope) => envelope,
            // Of another version, say; what it told is missed.
            Err(error) => {
                let category = error.classify();
                tracing::warn!(?category, "a message of another process is not understood");
                self.miss();
                return;
            }
        };
        let Envelope { node, number, body } = envelope;
        if node == self.bus.0.node {
            self.came_back(number);
            return;
        }
        let leaves = body == Body::Leaving;
        if self.peers.heard(node, number, now) == Continuity::Broken || body == Body::Hello {
            self.miss();
        }
        if leaves {
            self.peers.left(node);
        }
        if let Body::News(news) = body {
            if message.get_channel_name() != news.channel() {
                tracing::error!("a message of one clinic came under the name of another; it is passed over");
                return;
            }
            self.tell(&news).await;
        }
    }

    async fn tell(&self, news: &News) {
        join_all(self.listeners.iter().map(|listener| listener.heard(news))).await;
    }

    /// Something was not heard; what is heard from now on may be trusted.
    fn miss(&self) {
        self.bus.0.link.begin_epoch();
        for listener in self.listeners {
            listener.interrupted();
        }
    }

    /// An own message came back: all that was told before it was heard.
    fn came_back(&mut self, number: u64) {
        while let Some((beat, sent_at)) = self.beats.front().copied() {
            if beat > number {
                return;
            }
            self.beats.pop_front();
            if beat == number {
                self.heard_at = Instant::now();
                if self.all_speak(self.heard_at) && self.bus.0.link.renew(sent_at) {
                    for listener in self.listeners {
                        listener.interrupted();
                    }
                }
            }
        }
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, RedisError>>) -> Result<T, Broken> {
    timeout(PATIENCE, work)
        .await
        .or(Err(Broken::Late))?
        .map_err(Broken::Redis)
}
