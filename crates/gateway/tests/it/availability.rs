//! Free slots: what is offered can be booked, what is not is explained, on every day of the year.

mod clocks;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::{Actor, Answer, world};

use crate::agenda::{TUESDAY, book, column, consulta, exame, faults, new_practitioner, on, tuesday, with};
use crate::app::TestApp;

const HOLDS: &str = "/v1/appointments/holds";

/// What slots are asked for.
#[derive(Clone)]
struct Question {
    practitioner: String,
    service: String,
    day: &'static str,
}

impl Question {
    fn of(practitioner: &str, service: &str, day: &'static str) -> Self {
        Self {
            practitioner: world::practitioner(practitioner).to_string(),
            service: world::service(service).to_string(),
            day,
        }
    }

    fn path(&self) -> String {
        let Self {
            practitioner,
            service,
            day,
        } = self;
        format!(
            "/v1/availability/slots?practitioner_id={practitioner}&service_id={service}&from={day}&to={day}&limit=100"
        )
    }

    /// The starts that are offered.
    async fn offered(&self, actor: &Actor) -> BTreeSet<String> {
        let page = actor.get(&self.path()).await.expect_status(200);
        assert_eq!(page.body["page"]["has_more"], false);
        column(&page, "starts_at").into_iter().collect()
    }

    /// The reasons for which a moment is not offered; none when it is.
    async fn reasons(&self, actor: &Actor, at: &str) -> Vec<String> {
        let Self {
            practitioner, service, ..
        } = self;
        let path = format!("/v1/availability/explain?practitioner_id={practitioner}&service_id={service}&at={at}");
        let answer = actor.get(&path).await.expect_status(200);
        let reasons = answer.body["reasons"].as_array().unwrap();
        assert_eq!(answer.body["offered"], reasons.is_empty(), "{answer}");
        reasons
            .iter()
            .map(|reason| reason["code"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Whether a moment can be booked, tried with a hold that is given back.
    async fn can_be_booked(&self, actor: &Actor, at: &str) -> bool {
        let body = json!({ "practitioner_id": self.practitioner, "service_id": self.service, "starts_at": at });
        let held = actor.post(HOLDS, body).await;
        if held.status == 201 {
            actor.delete(&format!("{HOLDS}/{}", held.id())).await.assert_status(204);
            return true;
        }
        assert!(
            ["appointment_conflict", "outside_hours", "validation_failed"].contains(&held.code()),
            "{held}"
        );
        false
    }

    /// Asserts of each of `moments` that it is offered exactly when it can be booked, and explained exactly when not.
    async fn assert_agrees(&self, actor: &Actor, moments: impl IntoIterator<Item = String>) {
        let offered = self.offered(actor).await;
        let mut seen = BTreeSet::new();
        for moment in moments {
            let is_offered = offered.contains(&moment);
            let reasons = self.reasons(actor, &moment).await;
            assert_eq!(
                self.can_be_booked(actor, &moment).await,
                is_offered,
                "{moment}: {reasons:?}"
            );
            assert_eq!(reasons.is_empty(), is_offered, "{moment}: {reasons:?}");
            seen.extend(is_offered.then_some(moment));
        }
        assert_eq!(seen, offered);
    }
}

/// Every quarter of an hour from `first` on, `count` times.
fn quarters(first: &str, count: i64) -> impl Iterator<Item = String> {
    let first = world::at(first);
    (0..count).map(move |number| {
        first
            .saturating_add(chrono::TimeDelta::minutes(15 * number))
            .to_string()
    })
}

#[tokio::test]
async fn slots_come_in_the_clinics_steps_within_its_hours() {
    let Some(app) = TestApp::start().await else { return };
    let offered = Question::of("dr-lima", "consulta", TUESDAY)
        .offered(&app.actor("reception@aurora"))
        .await;
    // From 8:00 to 11:30 and from 13:00 to 17:30, a quarter of an hour apart.
    let morning = quarters("2026-11-24T08:00:00-03:00", 15);
    let afternoon = quarters("2026-11-24T13:00:00-03:00", 19);
    assert_eq!(offered, morning.chain(afternoon).collect());
}

#[tokio::test]
async fn what_is_offered_can_be_booked_and_what_is_not_is_explained() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, consulta(&tuesday("09:00"))).await;
    book(&reception, exame(&tuesday("14:00"))).await;
    let day = Question::of("dr-lima", "consulta", TUESDAY);
    day.assert_agrees(&reception, quarters("2026-11-24T00:00:00-03:00", 96))
        .await;
}

#[tokio::test]
async fn what_needs_a_room_is_offered_where_one_is_free() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for (number, time) in [(0, "09:00"), (1, "09:30")] {
        let other = new_practitioner(&app, number, &["exame"]).await;
        book(
            &reception,
            with(exame(&tuesday(time)), json!({ "practitioner_id": other })),
        )
        .await;
    }
    let day = Question::of("dr-lima", "exame", TUESDAY);
    day.assert_agrees(&reception, quarters("2026-11-24T07:30:00-03:00", 48))
        .await;
    assert_eq!(day.reasons(&reception, &tuesday("09:30")).await, ["no_free_room"]);
}

