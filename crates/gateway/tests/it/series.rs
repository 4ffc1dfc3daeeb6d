//! Series: every occurrence is looked at before any is booked, and all stand or fall together.

mod scopes;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, world};

use crate::agenda::{book, column, consulta, contested, count, exame, faults, race, same, tally, tuesday, with};
use crate::app::TestApp;

const SERIES: &str = "/v1/appointment-series";
const PREVIEW: &str = "/v1/appointment-series/preview";

/// Maria's `consulta` with dr-lima on Tuesdays at nine, `changes` aside.
fn tuesdays(changes: Value) -> Value {
    with(
        with(consulta(&tuesday("09:00")), json!({ "rule": "FREQ=WEEKLY;COUNT=4" })),
        changes,
    )
}

/// What is told of each occurrence under `name`.
fn told(answer: &Answer, name: &str) -> Vec<String> {
    let occurrences = answer.body["occurrences"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"));
    occurrences
        .iter()
        .map(|one| one[name].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn make(actor: &Actor, body: Value) -> Answer {
    actor.post(SERIES, body).await.expect_status(201)
}

fn id_of(made: &Answer) -> String {
    made.body["series"]["id"].as_str().unwrap().to_owned()
}

/// The appointments of a series, in order of time.
async fn appointments(actor: &Actor, series: &str) -> Vec<Value> {
    let page = actor
        .get(&format!("/v1/appointments?series_id={series}&limit=100"))
        .await
        .expect_status(200);
    page.data().to_vec()
}

fn starts(appointments: &[Value]) -> Vec<&str> {
    appointments
        .iter()
        .map(|one| one["starts_at"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_series_is_appointments_that_know_where_they_belong() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let preview = reception.post(PREVIEW, tuesdays(json!({}))).await.expect_status(200);
    assert_eq!(preview.body["free"], true);
    assert_eq!(told(&preview, "outcome"), ["booked"; 4]);
    assert_eq!(
        count(&app, "SELECT count(*) FROM appointments WHERE series_id IS NOT NULL").await,
        0
    );
    let made = make(&reception, tuesdays(json!({ "notes": "Fisioterapia" }))).await;
    let id = id_of(&made);
    assert_eq!(made.header("location"), Some(format!("{SERIES}/{id}").as_str()));
    assert_eq!(made.body["series"]["rule"], "FREQ=WEEKLY;COUNT=4");
    assert_eq!(made.body["series"]["zone"], "America/Sao_Paulo");
    let booked = appointments(&reception, &id).await;
    assert_eq!(
        starts(&booked),
        [
            "2026-11-24T12:00:00Z",
            "2026-12-01T12:00:00Z",
            "2026-12-08T12:00:00Z",
            "2026-12-15T12:00:00Z"
        ]
    );
    for one in &booked {
        assert_eq!(one["occurrence_at"], one["starts_at"]);
        assert_eq!(
            (&one["notes"], &one["series_exception"]),
            (&json!("Fisioterapia"), &json!(false))
        );
        assert_eq!(one["price"]["currency"], "BRL");
    }
    let ids: Vec<_> = booked.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(told(&made, "appointment_id"), ids);
    let shown = reception.get(&format!("{SERIES}/{id}")).await.expect_status(200);
    assert_eq!(shown.body, made.body["series"]);
    let listed = reception
        .get(&format!("{SERIES}?contact_id={}", world::contact("maria")))
        .await
        .expect_status(200);
    assert_eq!(column(&listed, "id"), std::slice::from_ref(&id));
    let history = reception.get(&format!("/v1/appointments/{}/history", ids[0])).await;
    assert_eq!(column(&history, "action"), ["book"]);
    for (query, expected) in [
        ("SELECT count(*) FROM outbox WHERE kind = 'appointment.booked'", 4),
        (
            "SELECT count(*) FROM outbox WHERE kind = 'appointment_series.created'",
            1,
        ),
        (
            "SELECT count(*) FROM audit_log WHERE action = 'appointment_series.create'",
            1,
        ),
    ] {
        assert_eq!(count(&app, query).await, expected, "{query}");
    }
    // Another clinic sees nothing of it.
    let others = app.actor("director@horizonte");
    others
        .get(&format!("{SERIES}/{id}"))
        .await
        .assert_problem(404, "series_not_found");
    assert!(appointments(&others, &id).await.is_empty());
}

#[tokio::test]
async fn conflicts_are_told_one_by_one_and_nothing_is_written() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, consulta("2026-12-01T09:15:00-03:00")).await;
    let off = json!({
        "practitioner_id": world::practitioner("dr-lima"),
        "starts_at": "2026-12-15T00:00:00-03:00", "ends_at": "2026-12-16T00:00:00-03:00"
    });
    app.actor("director@aurora")
        .post("/v1/time-off", off)
        .await
        .assert_status(201);
    let preview = reception.post(PREVIEW, tuesdays(json!({}))).await.expect_status(200);
    let verdicts = ["ok", "appointment_conflict", "ok", "outside_hours"];
    assert_eq!(told(&preview, "verdict"), verdicts);
    assert_eq!(preview.body["free"], false);
    assert_eq!(preview.body["occurrences"][1]["taken"], "practitioner");
    assert_eq!(preview.body["occurrences"][3]["reasons"][0]["code"], "time_off");
    let nearest = preview.body["occurrences"][1]["nearest_slots"].as_array().unwrap();
    assert_eq!(nearest.len(), 3, "{preview}");
    let refused = reception.post(SERIES, tuesdays(json!({}))).await;
    refused.assert_problem(409, "series_conflicts");
    let conflicts = refused.body["conflicts"].as_array().unwrap();
    let at: Vec<_> = conflicts
        .iter()
        .map(|one| one["occurrence_at"].as_str().unwrap())
        .collect();
    assert_eq!(at, ["2026-12-01T12:00:00Z", "2026-12-15T12:00:00Z"]);
    assert_eq!(count(&app, "SELECT count(*) FROM appointment_series").await, 0);
    assert_eq!(
        count(&app, "SELECT count(*) FROM appointments WHERE series_id IS NOT NULL").await,
        0
    );
    // A near slot that was named can be had.
    let other = &nearest[0]["starts_at"];
    let chosen = tuesdays(json!({ "choices": [
        { "occurrence_at": "2026-12-01T12:00:00Z", "starts_at": other },
        { "occurrence_at": "2026-12-15T12:00:00Z", "skip": true },
    ] }));
    let made = make(&reception, chosen).await;
    assert_eq!(told(&made, "outcome"), ["booked", "booked", "booked", "skipped"]);
    let booked = appointments(&reception, &id_of(&made)).await;
    let moved = booked.iter().find(|one| one["starts_at"] == *other).unwrap();
    assert_eq!(
        (&moved["occurrence_at"], &moved["series_exception"]),
        (&json!("2026-12-01T12:00:00Z"), &json!(true))
    );
    assert_eq!(booked.len(), 3);
}

#[tokio::test]
async fn what_cannot_be_had_is_left_out_or_squeezed_in_as_asked() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, consulta("2026-12-01T09:00:00-03:00")).await;
    let skipping = make(&reception, tuesdays(json!({ "on_conflict": "skip" }))).await;
    assert_eq!(told(&skipping, "outcome"), ["booked", "skipped", "booked", "booked"]);
    // All four are taken now.
    let nothing = reception.post(SERIES, tuesdays(json!({ "on_conflict": "skip" }))).await;
    nothing.assert_problem(409, "series_conflicts");
    let squeezed = make(&reception, tuesdays(json!({ "on_conflict": "overbook" }))).await;
    assert_eq!(told(&squeezed, "outcome"), ["overbooked"; 4]);
    let booked = appointments(&reception, &id_of(&squeezed)).await;
    assert!(booked.iter().all(|one| one["overbooked"] == true));
    let writes = kernel::PermissionSet::from_iter([kernel::Permission::AppointmentsWrite]);
    let integration = app.integration("aurora", writes).await;
    let denied = integration
        .post(SERIES, tuesdays(json!({ "on_conflict": "overbook" })))
        .await;
    denied.assert_problem(403, "permission_denied");
}

#[tokio::test]
async fn rooms_are_chosen_for_each_occurrence() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let body = with(exame(&tuesday("09:00")), json!({ "rule": "FREQ=DAILY;COUNT=3" }));
    let made = make(&reception, body.clone()).await;
    let booked = appointments(&reception, &id_of(&made)).await;
    assert!(booked.iter().all(|one| one["room_id"].is_string()), "{booked:?}");
    assert_eq!(told(&made, "room_id").len(), 3);
    // Occurrences that overlap are in each other's way.
    let overlapping = with(
        consulta(&tuesday("08:00")),
        json!({ "rule": "FREQ=DAILY;COUNT=2", "service_id": null, "ends_at": "2026-11-25T08:00:00-03:00" }),
    );
    let preview = reception.post(PREVIEW, overlapping).await.expect_status(200);
    assert_eq!(told(&preview, "verdict"), ["outside_hours", "outside_hours"]);
}

