//! One socket, from its first frame to its closing.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_ws::{CloseCode, CloseReason, Message, MessageStream, ProtocolError, Session};
use bytestring::ByteString;
use db::Db;
use kernel::{Actor, Caller, EventId, Permission, PermissionSet, Principal, System};
use serde_json::json;
use tokio::time::{interval_at, timeout};

use super::Live;
use super::frames::Frame;
use super::keeper::COMPONENT;
use super::place::Place;
use super::protocol::{ClientFrame, Closing, ServerFrame, Typing};
use super::replay::{self, Start};
use super::room::State;
use super::seats::Seat;

/// The longest frame of a client, in bytes.
const LONGEST_FRAME: usize = 16 << 10;
/// So many topics may be subscribed to.
const MOST_TOPICS: usize = 200;
/// So many frames a second may be sent by a client.
const MOST_FRAMES: u32 = 50;
/// So many times within [`RESUMES_COUNTED`] what has happened is told again: it reads up to an hour of the clinic's events.
const MOST_RESUMES: u32 = 5;
const RESUMES_COUNTED: Duration = Duration::from_secs(60);
/// Writing is shown at most so often.
const TYPING_PAUSE: Duration = Duration::from_millis(500);
/// A client that is not heard for so many heartbeats is gone.
const MOST_SILENT_BEATS: u32 = 3;
/// For how long it is remembered what was told again.
const REPLAY_REMEMBERED: Duration = Duration::from_secs(30);
/// How long a client that is cut may take to read why.
const LINGER: Duration = Duration::from_secs(30);
/// How long it may take to answer the closing.
const GOODBYE: Duration = Duration::from_secs(2);

/// Why a socket ends.
enum End {
    /// The server closes it.
    Close(Closing),
    /// The client has gone.
    Gone,
}

type Step<T = ()> = Result<T, End>;

pub(super) struct Socket {
    live: Live,
    db: Db,
    principal: Principal,
    place: Place,
    /// Given back when the connection is gone.
    _seat: Seat,
    session: Session,
    stream: MessageStream,
    permissions: PermissionSet,
    /// What was told again lately, and since when.
    replayed: (Instant, HashSet<EventId>),
    heard_at: Instant,
    /// Frames that came in the second that began then.
    counted: (Instant, u32),
    typed_at: Option<Instant>,
    /// How often it was resumed in the time that began then.
    resumed: (Instant, u32),
}

impl Socket {
    pub(super) fn new(
        live: Live,
        db: Db,
        principal: Principal,
        place: Place,
        seat: Seat,
        session: Session,
        stream: MessageStream,
    ) -> Self {
        let now = Instant::now();
        Self {
            permissions: principal.permissions(),
            live,
            db,
            principal,
            place,
            _seat: seat,
            session,
            stream: stream.max_frame_size(LONGEST_FRAME),
            replayed: (now, HashSet::new()),
            heard_at: now,
            counted: (now, 0),
            typed_at: None,
            resumed: (now, 0),
        }
    }

    pub(super) async fn run(mut self) {
        let Err(end) = Box::pin(self.converse()).await;
        let Self {
            place,
            session,
            mut stream,
            _seat,
            ..
        } = self;
        // Hears nothing more, but keeps its seat until the connection is gone.
        drop(place);
        let reason = match end {
            End::Gone => None,
            End::Close(Closing { code, reason }) => {
                tracing::debug!(code, reason, "a live connection is closed");
                Some(CloseReason {
                    code: CloseCode::from(code),
                    description: Some(reason.to_owned()),
                })
            }
        };
        // Whoever does not read does not read this either: it waits behind the frames that they did not read.
        let _never_read = timeout(LINGER, session.close(reason)).await;
        let answered = async { while let Some(Ok(_late)) = stream.recv().await {} };
        let _unanswered = timeout(GOODBYE, answered).await;
    }

    async fn converse(&mut self) -> Step<Infallible> {
        let heartbeat = self.live.0.config.heartbeat;
        let mut beats = interval_at(tokio::time::Instant::now() + heartbeat, heartbeat);
        if self.live.is_leaving() {
            return Err(End::Close(Closing::GOING_AWAY));
        }
        loop {
            self.be_allowed().await?;
            tokio::select! {
                biased;
                changed = self.place.state.changed() => changed.or(Err(End::Gone))?,
                frame = self.place.frames.recv() => match frame {
                    Some(frame) => self.forward(&frame).await?,
                    // Cut: the state says why.
                    None => self.place.state.changed().await.or(Err(End::Close(Closing::TOO_SLOW)))?,
                },
                // After the frames: what was told before the client spoke comes before what it is answered.
                message = self.stream.recv() => Box::pin(self.receive(message)).await?,
                _ = beats.tick() => self.beat(heartbeat).await?,
            }
        }
    }