#[tokio::test]
async fn a_slot_names_practitioner_and_room() {
    let Some(app) = TestApp::start().await else { return };
    let page = app
        .get("reception@aurora", &Question::of("dr-lima", "exame", TUESDAY).path())
        .await
        .expect_status(200);
    let slot = &page.data()[0];
    assert_eq!(
        (&slot["starts_at"], &slot["ends_at"]),
        (&json!("2026-11-24T11:00:00Z"), &json!("2026-11-24T11:45:00Z"))
    );
    assert_eq!(slot["practitioner_name"], "Beatriz Lima");
    assert_eq!(
        slot["room"],
        json!({ "id": world::room("consultorio-1"), "name": "Consultório 1" })
    );
}

#[tokio::test]
async fn without_a_practitioner_all_who_offer_the_service_are_asked() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, consulta(&tuesday("08:00"))).await;
    let from = tuesday("08:00");
    let ask = |service: &str| {
        format!(
            "/v1/availability/slots?service_id={}&from={from}&to={}",
            world::service(service),
            tuesday("08:15")
        )
    };
    let consultas = reception.get(&ask("consulta")).await.expect_status(200);
    assert_eq!(
        column(&consultas, "practitioner_id"),
        [world::practitioner("dr-souza").to_string()]
    );
    let exames = reception.get(&ask("exame")).await.expect_status(200);
    assert!(exames.data().is_empty(), "{exames}");
}

#[tokio::test]
async fn pages_of_slots_follow_each_other() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let slot = |row: &Value| (row["starts_at"].to_string(), row["practitioner_id"].to_string());
    let base = format!(
        "/v1/availability/slots?service_id={}&from={TUESDAY}&to={TUESDAY}",
        world::service("consulta")
    );
    let whole: Vec<_> = reception
        .get(&format!("{base}&limit=100"))
        .await
        .data()
        .iter()
        .map(slot)
        .collect();
    assert_eq!(whole.len(), 68);
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = reception
            .get(&format!("{base}&limit=9{cursor}"))
            .await
            .expect_status(200);
        paged.extend(page.data().iter().map(slot));
        let Some(next) = page.body["page"]["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, whole);
}

#[tokio::test]
async fn the_past_is_not_offered() {
    let Some(app) = TestApp::start().await else { return };
    let today = Question::of("dr-lima", "consulta", "2026-11-20");
    let offered = today.offered(&app.actor("reception@aurora")).await;
    assert_eq!(offered.first().map(String::as_str), Some("2026-11-20T12:00:00Z"));
    assert_eq!(
        today
            .reasons(&app.actor("reception@aurora"), &on("2026-11-20", "08:00"))
            .await,
        ["in_past"]
    );
}

#[tokio::test]
async fn every_reason_is_told() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let christmas = Question::of("dr-lima", "consulta", "2026-12-25");
    assert_eq!(
        christmas.reasons(&reception, &on("2026-12-25", "09:00")).await,
        ["holiday"]
    );
    let away = Question::of("dr-souza", "consulta", "2026-12-01");
    assert_eq!(away.reasons(&reception, &on("2026-12-01", "09:00")).await, ["time_off"]);
    assert_eq!(
        away.reasons(&reception, &on("2026-12-01", "12:30")).await,
        ["outside_hours", "time_off"]
    );
    let monday = Question::of("dr-lima", "consulta", "2026-11-23");
    assert_eq!(
        monday.reasons(&reception, &on("2026-11-23", "10:00")).await,
        ["practitioner_busy"]
    );
    assert_eq!(
        monday.reasons(&reception, &on("2026-11-23", "09:50")).await,
        ["off_grid", "practitioner_busy"]
    );
    let not_offered = Question::of("dr-souza", "exame", TUESDAY);
    assert_eq!(
        not_offered.reasons(&reception, &tuesday("09:00")).await,
        ["service_not_offered"]
    );
}

#[tokio::test]
async fn of_another_clinic_nothing_is_offered_or_told() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let theirs = Question::of("dr-alves", "avaliacao", TUESDAY);
    assert_eq!(theirs.offered(&reception).await, BTreeSet::new());
    let reasons = theirs.reasons(&reception, &tuesday("09:00")).await;
    assert_eq!(reasons, ["practitioner_not_active", "service_not_active"]);
}

#[tokio::test]
async fn a_window_is_forward_and_at_most_62_days() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let ask = |from: &str, to: &str| {
        format!(
            "/v1/availability/slots?service_id={}&from={from}&to={to}",
            world::service("consulta")
        )
    };
    for (from, to) in [("2026-11-24", "2026-11-23"), ("2026-11-24", "2027-03-01")] {
        let refused: Answer = reception.get(&ask(from, to)).await;
        assert!(!faults(&refused).is_empty());
    }
    let without = reception.get("/v1/availability/slots").await;
    assert_eq!(faults(&without), [("service_id", "required")].into());
}
