//! Live connections to one gateway: tickets, topics and rights, resuming, and who is cut.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use db::{Db, DbError, PoolConfig};
use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use kernel::{Permission, PermissionSet, System};
use serde_json::{Value, json};
use test_support::{Actor, Api, Role, world};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::agenda::{act, book, consulta, tuesday};
use crate::app::{TestApp, until};

/// How long a frame that must come may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A live connection, from the client's side.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What came over it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard {
    Frame(Value),
    /// Closed with this code; 0 where there was none.
    Closed(u16),
}

/// A ticket for `actor`.
pub(crate) async fn ticket(actor: &Actor) -> String {
    let made = actor.post("/v1/realtime/tickets", json!({})).await.expect_status(201);
    made.body["ticket"].as_str().unwrap().to_owned()
}

/// Connects to `api` with `ticket`; the status, when that is refused.
pub(crate) async fn connect(api: &Api, ticket: &str, origin: Option<&str>) -> Result<Socket, u16> {
    let address = format!("ws://{}/v1/realtime?ticket={ticket}", api.address());
    let mut request = address.into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((stream, _response)) => Ok(Socket(stream)),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("no answer at all: {error}"),
    }
}

impl Socket {
    /// Connects as `actor`, to the gateway that they call.
    pub(crate) async fn open(actor: &Actor) -> Self {
        let ticket = ticket(actor).await;
        connect(actor.api(), &ticket, None)
            .await
            .unwrap_or_else(|status| panic!("refused with {status}"))
    }

    /// Connects as `actor` and hears `topics`.
    pub(crate) async fn hearing(actor: &Actor, topics: &[&str]) -> Self {
        let mut socket = Self::open(actor).await;
        socket.say(json!({ "subscribe": topics })).await;
        let answer = socket.frame().await;
        assert_eq!(answer, json!({"type": "subscribed", "topics": topics}));
        socket
    }

    pub(crate) async fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// What comes next, heartbeats aside.
    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next())
                .await
                .expect("something comes");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if frame["type"] != "ping" {
                        return Heard::Frame(frame);
                    }
                }
                Some(Ok(Message::Close(reason))) => {
                    return Heard::Closed(reason.map_or(0, |reason| reason.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::Closed(0),
            }
        }
    }

    #[track_caller]
    pub(crate) fn frame(&mut self) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        async move {
            match self.next().await {
                Heard::Frame(frame) => frame,
                Heard::Closed(code) => panic!("closed with {code}, at {place}"),
            }
        }
    }

    /// The code it is closed with; what comes before is passed over.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Heard::Closed(code) = self.next().await {
                return code;
            }
        }
    }

    /// Asserts that nothing more was on its way.
    #[track_caller]
    pub(crate) fn assert_quiet(&mut self) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            // The answer comes after whatever was told before it was asked for.
            self.say(json!({ "unsubscribe": ["nothing"] })).await;
            let answer = self.frame().await;
            assert_eq!(answer["type"], "unsubscribed", "{answer}, at {place}");
        }
    }
}

#[tokio::test]
async fn a_ticket_opens_one_connection_once_and_soon() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let used = ticket(&reception).await;
    let _open = connect(&app.api, &used, None).await.unwrap();
    assert_eq!(connect(&app.api, &used, None).await.err(), Some(401), "used");
    let fresh = ticket(&reception).await;
    // What is no handshake, and what comes from a stranger's page, does not use it up.
    let answer = app.api.nobody().get(&format!("/v1/realtime?ticket={fresh}")).await;
    answer.assert_problem(400, "not_a_websocket");
    let stranger = Some("https://elsewhere.example");
    assert_eq!(connect(&app.api, &fresh, stranger).await.err(), Some(403));
    let (here, there) = (
        world::clinic("aurora").as_uuid().simple().to_string(),
        world::clinic("horizonte").as_uuid().simple().to_string(),
    );
    let moved = fresh.replace(&here, &there);
    assert_ne!(moved, fresh);
    assert_eq!(
        connect(&app.api, &moved, None).await.err(),
        Some(401),
        "another clinic's"
    );
    assert_eq!(connect(&app.api, "tmw_nothing", None).await.err(), Some(401));
    let own_page = format!("http://{}", app.api.address());
    assert!(connect(&app.api, &fresh, Some(&own_page)).await.is_ok());
    let late = ticket(&reception).await;
    app.clock.advance(TimeDelta::seconds(30));
    assert_eq!(connect(&app.api, &late, None).await.err(), Some(401), "too late");
}