    /// Waits until its rights are known, and ends it when they do not cover what it hears any more.
    async fn be_allowed(&mut self) -> Step {
        loop {
            let state = *self.place.state.borrow_and_update();
            match state {
                State::Closed(closing) => return Err(End::Close(closing)),
                State::Suspended => self.place.state.changed().await.or(Err(End::Gone))?,
                State::Open(permissions) if permissions == self.permissions => return Ok(()),
                State::Open(permissions) => {
                    self.permissions = permissions;
                    let topics = self.place.topics();
                    if topics.iter().any(|topic| self.missing_for(topic).is_some()) {
                        return Err(End::Close(Closing::FORBIDDEN));
                    }
                }
            }
        }
    }

    /// The permission that is missing to hear `topic`, which there is.
    fn missing_for(&self, topic: &str) -> Option<Permission> {
        let needed = self.live.0.topics.needed_for(topic)?;
        let any = needed.iter().any(|permission| self.permissions.contains(*permission));
        needed.first().copied().filter(|_| !any)
    }

    /// Sends `text` if it may see what `permission` covers. Ends when the socket is cut meanwhile.
    async fn send(&mut self, text: ByteString, permission: Option<Permission>) -> Step {
        self.be_allowed().await?;
        if permission.is_some_and(|permission| !self.permissions.contains(permission)) {
            return Ok(());
        }
        let mut state = self.place.state.clone();
        tokio::select! {
            biased;
            cut = state.wait_for(|state| matches!(state, State::Closed(_))) => match cut.map(|state| *state) {
                Ok(State::Closed(closing)) => Err(End::Close(closing)),
                _ => Err(End::Gone),
            },
            sent = self.session.text(text) => sent.or(Err(End::Gone)),
        }
    }

    async fn say(&mut self, frame: &ServerFrame<'_>) -> Step {
        match serde_json::to_string(frame) {
            Ok(text) => self.send(text.into(), None).await,
            Err(error) => {
                tracing::error!(%error, "a live frame could not be written");
                Ok(())
            }
        }
    }

    async fn forward(&mut self, frame: &Arc<Frame>) -> Step {
        if frame.id.is_some_and(|id| self.replayed.1.contains(&id)) {
            return Ok(());
        }
        self.send(frame.text.clone(), Some(frame.permission)).await
    }

    async fn beat(&mut self, heartbeat: Duration) -> Step {
        if self.heard_at.elapsed() > heartbeat * MOST_SILENT_BEATS {
            return Err(End::Close(Closing::SILENT));
        }
        if self.replayed.0.elapsed() > REPLAY_REMEMBERED {
            self.replayed.1 = HashSet::new();
        }
        let at = self.db.clock().now();
        self.say(&ServerFrame::Ping { at }).await?;
        self.session.ping(b"").await.or(Err(End::Gone))
    }

    async fn receive(&mut self, message: Option<Result<Message, ProtocolError>>) -> Step {
        let now = Instant::now();
        self.heard_at = now;
        if now.duration_since(self.counted.0) >= Duration::from_secs(1) {
            self.counted = (now, 0);
        }
        self.counted.1 += 1;
        if self.counted.1 > MOST_FRAMES {
            return Err(End::Close(Closing::TOO_MANY));
        }
        match message {
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<ClientFrame>(&text) {
                Ok(frame) => self.act_on(frame).await,
                Err(error) => {
                    let detail = error.to_string();
                    let code = "malformed_frame";
                    self.say(&ServerFrame::Error { code, detail }).await
                }
            },
            Some(Ok(Message::Ping(bytes))) => self.session.pong(&bytes).await.or(Err(End::Gone)),
            Some(Ok(Message::Pong(_) | Message::Nop)) => Ok(()),
            Some(Ok(Message::Close(_))) | None => Err(End::Gone),
            Some(Ok(Message::Binary(_) | Message::Continuation(_)) | Err(ProtocolError::Overflow)) => {
                Err(End::Close(Closing::UNREADABLE))
            }
            Some(Err(_broken)) => Err(End::Gone),
        }
    }

    async fn act_on(&mut self, frame: ClientFrame) -> Step {
        let ClientFrame {
            unsubscribe,
            subscribe,
            resume,
            typing,
        } = frame;
        if !unsubscribe.is_empty() {
            for topic in &unsubscribe {
                self.place.unsubscribe(topic);
            }
            let topics = unsubscribe;
            self.say(&ServerFrame::Unsubscribed { topics }).await?;
        }
        if !subscribe.is_empty() {
            self.subscribe(subscribe).await?;
        }
        if let Some(last) = resume {
            self.resume(last).await?;
        }
        if let Some(typing) = typing {
            self.show_typing(&typing).await?;
        }
        Ok(())
    }

