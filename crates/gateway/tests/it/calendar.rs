//! Calendar feeds: who sees what, for how long, and that a calendar program reads them.

mod client;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use kernel::{Permission, PermissionSet};
use serde_json::{Value, json};
use test_support::{Answer, Role, world};

use crate::agenda::{act, book, column, consulta, count, faults, tuesday, with};
use crate::app::TestApp;

const FEEDS: &str = "/v1/calendar/feeds";

/// A new feed, as its maker sees it.
async fn feed(app: &TestApp, body: Value) -> Answer {
    let made = app.actor("reception@aurora").post(FEEDS, body).await;
    made.expect_status(201)
}

/// dr-lima's feed.
async fn feed_of_lima(app: &TestApp) -> Answer {
    feed(
        app,
        json!({ "name": "Agenda", "practitioner_id": world::practitioner("dr-lima") }),
    )
    .await
}

/// What a calendar program is sent.
async fn fetch(app: &TestApp, feed: &Answer) -> Answer {
    app.api.nobody().get(feed.body["path"].as_str().unwrap()).await
}

/// The lines of a calendar, those that were folded made one again (RFC 5545, 3.1).
fn lines(calendar: &Answer) -> Vec<String> {
    let text = std::str::from_utf8(&calendar.bytes).unwrap();
    assert!(
        text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']),
        "{text:?}"
    );
    text.replace("\r\n ", "")
        .trim_end()
        .split("\r\n")
        .map(str::to_owned)
        .collect()
}

/// The properties of each event, by the id of its appointment.
fn events(calendar: &Answer) -> BTreeMap<String, BTreeMap<String, String>> {
    let lines = lines(calendar);
    let mut events = BTreeMap::new();
    for block in lines.split(|line| line == "BEGIN:VEVENT").skip(1) {
        let properties: BTreeMap<_, _> = block
            .iter()
            .take_while(|line| *line != "END:VEVENT")
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let id = properties["UID"].strip_suffix("@taskmed").unwrap().to_owned();
        events.insert(id, properties);
    }
    events
}