#[tokio::test]
async fn of_many_who_come_with_one_ticket_one_gets_in() {
    let Some(app) = TestApp::start().await else { return };
    let ticket = ticket(&app.actor("reception@aurora")).await;
    let all = join_all((0..20).map(|_| connect(&app.api, &ticket, None))).await;
    assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_ticket_is_no_good_once_its_maker_has_signed_out() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let ticket = ticket(&reception).await;
    reception.post("/v1/auth/logout", json!({})).await.assert_status(204);
    assert_eq!(connect(&app.api, &ticket, None).await.err(), Some(401));
}

#[tokio::test]
async fn what_happens_is_heard_once_by_those_who_subscribed() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let maria = format!("contact:{}", world::contact("maria"));
    let mut watching = Socket::hearing(&app.actor("admin@aurora"), &["appointments", &maria]).await;
    let mut elsewhere = Socket::hearing(&reception, &["conversations"]).await;
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    let event = watching.frame().await;
    assert_eq!(event["type"], "appointment.booked");
    assert_eq!(event["topic"], "appointments");
    assert_eq!(event["data"]["appointment_id"], booked.id());
    assert!(event["topics"].as_array().unwrap().contains(&json!(maria)), "{event}");
    assert!(event["id"].is_string() && event["occurred_at"].is_string());
    watching.assert_quiet().await;
    elsewhere.assert_quiet().await;

    let own = format!("appointment:{}", booked.id());
    elsewhere.say(json!({ "subscribe": [own] })).await;
    assert_eq!(elsewhere.frame().await["topics"], json!([own]));
    watching.say(json!({ "unsubscribe": ["appointments", maria] })).await;
    assert_eq!(watching.frame().await["type"], "unsubscribed");
    act(&reception, booked.id(), "confirm").await.assert_status(200);
    assert_eq!(elsewhere.frame().await["type"], "appointment.confirmed");
    watching.assert_quiet().await;
}

#[tokio::test]
async fn topics_want_a_permission_and_must_exist() {
    let Some(app) = TestApp::start().await else { return };
    let contacts_only = app
        .integration("aurora", PermissionSet::of(&[Permission::ContactsRead]))
        .await;
    let mut socket = Socket::open(&contacts_only).await;
    let maria = format!("contact:{}", world::contact("maria"));
    socket
        .say(json!({ "subscribe": ["appointments", "secrets", maria] }))
        .await;
    let refused = socket.frame().await;
    assert_eq!(
        (&refused["type"], &refused["code"], &refused["permission"]),
        (
            &json!("refused"),
            &json!("permission_denied"),
            &json!("appointments:read")
        )
    );
    assert_eq!(socket.frame().await["code"], "unknown_topic");
    assert_eq!(socket.frame().await, json!({"type": "subscribed", "topics": [maria]}));
    // The event names Maria, but is about an appointment.
    book(&app.actor("reception@aurora"), consulta(&tuesday("09:00"))).await;
    socket.assert_quiet().await;
    socket.say(json!({ "shout": true })).await;
    assert_eq!(socket.frame().await["code"], "malformed_frame");
}

#[tokio::test]
async fn no_clinic_hears_another() {
    let Some(app) = TestApp::start().await else { return };
    let neighbour = app.actor("owner@horizonte");
    let maria = format!("contact:{}", world::contact("maria"));
    let mut socket = Socket::hearing(&neighbour, &["appointments", &maria]).await;
    let booked = book(&app.actor("reception@aurora"), consulta(&tuesday("09:00"))).await;
    socket.assert_quiet().await;
    // Nor by resuming from the other clinic's event.
    let event = last_event(&app, "aurora").await;
    socket.say(json!({ "resume": event })).await;
    assert_eq!(socket.frame().await["code"], "unknown_event", "{}", booked.id());
}

