//! Calendars kept elsewhere: fetched from a real server, they shape slots and bookings here, and tell nothing of what they hold.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use fetch::OutwardRules;
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, world};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::agenda::{column, consulta, count, faults, tuesday, with};
use crate::app::{TestApp, until};

const EXTERNAL: &str = "/v1/calendar/external";

/// A server of calendars that answers each request with what it holds at the time.
#[derive(Clone)]
struct Server {
    address: std::net::SocketAddr,
    answer: Arc<Mutex<String>>,
    requests: Arc<Mutex<Vec<String>>>,
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::default(),
            requests: Arc::default(),
            asked: Arc::default(),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        server
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|read| read > 0) {
            request.push(byte[0]);
        }
        self.requests.lock().unwrap().push(String::from_utf8(request).unwrap());
        let answer = self.answer.lock().unwrap().clone();
        self.asked.fetch_add(1, Ordering::SeqCst);
        if answer.is_empty() {
            // Who holds nothing keeps others waiting.
            std::future::pending::<()>().await;
        }
        let _gone = stream.write_all(answer.as_bytes()).await;
    }

    fn holds(&self, head: &str, body: &str) {
        let length = body.len();
        *self.answer.lock().unwrap() =
            format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    }

    fn url(&self) -> String {
        format!("http://{}/private-0815/basic.ics", self.address)
    }

    fn last_request(&self) -> String {
        self.requests
            .lock()
            .unwrap()
            .last()
            .cloned()
            .unwrap_or_default()
            .to_lowercase()
    }
}

fn calendar(events: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{events}END:VCALENDAR\n").replace('\n', "\r\n")
}

/// On Tuesdays from nine to ten, by the clocks of São Paulo.
fn tuesdays() -> String {
    calendar(
        "BEGIN:VEVENT\nUID:therapy\nSUMMARY:Terapia de casal\nDTSTART;TZID=America/Sao_Paulo:20240102T090000\n\
         DURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=TU\nEND:VEVENT\n",
    )
}

/// A gateway that may call this machine.
async fn app() -> Option<TestApp> {
    TestApp::start_with(|config| config.outward.networks = "127.0.0.1".parse().unwrap()).await
}

fn wanted(url: &str) -> Value {
    json!({ "practitioner_id": world::practitioner("dr-lima"), "name": "Agenda pessoal", "url": url })
}

async fn subscribe(actor: &Actor, url: &str) -> String {
    actor
        .post(EXTERNAL, wanted(url))
        .await
        .expect_status(201)
        .id()
        .to_owned()
}

async fn shown(app: &TestApp, id: &str) -> Answer {
    app.get("reception@aurora", &format!("{EXTERNAL}/{id}"))
        .await
        .expect_status(200)
}

/// Waits until the fetch that is under way has come to `member` being other than null, or `failures` of that number.
async fn settled(app: &TestApp, id: &str, failures: i64) -> Answer {
    let mut last = None;
    until("the calendar is fetched", async || {
        let now = shown(app, id).await;
        let done = now.body["attempted_at"] != Value::Null && now.body["failures"] == failures;
        last = Some(now);
        done
    })
    .await;
    last.unwrap()
}

async fn offered(app: &TestApp) -> Vec<String> {
    let path = format!(
        "/v1/availability/slots?practitioner_id={}&service_id={}&from=2026-11-24&to=2026-11-24&limit=100",
        world::practitioner("dr-lima"),
        world::service("consulta")
    );
    column(
        &app.get("reception@aurora", &path).await.expect_status(200),
        "starts_at",
    )
}

