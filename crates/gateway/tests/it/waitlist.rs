//! The waiting list: who is offered what, in which order, and who gets it.

mod entries;
mod offers;
mod races;
mod story;
mod times;

use db::{Db, TenantTx};
use kernel::{ContactId, System};
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, world};

use crate::agenda::{consulta, count_by, with};
use crate::app::{TestApp, until};

pub(crate) const WAITLIST: &str = "/v1/waitlist";

/// Waits until nothing is due in the queue any more, and nothing was given up.
pub(crate) async fn settled(app: &TestApp) {
    let watcher = app.database.connect(Role::Maintenance).await;
    let now = kernel::Clock::now(&*app.clock);
    // What is in work is available again when its claim runs out.
    let due = format!(
        "SELECT count(*) FROM outbox WHERE handled_at IS NULL AND failed_at IS NULL
             AND (available_at <= '{now}' OR locked_until IS NOT NULL)"
    );
    until("everything due is done", async || {
        app.shared.wake().notify();
        count_by(&watcher, &due).await == 0
    })
    .await;
    let troubled = "SELECT count(*) FROM outbox WHERE failed_at IS NOT NULL OR last_error IS NOT NULL";
    assert_eq!(count_by(&watcher, troubled).await, 0, "a job failed");
}

/// The system acting for aurora, as jobs and the workflows of replies do.
pub(crate) fn system(app: &TestApp) -> (Db, System) {
    (
        app.database.db(app.clock.clone(), 2),
        System::acting_for(world::clinic("aurora"), "test"),
    )
}

/// What `work` comes to in a transaction of aurora.
pub(crate) async fn in_aurora<T>(
    app: &TestApp,
    work: impl AsyncFn(&mut TenantTx<'_>) -> Result<T, appointments::waitlist::WaitlistError>,
) -> T {
    let (db, system) = system(app);
    db.write(&system, async |tx| work(tx).await).await.unwrap()
}

/// What the text comes to when `contact` writes it now.
pub(crate) async fn reply(app: &TestApp, contact: ContactId, text: &str) -> Option<appointments::outreach::Answered> {
    in_aurora(app, async |tx| {
        let now = tx.now();
        appointments::outreach::answer(tx, contact, text, now).await
    })
    .await
}

/// Somebody who waits for a `consulta` of dr-lima on Tuesday between nine and half past.
pub(crate) fn tuesday_nine(contact: &str) -> Value {
    json!({
        "contact_id": contact, "service_id": world::service("consulta"), "practitioner_id": world::practitioner("dr-lima"),
        "windows": [{"from_date": "2026-11-24", "until_date": "2026-11-24", "from_time": "09:00", "until_time": "09:30"}],
    })
}

/// Puts somebody on the list.
pub(crate) async fn wait(actor: &Actor, body: Value) -> Answer {
    actor.post(WAITLIST, body).await.expect_status(201)
}

/// The offers to an entry, the oldest first.
pub(crate) async fn offers_to(actor: &Actor, entry: &str) -> Vec<Value> {
    actor
        .get(&format!("{WAITLIST}/{entry}/offers"))
        .await
        .expect_status(200)
        .data()
        .to_vec()
}

/// How each offer to an entry stands, the oldest first.
pub(crate) async fn standing(actor: &Actor, entry: &str) -> Vec<String> {
    offers_to(actor, entry)
        .await
        .iter()
        .map(|offer| offer["status"].as_str().unwrap().to_owned())
        .collect()
}

async fn status_of(actor: &Actor, entry: &str) -> String {
    let shown = actor.get(&format!("{WAITLIST}/{entry}")).await.expect_status(200);
    shown.body["status"].as_str().unwrap().to_owned()
}

/// The address of the last offer to an entry.
async fn last_offer(actor: &Actor, entry: &str) -> String {
    let offers = offers_to(actor, entry).await;
    let id = offers.last().expect("an offer")["id"].as_str().unwrap();
    format!("{WAITLIST}/{entry}/offers/{id}")
}

pub(crate) async fn post(actor: &Actor, path: &str) -> Answer {
    actor.call(reqwest::Method::POST, path).send().await
}

/// Tuesday at nine is taken by Maria; gives her appointment.
pub(crate) async fn taken(actor: &Actor) -> String {
    crate::agenda::book(actor, consulta(&crate::agenda::tuesday("09:00")))
        .await
        .id()
        .to_owned()
}

/// Calls an appointment off.
pub(crate) async fn call_off(actor: &Actor, appointment: &str) {
    crate::agenda::act(actor, appointment, "cancel")
        .await
        .assert_status(200);
}

/// A `consulta` on Tuesday at nine for `contact`.
fn booking(contact: &str) -> Value {
    with(
        consulta(&crate::agenda::tuesday("09:00")),
        json!({ "contact_id": contact }),
    )
}
