//! Entries: put on the list, changed, taken off, listed in their order, moved by a merge; and never seen by another clinic.

use chrono::TimeDelta;
use serde_json::json;
use test_support::world;

use super::{WAITLIST, call_off, last_offer, offers_to, post, settled, standing, status_of, taken, tuesday_nine, wait};
use crate::agenda::{book, column, count, faults, new_contact, tuesday, with};
use crate::app::TestApp;

#[tokio::test]
async fn an_entry_is_what_was_sent_and_is_listed_by_priority_and_then_by_time() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    taken(&reception).await;
    let mut ids = Vec::new();
    for (name, priority) in [("maria", 3), ("joao", 3), ("ana", 1)] {
        let body = with(
            tuesday_nine(&world::contact(name).to_string()),
            json!({ "priority": priority, "notes": "Prefere cedo" }),
        );
        let made = wait(&reception, body).await;
        assert_eq!(made.body["status"], "waiting");
        assert_eq!(made.body["notes"], "Prefere cedo");
        assert_eq!(reception.get(made.header("location").unwrap()).await.body, made.body);
        ids.push(made.id().to_owned());
        app.clock.advance(TimeDelta::seconds(1));
    }
    let order = [ids[2].clone(), ids[0].clone(), ids[1].clone()];
    assert_eq!(column(&reception.get(WAITLIST).await, "id"), order);
    let mut path = format!("{WAITLIST}?limit=1");
    let mut paged = Vec::new();
    loop {
        let page = reception.get(&path).await.expect_status(200);
        paged.extend(column(&page, "id"));
        let Some(cursor) = page.body["page"]["next_cursor"].as_str() else {
            break;
        };
        path = format!("{WAITLIST}?limit=1&cursor={cursor}");
    }
    assert_eq!(paged, order);
    for (filter, expected) in [
        (format!("contact_id={}", world::contact("joao")), vec![ids[1].clone()]),
        ("priority=1".to_owned(), vec![ids[2].clone()]),
        ("status=booked&status=expired".to_owned(), vec![]),
        (format!("service_id={}", world::service("exame")), vec![]),
    ] {
        assert_eq!(
            column(&reception.get(&format!("{WAITLIST}?{filter}")).await, "id"),
            expected,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn every_value_that_makes_no_sense_is_told_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let bad = with(
        tuesday_nine(&world::contact("joao").to_string()),
        json!({ "priority": 9, "notes": " ", "windows": [{"from_time": "08:00"}, {"from_date": "2026-12-02", "until_date": "2026-12-01"}] }),
    );
    assert_eq!(
        faults(&reception.post(WAITLIST, bad).await),
        [
            ("/priority", "out_of_range"),
            ("/notes", "blank"),
            ("/windows/0/until_time", "required"),
            ("/windows/1/until_date", "before_from_date")
        ]
        .into()
    );
    let not_offered = with(
        tuesday_nine(&uuid::Uuid::max().to_string()),
        json!({ "practitioner_id": world::practitioner("dr-souza"), "service_id": world::service("exame") }),
    );
    assert_eq!(
        faults(&reception.post(WAITLIST, not_offered).await),
        [("/contact_id", "unknown"), ("/practitioner_id", "not_offered")].into()
    );
}

#[tokio::test]
async fn who_is_taken_off_while_time_is_offered_gives_it_to_the_next() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let appointment = taken(&reception).await;
    let first = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    app.clock.advance(TimeDelta::seconds(1));
    let second = wait(&reception, tuesday_nine(&world::contact("ana").to_string())).await;
    call_off(&reception, &appointment).await;
    settled(&app).await;
    let path = format!("{WAITLIST}/{}", first.id());
    reception.delete(&path).await.assert_status(204);
    reception.delete(&path).await.assert_status(204);
    assert_eq!(standing(&reception, first.id()).await, ["withdrawn"]);
    assert_eq!(status_of(&reception, first.id()).await, "cancelled");
    let late = post(
        &reception,
        &format!("{}/accept", last_offer(&reception, first.id()).await),
    )
    .await;
    late.assert_problem(409, "offer_closed");
    reception
        .patch(&path, json!({ "priority": 1 }))
        .await
        .assert_problem(409, "waitlist_entry_closed");
    settled(&app).await;
    assert_eq!(standing(&reception, second.id()).await, ["offered"]);
}

#[tokio::test]
async fn other_wishes_take_the_offer_back_and_other_notes_do_not() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let entry = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    settled(&app).await;
    let path = format!("{WAITLIST}/{}", entry.id());
    let patched = reception
        .patch(&path, json!({ "notes": "Ligar antes", "priority": 2 }))
        .await
        .expect_status(200);
    assert_eq!(patched.body["status"], "offered");
    let stale = reception
        .call(reqwest::Method::PATCH, &path)
        .header("if-match", "\"1-x\"")
        .json(&json!({ "priority": 5 }))
        .send()
        .await;
    stale.assert_status(412);
    app.clock.advance(TimeDelta::seconds(1));
    let later =
        json!([{"from_date": "2026-11-24", "until_date": "2026-11-24", "from_time": "10:00", "until_time": "10:30"}]);
    let patched = reception
        .patch(&path, json!({ "windows": later }))
        .await
        .expect_status(200);
    assert_eq!(patched.body["status"], "waiting");
    settled(&app).await;
    let offers = offers_to(&reception, entry.id()).await;
    assert_eq!(offers[0]["status"], "withdrawn");
    assert_eq!(offers[1]["starts_at"], "2026-11-24T13:00:00Z");
    assert_eq!(count(&app, "SELECT count(*) FROM holds").await, 1);
}