#[tokio::test]
async fn what_makes_no_series_is_told_with_its_place() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for (changes, pointer, code) in [
        (json!({ "rule": "FREQ=WEEKLY" }), "/rule", "endless"),
        (json!({ "rule": "FREQ=HOURLY;COUNT=3" }), "/rule", "sub_daily"),
        (json!({ "rule": "FREQ=DAILY;BYHOUR=9,10;COUNT=3" }), "/rule", "by_time"),
        (json!({ "rule": "every day" }), "/rule", "invalid_rule"),
        (json!({ "rule": "FREQ=DAILY;COUNT=1000" }), "/rule", "too_long"),
        (
            json!({ "rule": "FREQ=WEEKLY;BYDAY=WE;COUNT=2" }),
            "/starts_at",
            "not_in_rule",
        ),
        (
            json!({ "rule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=2" }),
            "/rule",
            "no_occurrence",
        ),
        (json!({ "excluded": ["2026-11-25"] }), "/excluded/0", "no_occurrence"),
        (json!({ "notes": " " }), "/notes", "blank"),
        (
            json!({ "choices": [{ "occurrence_at": "2026-11-25T12:00:00Z", "skip": true }] }),
            "/choices/0/occurrence_at",
            "no_occurrence",
        ),
        (
            json!({ "choices": [{ "occurrence_at": "2026-11-24T12:00:00Z", "skip": true, "overbook": true }] }),
            "/choices/0",
            "ambiguous",
        ),
    ] {
        for path in [PREVIEW, SERIES] {
            let answer = reception.post(path, tuesdays(changes.clone())).await;
            assert_eq!(faults(&answer), BTreeSet::from([(pointer, code)]), "{changes}");
        }
    }
    let both = reception
        .post(
            SERIES,
            tuesdays(json!({ "rule": "FREQ=WEEKLY", "contact_id": uuid::Uuid::nil() })),
        )
        .await;
    assert_eq!(
        faults(&both),
        BTreeSet::from([("/rule", "endless"), ("/contact_id", "unknown")])
    );
}