#[tokio::test]
async fn a_feed_shows_a_practitioners_appointments_to_whoever_has_its_address() {
    let Some(app) = TestApp::start().await else { return };
    let calendar = fetch(&app, &feed_of_lima(&app).await).await.expect_status(200);
    assert_eq!(calendar.header("content-type"), Some("text/calendar; charset=utf-8"));
    let events = events(&calendar);
    let ids = ["maria-monday", "joao-monday"].map(|key| world::appointment(key).to_string());
    assert_eq!(events.keys().collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
    let maria = &events[&ids[0]];
    assert_eq!(
        (maria["DTSTART"].as_str(), maria["DTEND"].as_str()),
        ("20261123T130000Z", "20261123T133000Z")
    );
    assert_eq!(
        (maria["STATUS"].as_str(), maria["SEQUENCE"].as_str()),
        ("TENTATIVE", "0")
    );
    assert_eq!(events[&ids[1]]["STATUS"], "CONFIRMED");
}

#[tokio::test]
async fn a_feed_of_the_clinic_shows_all_and_one_of_a_room_its_own() {
    let Some(app) = TestApp::start().await else { return };
    let room = json!({ "room_id": world::room("consultorio-2") });
    let in_room = book(
        &app.actor("reception@aurora"),
        with(consulta(&tuesday("09:00")), room.clone()),
    )
    .await;
    let of_clinic = feed(&app, json!({ "name": "Tudo" })).await;
    assert_eq!(events(&fetch(&app, &of_clinic).await).len(), 4);
    let of_room = feed(&app, with(room, json!({ "name": "Sala" }))).await;
    let of_room = events(&fetch(&app, &of_room).await);
    assert_eq!(of_room.keys().collect::<Vec<_>>(), [in_room.id()]);
    assert_eq!(of_room[in_room.id()]["LOCATION"], "Consultório 2");
}

#[tokio::test]
async fn names_are_shown_only_when_that_was_asked_for() {
    let Some(app) = TestApp::start().await else { return };
    let silent = fetch(&app, &feed_of_lima(&app).await).await;
    let text = String::from_utf8_lossy(&silent.bytes).into_owned();
    assert!(!text.contains("Silva") && !text.contains("Pereira"), "{text}");
    let id = world::appointment("maria-monday").to_string();
    assert_eq!(events(&silent)[&id]["SUMMARY"], "Consulta M.C.S.");
    let body = json!({ "name": "Agenda", "show_contact_names": true });
    let named = events(&fetch(&app, &feed(&app, body).await).await);
    assert_eq!(named[&id]["SUMMARY"], "Maria da Conceição Silva – Consulta");
}

#[tokio::test]
async fn notes_are_never_shown() {
    let Some(app) = TestApp::start().await else { return };
    book(
        &app.actor("reception@aurora"),
        with(consulta(&tuesday("09:00")), json!({ "notes": "Segredo" })),
    )
    .await;
    let calendar = fetch(
        &app,
        &feed(&app, json!({ "name": "Agenda", "show_contact_names": true })).await,
    )
    .await;
    assert!(!String::from_utf8_lossy(&calendar.bytes).contains("Segredo"));
}

#[tokio::test]
async fn a_feed_with_names_needs_the_right_to_see_them() {
    let Some(app) = TestApp::start().await else { return };
    let clerk = app
        .integration("aurora", PermissionSet::of(&[Permission::AppointmentsWrite]))
        .await;
    let refused = clerk
        .post(FEEDS, json!({ "name": "Agenda", "show_contact_names": true }))
        .await;
    refused.assert_problem(403, "permission_denied");
    clerk.post(FEEDS, json!({ "name": "Agenda" })).await.assert_status(201);
}

#[tokio::test]
async fn what_is_cancelled_stays_and_counts_up() {
    let Some(app) = TestApp::start().await else { return };
    let feed = feed_of_lima(&app).await;
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    let path = format!("/v1/appointments/{}/reschedule", booked.id());
    reception
        .post(&path, json!({ "starts_at": tuesday("10:00") }))
        .await
        .assert_status(200);
    let moved = events(&fetch(&app, &feed).await)[booked.id()].clone();
    assert_eq!(
        (moved["DTSTART"].as_str(), moved["SEQUENCE"].as_str()),
        ("20261124T130000Z", "1")
    );
    act(&reception, booked.id(), "cancel").await.assert_status(200);
    let cancelled = events(&fetch(&app, &feed).await)[booked.id()].clone();
    assert_eq!(
        (cancelled["STATUS"].as_str(), cancelled["SEQUENCE"].as_str()),
        ("CANCELLED", "2")
    );
    assert_eq!(
        (&cancelled["UID"], &cancelled["DTSTART"]),
        (&moved["UID"], &moved["DTSTART"])
    );
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let Some(app) = TestApp::start().await else { return };
    let feed = feed_of_lima(&app).await;
    let path = feed.body["path"].as_str().unwrap().to_owned();
    let first = fetch(&app, &feed).await.expect_status(200);
    let again = |tag: String| {
        let nobody = app.api.nobody();
        let call = nobody.call(reqwest::Method::GET, &path).header("if-none-match", tag);
        call.send()
    };
    app.clock.advance(TimeDelta::hours(2));
    let unchanged = again(first.etag().to_owned()).await.expect_status(304);
    assert!(unchanged.bytes.is_empty());
    book(&app.actor("reception@aurora"), consulta(&tuesday("09:00"))).await;
    let changed = again(first.etag().to_owned()).await.expect_status(200);
    assert_ne!(changed.etag(), first.etag());
}

#[tokio::test]
async fn a_feed_that_is_revoked_is_gone() {
    let Some(app) = TestApp::start().await else { return };
    let feed = feed_of_lima(&app).await;
    fetch(&app, &feed).await.assert_status(200);
    let reception = app.actor("reception@aurora");
    let id = feed.body["feed"]["id"].as_str().unwrap();
    reception.delete(&format!("{FEEDS}/{id}")).await.assert_status(204);
    fetch(&app, &feed).await.assert_status(404);
    assert!(reception.get(FEEDS).await.data().is_empty());
    assert_eq!(
        column(&reception.get(&format!("{FEEDS}?revoked=true")).await, "id"),
        [id]
    );
}

#[tokio::test]
async fn an_address_that_was_never_given_answers_as_one_that_was_revoked() {
    let Some(app) = TestApp::start().await else { return };
    let token = feed_of_lima(&app).await.body["token"].as_str().unwrap().to_owned();
    let secret = token.rsplit('_').next().unwrap().to_owned();
    let elsewhere = token.replacen(
        &world::clinic("aurora").as_uuid().simple().to_string(),
        &world::clinic("horizonte").as_uuid().simple().to_string(),
        1,
    );
    assert_ne!(elsewhere, token);
    for guess in [
        elsewhere,
        format!("{token}x"),
        secret,
        "tmf_".to_owned(),
        "agenda".to_owned(),
    ] {
        let answer = app.api.nobody().get(&format!("/calendar/{guess}.ics")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (404, "calendar_feed_not_found"),
            "{guess}: {answer}"
        );
    }
}

#[tokio::test]
async fn the_address_is_shown_once_and_not_kept() {
    let Some(app) = TestApp::start().await else { return };
    let feed = feed_of_lima(&app).await;
    let token = feed.body["token"].as_str().unwrap();
    let seen = app
        .get("reception@aurora", feed.header("location").unwrap())
        .await
        .expect_status(200);
    assert!(!seen.to_string().contains(token));
    let kept = format!("SELECT count(*) FROM calendar_feeds f WHERE f::text LIKE '%{token}%'");
    assert_eq!(count(&app, &kept).await, 0);
}

#[tokio::test]
async fn another_clinics_feed_is_not_there_to_see_or_revoke() {
    let Some(app) = TestApp::start().await else { return };
    let feed = feed_of_lima(&app).await;
    let other = app.actor("reception@horizonte");
    let path = feed.header("location").unwrap();
    assert_eq!(other.get(path).await.status, 404);
    assert_eq!(other.delete(path).await.status, 404);
    fetch(&app, &feed).await.assert_status(200);
}

#[tokio::test]
async fn a_feed_of_what_is_not_there_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for (member, id) in [
        ("practitioner_id", world::practitioner("dr-alves").to_string()),
        ("room_id", world::room("sala-azul").to_string()),
    ] {
        let refused = reception.post(FEEDS, json!({ "name": "Agenda", member: id })).await;
        assert_eq!(
            faults(&refused).iter().map(|fault| fault.0).collect::<Vec<_>>(),
            [format!("/{member}")]
        );
    }
    let both = json!({
        "name": "Agenda", "practitioner_id": world::practitioner("dr-lima"), "room_id": world::room("consultorio-1")
    });
    assert_eq!(
        faults(&reception.post(FEEDS, both).await),
        [("/room_id", "conflicting")].into()
    );
}