/// The id of the clinic's latest event.
async fn last_event(app: &TestApp, clinic: &str) -> String {
    let client = app.database.connect(Role::Maintenance).await;
    let row = client
        .query_one(
            "SELECT id::text FROM outbox WHERE clinic_id = $1 AND class = 'event' ORDER BY written_at DESC LIMIT 1",
            &[world::clinic(clinic).as_uuid()],
        )
        .await
        .unwrap();
    row.get(0)
}

#[tokio::test]
async fn who_was_away_is_told_what_happened() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let mut socket = Socket::hearing(&reception, &["appointments"]).await;
    book(&reception, consulta(&tuesday("09:00"))).await;
    let last = socket.frame().await["id"].clone();
    drop(socket);
    let missed = book(&reception, consulta(&tuesday("10:00"))).await;
    act(&reception, missed.id(), "confirm").await.assert_status(200);
    let mut socket = Socket::open(&reception).await;
    // In one frame: subscribed first, then resumed.
    socket
        .say(json!({ "subscribe": ["appointments"], "resume": last }))
        .await;
    assert_eq!(socket.frame().await["type"], "subscribed");
    let (first, second) = (socket.frame().await, socket.frame().await);
    assert_eq!(
        (&first["type"], &second["type"]),
        (&json!("appointment.booked"), &json!("appointment.confirmed"))
    );
    assert_eq!(first["data"]["appointment_id"], missed.id());
    assert_eq!(socket.frame().await, json!({"type": "resumed", "events": 2}));
    act(&reception, missed.id(), "check-in").await.assert_status(200);
    assert_eq!(socket.frame().await["type"], "appointment.checked_in");
}

#[tokio::test]
async fn who_was_away_for_too_long_is_told_to_load_anew() {
    let Some(app) = TestApp::start().await else { return };
    book(&app.actor("reception@aurora"), consulta(&tuesday("09:00"))).await;
    let last = last_event(&app, "aurora").await;
    app.clock.advance(TimeDelta::minutes(61));
    let mut socket = Socket::hearing(&app.actor("reception@aurora"), &["appointments"]).await;
    socket.say(json!({ "resume": last })).await;
    let gap = socket.frame().await;
    assert_eq!((&gap["type"], &gap["code"]), (&json!("gap"), &json!("event_too_old")));
    let unknown = kernel::EventId::new_at(kernel::Clock::now(&*app.clock));
    socket.say(json!({ "resume": unknown })).await;
    assert_eq!(socket.frame().await["code"], "unknown_event");
}

#[tokio::test]
async fn who_resumes_again_and_again_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    book(&app.actor("reception@aurora"), consulta(&tuesday("09:00"))).await;
    let last = last_event(&app, "aurora").await;
    let mut socket = Socket::hearing(&app.actor("reception@aurora"), &["appointments"]).await;
    for _ in 0..5 {
        socket.say(json!({ "resume": last })).await;
        assert_eq!(socket.frame().await["type"], "resumed");
    }
    socket.say(json!({ "resume": last })).await;
    let refused = socket.frame().await;
    assert_eq!(
        (&refused["type"], &refused["code"]),
        (&json!("error"), &json!("resumed_too_often"))
    );
    book(&app.actor("reception@aurora"), consulta(&tuesday("10:00"))).await;
    assert_eq!(socket.frame().await["type"], "appointment.booked", "it hears on");
}

/// A way to write as the gateway of `app` does, on the test's own runtime.
fn writer(app: &TestApp) -> Db {
    let pool = PoolConfig {
        max_connections: 4,
        wait: Duration::from_secs(20),
    };
    app.shared.database(app.database.config(Role::App), pool)
}

/// Tells event `number`, after `meanwhile` has been waited for inside the transaction that tells it.
async fn tell(db: &Db, number: usize, meanwhile: impl AsyncFn()) {
    let system = System::acting_for(world::clinic("aurora"), "tests");
    let told: Result<(), DbError> = db
        .write(&system, async |tx| {
            // From here on the transaction has its number, however late it commits.
            use diesel_async::SimpleAsyncConnection;
            (&mut tx.conn()).batch_execute("SELECT pg_current_xact_id()").await?;
            meanwhile().await;
            tx.emit(
                "appointment.updated",
                &json!({ "contact_id": world::contact("maria"), "number": number }),
            );
            Ok(())
        })
        .await;
    told.unwrap();
}