#[tokio::test]
async fn nine_stays_nine_in_new_york_and_the_last_friday_is_the_last() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.database.connect(Role::Maintenance).await;
    owner
        .execute("UPDATE clinics SET zone = 'America/New_York'", &[])
        .await
        .unwrap();
    let reception = app.actor("reception@aurora");
    let body = with(
        consulta("2027-03-02T09:00:00-05:00"),
        json!({ "rule": "FREQ=WEEKLY;UNTIL=20270316T235959Z" }),
    );
    let made = make(&reception, body).await;
    let booked = appointments(&reception, &id_of(&made)).await;
    assert_eq!(
        starts(&booked),
        ["2027-03-02T14:00:00Z", "2027-03-09T14:00:00Z", "2027-03-16T13:00:00Z"]
    );
    let fridays = with(
        consulta("2026-11-27T10:00:00-05:00"),
        json!({ "rule": "FREQ=MONTHLY;BYDAY=-1FR;COUNT=4", "excluded": ["2026-12-25"] }),
    );
    let made = make(&reception, fridays).await;
    let booked = appointments(&reception, &id_of(&made)).await;
    assert_eq!(
        starts(&booked),
        ["2026-11-27T15:00:00Z", "2027-01-29T15:00:00Z", "2027-02-26T15:00:00Z"]
    );
    // In the night in which clocks go forward there is no half past two.
    let night = with(
        consulta("2027-03-13T02:30:00-05:00"),
        json!({ "rule": "FREQ=DAILY;COUNT=2", "on_conflict": "overbook" }),
    );
    let preview = reception.post(PREVIEW, night).await.expect_status(200);
    assert_eq!(told(&preview, "wall_clock"), ["once", "never"]);
    assert_eq!(
        told(&preview, "starts_at"),
        ["2027-03-13T07:30:00Z", "2027-03-14T07:30:00Z"]
    );
}