#[tokio::test]
async fn a_merge_takes_the_entry_along_and_its_offer_is_the_other_ones() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let twin = new_contact(&app, "Joao Pereira").await;
    let entry = wait(&reception, tuesday_nine(&twin)).await;
    settled(&app).await;
    let joao = world::contact("joao").to_string();
    let merged = reception
        .post(&format!("/v1/contacts/{joao}/merge"), json!({ "from_id": twin }))
        .await
        .expect_status(200);
    assert_eq!(merged.body["moved"]["waitlist_entries"], 1);
    let accepted = post(
        &reception,
        &format!("{}/accept", last_offer(&reception, entry.id()).await),
    )
    .await;
    assert_eq!(
        accepted.expect_status(200).body["appointment"]["contact_id"],
        joao.as_str()
    );
}

#[tokio::test]
async fn staff_see_who_would_take_free_time_in_their_order() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    // At night nothing is offered by itself.
    app.clock.set(world::at("2026-11-20T22:00:00-03:00"));
    let reception_now = app.actor("reception@aurora");
    let first = wait(&reception_now, tuesday_nine(&world::contact("joao").to_string())).await;
    app.clock.advance(TimeDelta::seconds(1));
    let second = wait(
        &reception_now,
        with(
            tuesday_nine(&world::contact("ana").to_string()),
            json!({ "windows": [], "practitioner_id": null }),
        ),
    )
    .await;
    settled(&app).await;
    let path = format!(
        "{WAITLIST}/matches?practitioner_id={}&from=2026-11-24T12:00:00Z&to=2026-11-24T12:30:00Z",
        world::practitioner("dr-lima")
    );
    let found = reception_now.get(&path).await.expect_status(200);
    let entries: Vec<_> = found
        .data()
        .iter()
        .map(|row| row["entry"]["id"].as_str().unwrap())
        .collect();
    assert_eq!(entries, [first.id(), second.id()]);
    assert_eq!(found.data()[1]["slot"]["starts_at"], "2026-11-24T12:00:00Z");
    book(&reception_now, super::booking(&world::contact("maria").to_string())).await;
    assert!(reception_now.get(&path).await.data().is_empty());
    let too_long = format!("{WAITLIST}/matches?from=2026-11-24&to=2027-11-24");
    assert_eq!(faults(&reception_now.get(&too_long).await), [("to", "too_long")].into());
    drop(reception);
}

#[tokio::test]
async fn another_clinic_neither_sees_nor_serves_who_waits_here() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    taken(&reception).await;
    let entry = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    let neighbour = app.actor("reception@horizonte");
    assert!(neighbour.get(WAITLIST).await.data().is_empty());
    assert!(neighbour.get(&format!("{WAITLIST}/matches")).await.data().is_empty());
    let path = format!("{WAITLIST}/{}", entry.id());
    neighbour
        .get(&path)
        .await
        .assert_problem(404, "waitlist_entry_not_found");
    neighbour
        .delete(&path)
        .await
        .assert_problem(404, "waitlist_entry_not_found");
    let offer = json!({ "practitioner_id": world::practitioner("dr-alves"), "starts_at": tuesday("09:00") });
    neighbour
        .post(&format!("{path}/offers"), offer)
        .await
        .assert_problem(404, "waitlist_entry_not_found");
}

#[tokio::test]
async fn who_joins_in_the_same_moment_waits_in_the_order_of_joining() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    taken(&reception).await;
    // The clock stands still, and the clients' own ids go down.
    let mut joined = Vec::new();
    for number in (1..=12_u128).rev() {
        let id = uuid::Uuid::from_u128(0x0192_f0c1_2a3b_7c4d_8e5f_6071_8293_0000 + number).to_string();
        let name = format!("Pessoa {number}");
        let contact = new_contact(&app, &name).await;
        let body = with(tuesday_nine(&contact), json!({ "id": id }));
        joined.push(wait(&reception, body).await.id().to_owned());
    }
    let mut path = format!("{WAITLIST}?limit=5");
    let mut listed = Vec::new();
    loop {
        let page = reception.get(&path).await.expect_status(200);
        listed.extend(column(&page, "id"));
        let Some(cursor) = page.body["page"]["next_cursor"].as_str() else {
            break;
        };
        path = format!("{WAITLIST}?limit=5&cursor={cursor}");
    }
    assert_eq!(listed, joined);
}
