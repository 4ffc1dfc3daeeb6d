//! Two contacts become one: what was the one's on the agenda is the other's, and nothing stays behind.

use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, world};

use crate::agenda::{
    act, book, column, consulta, contested, count, count_by, faults, half_hours, new_contact, race, tuesday, with,
};
use crate::app::TestApp;

const APPOINTMENTS: &str = "/v1/appointments";

/// Merges contact `from` into Maria.
async fn merge(actor: &Actor, from: &str) -> Answer {
    actor.post(&into_maria(), json!({ "from_id": from })).await
}

fn into_maria() -> String {
    format!("/v1/contacts/{}/merge", world::contact("maria"))
}

fn for_contact(body: Value, contact: &str) -> Value {
    with(body, json!({ "contact_id": contact }))
}

/// What the agenda still has of a contact.
async fn left_behind(app: &TestApp, contact: &str) -> i64 {
    let query = format!(
        "SELECT (SELECT count(*) FROM appointments WHERE contact_id = '{contact}')
              + (SELECT count(*) FROM holds WHERE contact_id = '{contact}')"
    );
    count(app, &query).await
}

#[tokio::test]
async fn appointments_and_holds_move_with_their_contact() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let twin = new_contact(&app, "Maria C. Silva").await;
    let past = book(&reception, for_contact(consulta(&tuesday("09:00")), &twin)).await;
    act(&reception, past.id(), "no-show").await.assert_status(200);
    let coming = book(&reception, for_contact(consulta(&tuesday("10:00")), &twin)).await;
    let hold = reception
        .post(
            "/v1/appointments/holds",
            for_contact(consulta(&tuesday("11:00")), &twin),
        )
        .await;
    let merged = merge(&reception, &twin).await.expect_status(200);
    assert_eq!(
        (&merged.body["moved"]["appointments"], &merged.body["moved"]["holds"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(left_behind(&app, &twin).await, 0);
    for made in [&past, &coming] {
        let seen = reception.get(&format!("{APPOINTMENTS}/{}", made.id())).await;
        assert_eq!(seen.body["contact_id"], json!(world::contact("maria")));
    }
    let finish = json!({ "hold_id": hold.id() });
    book(&reception, with(consulta(&tuesday("11:00")), finish)).await;
}

#[tokio::test]
async fn lists_of_either_contact_tell_of_the_merge_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let twin = new_contact(&app, "Maria C. Silva").await;
    let made = book(&reception, for_contact(consulta(&tuesday("09:00")), &twin)).await;
    let of = |contact: String| format!("{APPOINTMENTS}?contact_id={contact}");
    let (of_twin, of_maria) = (of(twin.clone()), of(world::contact("maria").to_string()));
    assert_eq!(column(&reception.get(&of_twin).await, "id"), [made.id()]);
    assert_eq!(reception.get(&of_maria).await.data().len(), 2);
    merge(&reception, &twin).await.assert_status(200);
    assert!(reception.get(&of_twin).await.data().is_empty());
    assert!(column(&reception.get(&of_maria).await, "id").contains(&made.id().to_owned()));
}

#[tokio::test]
async fn nothing_is_booked_for_the_contact_that_went() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let twin = new_contact(&app, "Maria C. Silva").await;
    merge(&reception, &twin).await.assert_status(200);
    let refused = reception
        .post(APPOINTMENTS, for_contact(consulta(&tuesday("09:00")), &twin))
        .await;
    assert_eq!(faults(&refused), [("/contact_id", "archived")].into());
}

#[tokio::test]
async fn bookings_that_race_with_the_merge_of_their_contact_lose_nothing_and_leave_nothing_behind() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let twin = new_contact(&app, "Maria C. Silva").await;
    let mut calls: Vec<_> = half_hours()
        .take(60)
        .zip([APPOINTMENTS, "/v1/appointments/holds"].into_iter().cycle())
        .map(|(time, path)| (path.to_owned(), for_contact(consulta(&time), &twin)))
        .collect();
    calls.insert(20, (into_maria(), json!({ "from_id": twin })));
    let answers = race(&reception, calls).await;
    assert_eq!(left_behind(&app, &twin).await, 0);
    let (made, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    let (merged, refused): (Vec<_>, Vec<_>) = others.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(merged.len(), 1);
    for answer in refused {
        assert_eq!(faults(answer), [("/contact_id", "archived")].into());
    }
    let marias = format!(
        "SELECT (SELECT count(*) FROM appointments WHERE contact_id = '{0}' AND starts_at >= '2026-11-24')
              + (SELECT count(*) FROM holds WHERE contact_id = '{0}')",
        world::contact("maria")
    );
    assert_eq!(count(&app, &marias).await, i64::try_from(made.len()).unwrap());
}

#[tokio::test]
async fn a_booking_waits_for_the_merge_of_its_contact_and_is_refused() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let twin = new_contact(&app, "Maria C. Silva").await;
    for path in [APPOINTMENTS, "/v1/appointments/holds"] {
        // A merge that has got as far as its locks.
        let mut merging = app.database.connect(Role::Maintenance).await;
        let merge = merging.transaction().await.unwrap();
        let lock = format!("SELECT FROM contacts WHERE id = '{twin}' FOR UPDATE");
        merge.execute(&lock, &[]).await.unwrap();
        let booking = tokio::spawn({
            let (reception, body) = (reception.clone(), for_contact(consulta(&tuesday("09:00")), &twin));
            async move { reception.post(path, body).await }
        });
        let watcher = app.database.connect(Role::Maintenance).await;
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN
            (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
        while count_by(&watcher, waiting).await == 0 {
            assert!(!booking.is_finished(), "the booking did not wait for the merge");
        }
        let go = format!(
            "UPDATE contacts SET status = 'archived', archived_at = now(), merged_into_id = '{}' WHERE id = '{twin}'",
            world::contact("maria")
        );
        merge.execute(&go, &[]).await.unwrap();
        merge.commit().await.unwrap();
        assert_eq!(faults(&booking.await.unwrap()), [("/contact_id", "archived")].into());
        assert_eq!(left_behind(&app, &twin).await, 0);
        let bring_back = format!(
            "UPDATE contacts SET status = 'active', archived_at = NULL, merged_into_id = NULL WHERE id = '{twin}'"
        );
        merging.execute(&bring_back, &[]).await.unwrap();
    }
}