#[tokio::test]
async fn of_many_series_for_the_same_slots_one_is_booked_whole() {
    let Some(app) = contested().await else { return };
    let answers = race(&app.actor("reception@aurora"), same(40, SERIES, &tuesdays(json!({})))).await;
    assert_eq!(
        tally(&answers),
        std::collections::BTreeMap::from([((201, ""), 1), ((409, "series_conflicts"), 39)])
    );
    assert_eq!(count(&app, "SELECT count(*) FROM appointment_series").await, 1);
    assert_eq!(
        count(&app, "SELECT count(*) FROM appointments WHERE series_id IS NOT NULL").await,
        4
    );
    for answer in answers.iter().filter(|answer| answer.status == 409) {
        assert_eq!(answer.body["conflicts"].as_array().unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_series_among_single_bookings_is_booked_whole_or_not_at_all() {
    let Some(app) = contested().await else { return };
    let single = ("/v1/appointments".to_owned(), consulta("2026-12-08T09:00:00-03:00"));
    let mut calls = same(20, SERIES, &tuesdays(json!({})));
    for at in 0..20 {
        calls.insert(at * 2, single.clone());
    }
    let answers = race(&app.actor("reception@aurora"), calls).await;
    assert!(
        answers
            .iter()
            .all(|answer| [201, 409].contains(&answer.status.as_u16())),
        "{:?}",
        tally(&answers)
    );
    let of_series = count(&app, "SELECT count(*) FROM appointments WHERE series_id IS NOT NULL").await;
    let at = "SELECT count(*) FROM appointments WHERE starts_at = '2026-12-08T12:00:00Z'";
    assert_eq!(count(&app, at).await, 1);
    assert!(of_series == 0 || of_series == 4, "{of_series}");
}

#[tokio::test]
async fn a_repeated_request_is_answered_again_and_books_once() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let send = async || {
        let call = reception.call(reqwest::Method::POST, SERIES).json(&tuesdays(json!({})));
        call.header("idempotency-key", "series-1")
            .send()
            .await
            .expect_status(201)
    };
    let (first, second) = (send().await, send().await);
    assert_eq!(first.body, second.body);
    assert_eq!(count(&app, "SELECT count(*) FROM appointment_series").await, 1);
}

#[tokio::test]
async fn a_long_series_costs_the_agenda_no_more_looks_than_a_short_one() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let short = reception
        .post(PREVIEW, tuesdays(json!({ "rule": "FREQ=WEEKLY;COUNT=2" })))
        .await;
    let long = reception
        .post(PREVIEW, tuesdays(json!({ "rule": "FREQ=WEEKLY;COUNT=100" })))
        .await
        .expect_status(200);
    // The first call also looks at the session.
    assert!(long.statements() <= short.statements(), "{}", short.statements());
    assert!(long.statements() <= 10, "{}", long.statements());
    assert_eq!(told(&long, "verdict").len(), 100);
}

#[tokio::test]
async fn a_merge_takes_series_along() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let made = make(&reception, tuesdays(json!({ "contact_id": world::contact("joao") }))).await;
    let merge = json!({ "from_id": world::contact("joao"), "keep": { "tax_id": "into" } });
    let path = format!("/v1/contacts/{}/merge", world::contact("maria"));
    let merged = reception.post(&path, merge).await.expect_status(200);
    assert_eq!(merged.body["moved"]["appointment_series"], 1);
    let shown = reception.get(&format!("{SERIES}/{}", id_of(&made))).await;
    assert_eq!(shown.body["contact_id"], json!(world::contact("maria")));
}