#[tokio::test]
async fn its_events_keep_the_practitioner_busy_and_say_no_more() {
    let Some(app) = app().await else { return };
    let server = Server::start().await;
    server.holds("200 OK\r\nETag: \"v1\"", &tuesdays());
    let reception = app.actor("reception@aurora");
    assert!(offered(&app).await.contains(&"2026-11-24T12:00:00Z".to_owned()));
    let id = subscribe(&reception, &server.url()).await;
    let now = settled(&app, &id, 0).await;
    assert_eq!(
        (&now.body["last_error"], &now.body["busy_blocks"]),
        (&Value::Null, &json!(26)),
        "{now}"
    );
    assert_eq!(now.body["next_attempt_at"], "2026-11-20T13:00:00Z");
    let slots = offered(&app).await;
    for (start, there) in [
        ("2026-11-24T11:30:00Z", true),
        ("2026-11-24T12:00:00Z", false),
        ("2026-11-24T12:30:00Z", false),
        ("2026-11-24T13:00:00Z", true),
    ] {
        assert_eq!(slots.contains(&start.to_owned()), there, "{start}");
    }
    let refused = reception.post("/v1/appointments", consulta(&tuesday("09:30"))).await;
    refused.assert_problem(409, "outside_hours");
    assert_eq!(refused.body["reasons"][0]["code"], "external_calendar");
    assert!(!refused.body["nearest_slots"].as_array().unwrap().is_empty());
    let path = format!(
        "/v1/availability/explain?practitioner_id={}&service_id={}&at=2026-11-24T12:30:00Z",
        world::practitioner("dr-lima"),
        world::service("consulta")
    );
    let explained = app.get("reception@aurora", &path).await.expect_status(200);
    assert_eq!(explained.body["reasons"][0]["code"], "external_calendar");
    assert_eq!(explained.body["reasons"][0]["until"], "2026-11-24T13:00:00Z");
    let overbooked = with(consulta(&tuesday("09:30")), json!({ "overbook": true }));
    reception.post("/v1/appointments", overbooked).await.assert_status(201);
    let series = with(consulta(&tuesday("09:00")), json!({ "rule": "FREQ=WEEKLY;COUNT=2" }));
    let preview = reception
        .post("/v1/appointment-series/preview", series)
        .await
        .expect_status(200);
    assert_eq!(
        preview.body["occurrences"][1]["reasons"][0]["code"],
        "external_calendar"
    );
    // Neither what the events are about nor the address is anywhere to be read.
    let owner = app.database.connect(Role::Maintenance).await;
    for table in ["external_calendars", "external_busy", "outbox", "audit_log"] {
        let query = format!("SELECT count(*) FROM {table} WHERE {table}::text ~* 'terapia|private-0815'");
        assert_eq!(
            owner.query_one(&query, &[]).await.unwrap().get::<_, i64>(0),
            0,
            "{table}"
        );
    }
    assert!(!now.body.to_string().contains("private-0815"));
    assert_eq!(now.body["host"], "127.0.0.1");
    // Nor for another clinic.
    let others = app.actor("director@horizonte");
    others
        .get(&format!("{EXTERNAL}/{id}"))
        .await
        .assert_problem(404, "external_calendar_not_found");
    assert!(others.get(EXTERNAL).await.data().is_empty());
}

#[tokio::test]
async fn it_is_fetched_again_and_again_and_what_goes_there_goes_here() {
    let Some(app) = app().await else { return };
    let server = Server::start().await;
    server.holds("200 OK\r\nETag: \"v1\"", &tuesdays());
    let id = subscribe(&app.actor("reception@aurora"), &server.url()).await;
    settled(&app, &id, 0).await;
    assert!(!server.last_request().contains("if-none-match"));
    server.holds("304 Not Modified", "");
    app.clock.advance(TimeDelta::minutes(61));
    app.shared.wake().notify();
    until("it is asked again", async || server.asked.load(Ordering::SeqCst) == 2).await;
    assert!(
        server.last_request().contains("if-none-match: \"v1\""),
        "{}",
        server.last_request()
    );
    until("that is noted", async || {
        shown(&app, &id).await.body["fetched_at"] != "2026-11-20T12:00:00Z"
    })
    .await;
    assert_eq!(shown(&app, &id).await.body["busy_blocks"], 26);
    server.holds("200 OK", &calendar(""));
    app.clock.advance(TimeDelta::minutes(61));
    app.shared.wake().notify();
    until("the blocks are gone", async || {
        shown(&app, &id).await.body["busy_blocks"] == 0
    })
    .await;
    assert!(offered(&app).await.contains(&"2026-11-24T12:00:00Z".to_owned()));
}

#[tokio::test]
async fn what_fails_is_told_and_what_was_known_stays() {
    let Some(app) = app().await else { return };
    let server = Server::start().await;
    server.holds("200 OK", &tuesdays());
    let reception = app.actor("reception@aurora");
    let id = subscribe(&reception, &server.url()).await;
    settled(&app, &id, 0).await;
    let inward = "302 Found\r\nLocation: http://127.0.0.2/other.ics";
    let huge = format!("{}{}", calendar(""), "x".repeat(2 * 1024 * 1024));
    let cases: [(&str, &str, &str); 6] = [
        ("404 Not Found", "", "http_404"),
        ("200 OK", "<html>sign in</html>", "not_a_calendar"),
        ("200 OK", "", "not_a_calendar"),
        (inward, "", "address_not_allowed"),
        ("302 Found\r\nLocation: /again.ics", "", "bad_redirect"),
        ("200 OK", &huge, "too_large"),
    ];
    for (number, (head, body, word)) in (1..).zip(cases) {
        server.holds(head, body);
        reception
            .post(&format!("{EXTERNAL}/{id}/refresh"), json!({}))
            .await
            .assert_status(202);
        let now = settled(&app, &id, number).await;
        assert_eq!(
            (&now.body["last_error"], &now.body["busy_blocks"]),
            (&json!(word), &json!(26)),
            "{now}"
        );
    }
    let pause = "SELECT extract(epoch FROM next_attempt_at - attempted_at)::bigint FROM external_calendars";
    assert_eq!(count(&app, pause).await, 24 * 3600);
    assert!(!offered(&app).await.contains(&"2026-11-24T12:00:00Z".to_owned()));
    server.holds("200 OK", &tuesdays());
    reception
        .post(&format!("{EXTERNAL}/{id}/refresh"), json!({}))
        .await
        .assert_status(202);
    assert_eq!(settled(&app, &id, 0).await.body["last_error"], Value::Null);
}

