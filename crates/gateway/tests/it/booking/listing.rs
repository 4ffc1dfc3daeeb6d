//! Finding appointments: filters, orders, pages and neighbours.

use serde_json::json;
use test_support::{Actor, Answer, world};

use crate::agenda::{TUESDAY, act, book, column, consulta, faults, half_hours, on, race, same, tuesday, with};
use crate::app::TestApp;

const APPOINTMENTS: &str = "/v1/appointments";

async fn list(actor: &Actor, query: &str) -> Answer {
    actor.get(&format!("{APPOINTMENTS}?{query}")).await.expect_status(200)
}

/// Which appointments of the world a query finds, by their keys.
async fn found(app: &TestApp, query: &str) -> Vec<&'static str> {
    let answer = list(&app.actor("reception@aurora"), query).await;
    let keys = ["maria-monday", "joao-monday", "maria-done", "pedro-monday"];
    let key_of = |id: &String| keys.into_iter().find(|key| world::appointment(key).to_string() == *id);
    column(&answer, "id").iter().map(|id| key_of(id).unwrap()).collect()
}

#[tokio::test]
async fn days_are_the_clinics_and_both_ends_count() {
    let Some(app) = TestApp::start().await else { return };
    assert_eq!(
        found(&app, "from=2026-11-23&to=2026-11-23").await,
        ["maria-monday", "joao-monday"]
    );
    assert_eq!(
        found(&app, "from=2026-11-19&to=2026-11-23").await,
        ["maria-done", "maria-monday", "joao-monday"]
    );
    assert_eq!(found(&app, "from=2026-11-20&to=2026-11-22").await, [""; 0]);
    // Late on the 24th in São Paulo is the 25th in UTC.
    let late = with(consulta(&tuesday("23:00")), json!({ "overbook": true }));
    let late = book(&app.actor("reception@aurora"), late).await;
    let day = list(&app.actor("reception@aurora"), "from=2026-11-24&to=2026-11-24").await;
    assert_eq!(column(&day, "id"), [late.id()]);
}

#[tokio::test]
async fn of_instants_the_first_counts_and_the_last_does_not() {
    let Some(app) = TestApp::start().await else { return };
    let query = "from=2026-11-23T13:00:00Z&to=2026-11-23T14:00:00Z";
    assert_eq!(found(&app, query).await, ["maria-monday"]);
    assert_eq!(
        found(&app, "from=2026-11-23T13:00:01Z&to=2026-11-23T14:00:01Z").await,
        ["joao-monday"]
    );
}

#[tokio::test]
async fn filters_narrow_together() {
    let Some(app) = TestApp::start().await else { return };
    let (maria, lima) = (world::contact("maria"), world::practitioner("dr-lima"));
    assert_eq!(
        found(&app, &format!("contact_id={maria}")).await,
        ["maria-done", "maria-monday"]
    );
    assert_eq!(
        found(&app, &format!("practitioner_id={lima}")).await,
        ["maria-monday", "joao-monday"]
    );
    assert_eq!(
        found(&app, &format!("contact_id={maria}&practitioner_id={lima}")).await,
        ["maria-monday"]
    );
    assert_eq!(found(&app, "status=confirmed").await, ["joao-monday"]);
    assert_eq!(
        found(&app, "status=confirmed&status=completed").await,
        ["maria-done", "joao-monday"]
    );
    assert_eq!(
        found(&app, &format!("service_id={}", world::service("exame"))).await,
        [""; 0]
    );
}

#[tokio::test]
async fn appointments_of_a_room_are_found_by_it() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let room = json!({ "room_id": world::room("consultorio-2") });
    let made = book(&reception, with(consulta(&tuesday("09:00")), room)).await;
    let answer = list(&reception, &format!("room_id={}", world::room("consultorio-2"))).await;
    assert_eq!(column(&answer, "id"), [made.id()]);
}

#[tokio::test]
async fn ids_of_another_clinic_find_nothing() {
    let Some(app) = TestApp::start().await else { return };
    for (name, id) in [
        ("contact_id", world::contact("pedro").to_string()),
        ("practitioner_id", world::practitioner("dr-alves").to_string()),
        ("room_id", world::room("sala-azul").to_string()),
        ("service_id", world::service("avaliacao").to_string()),
    ] {
        assert_eq!(found(&app, &format!("{name}={id}")).await, [""; 0]);
    }
}

#[tokio::test]
async fn neighbours_come_when_they_are_asked_for() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let plain = list(&reception, "from=2026-11-23&to=2026-11-23").await;
    assert!(plain.data().iter().all(|row| row.get("contact").is_none()));
    let query = "from=2026-11-23&to=2026-11-23&include=contact,practitioner,service,room";
    let row = list(&reception, query).await.data()[0].clone();
    assert_eq!(
        row["contact"],
        json!({ "id": world::contact("maria"), "name": "Maria da Conceição Silva" })
    );
    assert_eq!(row["practitioner"]["name"], "Beatriz Lima");
    assert_eq!(row["service"]["name"], "Consulta");
    assert_eq!(row.get("room"), None);
}

#[tokio::test]
async fn a_neighbour_that_is_renamed_is_renamed_in_lists_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let query = "from=2026-11-23&to=2026-11-23&include=contact";
    list(&reception, query).await;
    let social = json!({ "social_name": "Mário Silva" });
    reception
        .patch(&format!("/v1/contacts/{}", world::contact("maria")), social)
        .await
        .assert_status(200);
    assert_eq!(
        list(&reception, query).await.data()[0]["contact"]["name"],
        "Mário Silva"
    );
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    // Three at one moment, so that the second key decides as well.
    let crowd = with(consulta(&tuesday("09:00")), json!({ "overbook": true }));
    race(&reception, same(7, APPOINTMENTS, &crowd)).await;
    for (time, _) in half_hours().skip(4).zip(0..4) {
        book(&reception, consulta(&time)).await;
    }
    for sort in ["starts_at", "-starts_at", "updated_at", "-updated_at"] {
        let whole = column(
            &list(&reception, &format!("from={TUESDAY}&sort={sort}&limit=100")).await,
            "id",
        );
        assert_eq!(whole.len(), 11);
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&reception, &format!("from={TUESDAY}&sort={sort}&limit=2{cursor}")).await;
            paged.extend(column(&page, "id"));
            let Some(next) = page.body["page"]["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, whole, "{sort}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_in_a_query_is_told() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for query in [
        "from=2026-11-24&to=2026-11-23",
        "from=2026-01-01&to=2027-06-01",
        "from=yesterday",
        "status=done",
        "sort=notes",
        "include=invoices",
        "limit=101",
        "practitioner=1",
        "contact_id=1",
    ] {
        let answer = reception.get(&format!("{APPOINTMENTS}?{query}")).await;
        assert!(!faults(&answer).is_empty(), "{query}: {answer}");
    }
}

#[tokio::test]
async fn changes_since_a_moment_are_found() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&on("2026-11-25", "09:00"))).await;
    let changed = act(&reception, booked.id(), "confirm").await.expect_status(200);
    let since = changed.body["updated_at"].as_str().unwrap();
    let query = format!("{APPOINTMENTS}?sort=updated_at&updated_since={since}");
    // What is so new that an older transaction, of whatever test, is still open may come a little later.
    let patience = std::time::Duration::from_secs(30);
    let found = tokio::time::timeout(patience, async {
        loop {
            let answer = reception.get(&query).await.expect_status(200);
            if !answer.data().is_empty() {
                return column(&answer, "id");
            }
        }
    });
    assert_eq!(found.await.unwrap(), [booked.id()]);
}