    async fn subscribe(&mut self, topics: Vec<String>) -> Step {
        let mut heard = self.place.topics().len();
        let mut subscribed = Vec::with_capacity(topics.len());
        for topic in topics {
            let (code, permission, detail) = if self.live.0.topics.needed_for(&topic).is_none() {
                ("unknown_topic", None, "there is no such topic".to_owned())
            } else if let Some(permission) = self.missing_for(&topic) {
                let detail = format!("this needs the permission {permission}");
                ("permission_denied", Some(permission.name()), detail)
            } else if heard >= MOST_TOPICS {
                let detail = format!("at most {MOST_TOPICS} topics can be subscribed to");
                ("too_many_topics", None, detail)
            } else {
                self.place.subscribe(&topic);
                heard += 1;
                subscribed.push(topic);
                continue;
            };
            let refused = ServerFrame::Refused {
                topic: &topic,
                code,
                permission,
                detail,
            };
            self.say(&refused).await?;
        }
        if subscribed.is_empty() {
            return Ok(());
        }
        self.say(&ServerFrame::Subscribed { topics: subscribed }).await
    }

    /// Tells again what has happened since `last`. What happens meanwhile waits in the queue and follows: the socket has been in
    /// the hub since it was opened, so that nothing falls between the two.
    async fn resume(&mut self, last: EventId) -> Step {
        if self.resumed.0.elapsed() > RESUMES_COUNTED {
            self.resumed = (Instant::now(), 0);
        }
        self.resumed.1 += 1;
        if self.resumed.1 > MOST_RESUMES {
            let code = "resumed_too_often";
            let detail = format!("at most {MOST_RESUMES} times a minute; load everything anew");
            return self.say(&ServerFrame::Error { code, detail }).await;
        }
        let live = self.live.clone();
        let Ok(_turn) = live.0.replays.acquire().await else {
            return Err(End::Close(Closing::GOING_AWAY));
        };
        let system = System::acting_for(self.principal.clinic(), COMPONENT);
        let start = self
            .db
            .read(&system, async |tx| replay::start_after(tx, last).await)
            .await;
        let from = match start.map_err(|error| self.unreadable(&error))? {
            Start::From(transaction) => transaction,
            Start::Unknown => {
                let (code, detail) = ("unknown_event", "this event is not known here; load everything anew");
                return self.say(&ServerFrame::Gap { code, detail }).await;
            }
            Start::TooOld => {
                let (code, detail) = ("event_too_old", "events are kept for an hour; load everything anew");
                return self.say(&ServerFrame::Gap { code, detail }).await;
            }
        };
        let topics = self.place.topics();
        let (mut after, mut events) = (None, 0);
        loop {
            let page = self
                .db
                .read(&system, async |tx| replay::page(tx, from, after).await)
                .await;
            let (page, next) = page.map_err(|error| self.unreadable(&error))?;
            for event in page.iter().filter(|event| event.id != last) {
                let Some(frame) = Frame::of_event(&self.live.0.topics, event) else {
                    continue;
                };
                if frame.topics.iter().any(|topic| topics.contains(topic)) {
                    self.replayed.1.insert(event.id);
                    self.send(frame.text.clone(), Some(frame.permission)).await?;
                    events += 1;
                }
            }
            match next {
                Some(position) => after = Some(position),
                None => break,
            }
        }
        self.replayed.0 = Instant::now();
        self.say(&ServerFrame::Resumed { events }).await
    }

    fn unreadable(&self, error: &db::DbError) -> End {
        tracing::warn!(%error, clinic = %self.principal.clinic(), "a live connection cannot be resumed");
        End::Close(Closing::UNAVAILABLE)
    }

    async fn show_typing(&mut self, typing: &Typing) -> Step {
        let topic = format!("conversation:{}", typing.conversation_id);
        let needed = Permission::ConversationsWrite;
        if !self.permissions.contains(needed) {
            let refused = ServerFrame::Refused {
                topic: &topic,
                code: "permission_denied",
                permission: Some(needed.name()),
                detail: format!("this needs the permission {needed}"),
            };
            return self.say(&refused).await;
        }
        if self.typed_at.is_some_and(|last| last.elapsed() < TYPING_PAUSE) {
            return Ok(());
        }
        self.typed_at = Some(Instant::now());
        let actor: Actor = self.principal.actor();
        let data = json!({
            "conversation_id": typing.conversation_id, "active": typing.active,
            "actor": { "kind": actor.kind(), "id": actor.id() },
        });
        self.live
            .pass(self.principal.clinic(), "typing", topic, data, self.place.speaker);
        Ok(())
    }
}