#[tokio::test]
async fn of_a_calendar_that_is_partly_broken_the_rest_counts() {
    let Some(app) = app().await else { return };
    let server = Server::start().await;
    let text = calendar(
        "BEGIN:VEVENT\nUID:1\nDTSTART:20261124T120000Z\nDTEND:20261124T130000Z\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:2\nDTSTART:whenever\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:3\nDTSTART:20261124T150000Z\nDURATION:PT1S\nRRULE:FREQ=SECONDLY\nEND:VEVENT\n",
    );
    server.holds("200 OK", &text);
    let id = subscribe(&app.actor("reception@aurora"), &server.url()).await;
    let now = settled(&app, &id, 0).await;
    assert_eq!(
        (&now.body["busy_blocks"], &now.body["skipped_events"]),
        (&json!(1), &json!(2))
    );
}

#[tokio::test]
async fn one_that_is_given_up_keeps_nobody_busy_and_is_fetched_no_more() {
    let Some(app) = app().await else { return };
    let server = Server::start().await;
    server.holds("200 OK", &tuesdays());
    let reception = app.actor("reception@aurora");
    let id = subscribe(&reception, &server.url()).await;
    settled(&app, &id, 0).await;
    reception.delete(&format!("{EXTERNAL}/{id}")).await.assert_status(204);
    reception.delete(&format!("{EXTERNAL}/{id}")).await.assert_status(204);
    assert!(offered(&app).await.contains(&"2026-11-24T12:00:00Z".to_owned()));
    assert_eq!(count(&app, "SELECT count(*) FROM external_busy").await, 0);
    let again = reception.post(&format!("{EXTERNAL}/{id}/refresh"), json!({})).await;
    again.assert_problem(409, "external_calendar_archived");
    app.clock.advance(TimeDelta::days(2));
    app.shared.wake().notify();
    let due = "SELECT count(*) FROM outbox WHERE kind = 'external_calendar.fetch' AND handled_at IS NULL";
    until("its last job is taken and forgotten", async || {
        count(&app, due).await == 0
    })
    .await;
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_edit_counts_at_once_and_an_address_is_judged() {
    let Some(app) = app().await else { return };
    let (first, second) = (Server::start().await, Server::start().await);
    first.holds("200 OK\r\nETag: \"v1\"", &tuesdays());
    second.holds("200 OK", &calendar(""));
    let reception = app.actor("reception@aurora");
    let id = subscribe(&reception, &first.url()).await;
    settled(&app, &id, 0).await;
    let edit = json!({ "url": second.url(), "name": "Outra", "refresh_minutes": 30 });
    reception
        .patch(&format!("{EXTERNAL}/{id}"), edit)
        .await
        .assert_status(200);
    until("the other one is read", async || {
        shown(&app, &id).await.body["busy_blocks"] == 0
    })
    .await;
    assert!(!second.last_request().contains("if-none-match"));
    for (url, code) in [
        ("ftp://example.org/a.ics", "invalid_url"),
        ("http://8.8.8.8/a.ics", "https_required"),
        ("https://me:secret@example.org/a.ics", "credentials_in_url"),
        ("https://169.254.169.254/latest/meta-data", "address_not_allowed"),
        ("https://[::1]/a.ics", "address_not_allowed"),
        ("https://0x7f.2/a.ics", "address_not_allowed"),
    ] {
        let answer = reception.post(EXTERNAL, wanted(url)).await;
        assert_eq!(
            faults(&answer),
            std::collections::BTreeSet::from([("/url", code)]),
            "{url}"
        );
    }
    let odd = with(
        wanted("https://example.org/a.ics"),
        json!({ "name": " ", "refresh_minutes": 5 }),
    );
    let answer = reception.post(EXTERNAL, odd).await;
    let expected = [("/name", "blank"), ("/refresh_minutes", "out_of_range")];
    assert_eq!(faults(&answer), std::collections::BTreeSet::from(expected));
}

#[tokio::test]
async fn without_the_operators_leave_this_machine_is_not_called() {
    let Some(app) = TestApp::start_with(|config| config.outward = OutwardRules::default()).await else {
        return;
    };
    let reception = app.actor("reception@aurora");
    for url in [
        "http://127.0.0.1:9/a.ics",
        "https://127.1:9/a.ics",
        "https://localhost:9/a.ics",
    ] {
        let answer = reception.post(EXTERNAL, wanted(url)).await;
        assert_eq!(
            faults(&answer),
            std::collections::BTreeSet::from([("/url", "address_not_allowed")]),
            "{url}"
        );
    }
}

#[tokio::test]
async fn what_was_allowed_once_is_judged_again_when_it_is_called() {
    let Some(mut app) = app().await else { return };
    let server = Server::start().await;
    server.holds("200 OK", &tuesdays());
    let id = subscribe(&app.actor("reception@aurora"), &server.url()).await;
    settled(&app, &id, 0).await;
    // The operator takes their word back.
    app.start_again_with(|config| config.outward = OutwardRules::default())
        .await;
    app.clock.advance(TimeDelta::minutes(61));
    app.shared.wake().notify();
    assert_eq!(settled(&app, &id, 1).await.body["last_error"], "address_not_allowed");
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
}