#[tokio::test]
async fn no_text_can_add_lines_to_a_calendar() {
    let Some(app) = TestApp::start().await else { return };
    let nasty = "Sala, 1; \\nBEGIN:VEVENT\\, \"x\"";
    let director = app.actor("director@aurora");
    let with_break = json!({ "name": "Sala\r\nBEGIN:VEVENT" });
    assert!(!faults(&director.post("/v1/rooms", with_break).await).is_empty());
    let room = director
        .post("/v1/rooms", json!({ "name": nasty }))
        .await
        .expect_status(201);
    // What the API refuses may still have come into the tables by another way.
    let maintenance = app.database.connect(Role::Maintenance).await;
    let name = "Maria\r\nEND:VEVENT\nATTENDEE:mailto:x@example.com\rX-A:B";
    maintenance
        .execute("UPDATE contacts SET name = $1 WHERE name LIKE 'Maria%'", &[&name])
        .await
        .unwrap();
    let room_id = json!({ "room_id": room.id() });
    let booked = book(
        &app.actor("reception@aurora"),
        with(consulta(&tuesday("09:00")), room_id.clone()),
    )
    .await;
    let names = json!({ "name": nasty, "show_contact_names": true });
    let calendar = fetch(&app, &feed(&app, with(room_id, names)).await)
        .await
        .expect_status(200);
    let lines = lines(&calendar);
    for (start, times) in [("BEGIN:", 2), ("END:", 2), ("ATTENDEE", 0), ("X-A:", 0)] {
        assert_eq!(
            lines.iter().filter(|line| line.starts_with(start)).count(),
            times,
            "{start} in {lines:#?}"
        );
    }
    let location = &events(&calendar)[booked.id()]["LOCATION"];
    assert_eq!(location, "Sala\\, 1\\; \\\\nBEGIN:VEVENT\\\\\\, \"x\"");
}