#[tokio::test]
async fn resuming_again_and_again_misses_nothing_that_many_writers_tell() {
    const WRITERS: usize = 4;
    const EACH: usize = 40;
    let Some(app) = TestApp::start().await else { return };
    let (db, reception) = (writer(&app), app.actor("reception@aurora"));
    let others_are_done = Notify::new();
    let late = tell(&db, WRITERS * EACH, async || others_are_done.notified().await);
    let db = &db;
    let writers = (0..WRITERS).map(|writer| async move {
        for number in 0..EACH {
            tell(db, writer * EACH + number, tokio::task::yield_now).await;
        }
    });
    let others = async {
        join_all(writers.collect::<Vec<_>>()).await;
        // Far behind all others, the first of all transactions commits.
        others_are_done.notify_one();
    };
    let all_written = async { tokio::join!(late, others) };
    let all_heard = async {
        let (mut seen, mut last, mut turn) = (BTreeSet::new(), Value::Null, 0);
        while seen.len() < WRITERS * EACH + 1 {
            turn += 1;
            let mut socket = Socket::open(&reception).await;
            socket
                .say(json!({ "subscribe": ["appointments"], "resume": last }))
                .await;
            // A few events, then the line breaks.
            let mut left = 5 + turn * 7 % 23;
            while left > 0 && seen.len() < WRITERS * EACH + 1 {
                let frame = socket.frame().await;
                if frame["id"].is_string() {
                    last = frame["id"].clone();
                    // What is told again does not bring the end nearer.
                    left -= usize::from(seen.insert(frame["data"]["number"].as_u64().unwrap()));
                }
            }
        }
    };
    tokio::join!(all_written, all_heard);
}

#[tokio::test]
async fn who_does_not_read_is_cut_and_the_others_are_not() {
    let change = |config: &mut gateway::config::Config| config.realtime.queue = 16;
    let Some(app) = TestApp::start_with(change).await else {
        return;
    };
    let (db, reception) = (writer(&app), app.actor("reception@aurora"));
    let mut slow = Socket::hearing(&reception, &["appointments"]).await;
    let mut quick = Socket::hearing(&reception, &["appointments"]).await;
    let system = System::acting_for(world::clinic("aurora"), "tests");
    let much = "x".repeat(256 << 10);
    // More than the buffers of both sides of a connection hold.
    let writing = async {
        for _ in 0..120 {
            let told: Result<(), DbError> = db
                .write(&system, async |tx| {
                    tx.emit("appointment.updated", &json!({ "much": much }));
                    Ok(())
                })
                .await;
            told.unwrap();
            // One after the other, so that who reads keeps up.
            assert_eq!(quick.frame().await["type"], "appointment.updated");
        }
    };
    writing.await;
    assert_eq!(slow.closed().await, 4408);
    book(&reception, consulta(&tuesday("09:00"))).await;
    assert_eq!(quick.frame().await["type"], "appointment.booked");
}

#[tokio::test]
async fn a_connection_ends_with_the_rights_it_was_opened_by() {
    let Some(app) = TestApp::start().await else { return };
    let (owner, reception) = (app.actor("owner@aurora"), app.actor("reception@aurora"));
    let mut signed_out = Socket::hearing(&reception, &["appointments"]).await;
    let maintenance = app.database.connect(Role::Maintenance).await;
    let key = app
        .integration("aurora", PermissionSet::of(&[Permission::AppointmentsRead]))
        .await;
    let mut of_key = Socket::hearing(&key, &["appointments"]).await;
    let mut demoted = Socket::hearing(&app.actor("admin@aurora"), &["appointments"]).await;
    let mut kept = Socket::hearing(&owner, &["appointments"]).await;

    reception.post("/v1/auth/logout", json!({})).await.assert_status(204);
    book(&owner, consulta(&tuesday("09:00"))).await;
    assert_eq!(
        signed_out.next().await,
        Heard::Closed(4401),
        "nothing was told any more"
    );
    assert_eq!(of_key.frame().await["type"], "appointment.booked");
    assert_eq!(demoted.frame().await["type"], "appointment.booked");

    let admin = format!("/v1/staff/{}", world::membership("admin@aurora"));
    owner
        .patch(&admin, json!({"roles": ["auditor"]}))
        .await
        .assert_status(200);
    book(&owner, consulta(&tuesday("10:00"))).await;
    assert_eq!(demoted.next().await, Heard::Closed(4403));
    assert_eq!(of_key.frame().await["type"], "appointment.booked");

    // Where nobody tells this process of it, it finds out by itself.
    maintenance
        .execute(
            "UPDATE api_keys SET archived_at = now() WHERE clinic_id = $1",
            &[world::clinic("aurora").as_uuid()],
        )
        .await
        .unwrap();
    assert_eq!(of_key.closed().await, 4401);
    assert_eq!(kept.frame().await["type"], "appointment.booked");
}

#[tokio::test]
async fn what_another_process_commits_is_found_without_a_bus() {
    let Some(app) = TestApp::start().await else { return };
    let other = app.neighbour(|_config| {}).await;
    let mut socket = Socket::hearing(&app.actor("reception@aurora"), &["appointments"]).await;
    let booked = book(&other.actor("reception@aurora"), consulta(&tuesday("09:00"))).await;
    assert_eq!(socket.frame().await["data"]["appointment_id"], booked.id());
    // Once, however often the keeper looks.
    let again = book(&other.actor("reception@aurora"), consulta(&tuesday("10:00"))).await;
    assert_eq!(socket.frame().await["data"]["appointment_id"], again.id());
    socket.assert_quiet().await;
}

#[tokio::test]
async fn one_person_has_so_many_connections_and_gets_them_back() {
    let change = |config: &mut gateway::config::Config| config.realtime.sockets_per_principal = 2;
    let Some(app) = TestApp::start_with(change).await else {
        return;
    };
    let reception = app.actor("reception@aurora");
    let first = Socket::open(&reception).await;
    let _second = Socket::open(&reception).await;
    let refused = connect(&app.api, &ticket(&reception).await, None).await;
    assert_eq!(refused.err(), Some(429));
    assert!(
        connect(&app.api, &ticket(&app.actor("admin@aurora")).await, None)
            .await
            .is_ok()
    );
    drop(first);
    until("a place is given back", async || {
        connect(&app.api, &ticket(&reception).await, None).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let Some(mut app) = TestApp::start().await else { return };
    let mut socket = Socket::hearing(&app.actor("reception@aurora"), &["appointments"]).await;
    app.begin_stop();
    assert_eq!(socket.closed().await, 1001);
    drop(socket);
    app.ended();
}

#[tokio::test]
async fn writing_is_shown_to_the_others_who_look() {
    let Some(app) = TestApp::start().await else { return };
    let conversation = kernel::EventId::new_at(kernel::Clock::now(&*app.clock)).to_string();
    let topic = format!("conversation:{conversation}");
    let (reception, lima) = (app.actor("reception@aurora"), app.actor("practitioner@aurora"));
    let mut writing = Socket::hearing(&reception, &[&topic]).await;
    let mut looking = Socket::hearing(&lima, &[&topic]).await;
    let mut stranger = Socket::hearing(&app.actor("owner@horizonte"), &[&topic]).await;
    writing
        .say(json!({ "typing": { "conversation_id": conversation } }))
        .await;
    let shown = looking.frame().await;
    assert_eq!((&shown["type"], &shown["topic"]), (&json!("typing"), &json!(topic)));
    assert_eq!(shown["data"]["active"], true);
    assert_eq!(
        shown["data"]["actor"]["id"],
        world::user("reception@aurora").to_string()
    );
    assert!(shown.get("id").is_none());
    writing.assert_quiet().await;
    stranger.assert_quiet().await;
    let reader = app
        .integration("aurora", PermissionSet::of(&[Permission::ConversationsRead]))
        .await;
    let mut reader = Socket::open(&reader).await;
    reader
        .say(json!({ "typing": { "conversation_id": conversation } }))
        .await;
    assert_eq!(reader.frame().await["permission"], "conversations:write");
}
