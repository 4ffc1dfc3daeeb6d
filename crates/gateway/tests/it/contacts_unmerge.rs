//! A merge that was a mistake: undone in every domain, field by field, and only where nothing was built on it since.

use chrono::TimeDelta;
use futures_util::future::join_all;
use kernel::InboxId;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, world};
use tokio_postgres::Client;

use crate::agenda::{book, consulta, tuesday, with};
use crate::app::TestApp;
use crate::contacts::{assert_faults, cpf, make_id};
use crate::conversations::{arrival, aurora, database, whatsapp, write_in};

fn path(id: &str) -> String {
    format!("/v1/contacts/{id}")
}

/// Merges `from` into `into`; gives the merge's id.
async fn merge(actor: &Actor, into: &str, from: &str, keep: Value) -> String {
    let body = json!({"from_id": from, "keep": keep});
    let merged = actor
        .post(&format!("{}/merge", path(into)), body)
        .await
        .expect_status(200);
    merged.id().to_owned()
}

async fn undo(actor: &Actor, merge: &str) -> Answer {
    actor.post(&format!("/v1/contact-merges/{merge}/undo"), json!({})).await
}

async fn answer_of(actor: &Actor, contact: &str, purpose: &str) {
    let consent = json!({"purpose": purpose, "granted": true, "origin": "front desk"});
    actor
        .post(&format!("{}/consents", path(contact)), consent)
        .await
        .assert_status(201);
}

/// Somebody waits for a day on which nothing is ever free, so that nothing is offered to them meanwhile.
fn on_a_sunday(contact: &str) -> Value {
    json!({"contact_id": contact, "service_id": world::service("consulta"),
           "windows": [{"from_date": "2026-11-29", "until_date": "2026-11-29"}]})
}

/// Everything that the database has of these contacts and what hangs on them, but for what counts writes.
async fn everything_of(client: &Client, ids: &[&str]) -> Vec<Value> {
    let ids = ids.join("','");
    let uncounted = "- 'version' - 'updated_at' - 'changed_in'";
    let sql = format!(
        "SELECT to_jsonb(c) {uncounted} FROM contacts c
           WHERE id IN ('{ids}') OR guardian_id IN ('{ids}') OR merged_into_id IN ('{ids}')
         UNION ALL SELECT to_jsonb(p) FROM contact_phones p WHERE contact_id IN ('{ids}')
         UNION ALL SELECT to_jsonb(k) FROM contact_consents k WHERE contact_id IN ('{ids}')
         UNION ALL SELECT to_jsonb(a) {uncounted} FROM appointments a WHERE contact_id IN ('{ids}')
         UNION ALL SELECT to_jsonb(h) {uncounted} FROM holds h WHERE contact_id IN ('{ids}')
         UNION ALL SELECT to_jsonb(w) {uncounted} FROM waitlist_entries w WHERE contact_id IN ('{ids}')
         UNION ALL SELECT to_jsonb(s) {uncounted} FROM appointment_series s WHERE contact_id IN ('{ids}')
         UNION ALL SELECT to_jsonb(i) {uncounted} FROM channel_identities i WHERE contact_id IN ('{ids}')
         UNION ALL SELECT to_jsonb(t) {uncounted} FROM conversations t WHERE contact_id IN ('{ids}')"
    );
    let rows = client.query(&sql, &[]).await.unwrap();
    let mut rows: Vec<Value> = rows.iter().map(|row| row.get(0)).collect();
    rows.sort_by_key(ToString::to_string);
    rows
}

#[tokio::test]
async fn everything_is_as_it_was() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let into = make_id(
        &reception,
        json!({"name": "Maria C. Silva", "phone": "11 98888-7777", "tags": ["vip"]}),
    )
    .await;
    let from = make_id(
        &reception,
        json!({"name": "Maria Clara Silva", "phone": "11 3333-4444", "tax_id": cpf(1), "tags": ["retorno"],
               "email": "maria@example.com", "custom_fields": {"plano": "A"}, "insurer": "Unimed"}),
    )
    .await;
    let child = make_id(
        &reception,
        json!({"name": "Bia Silva", "guardian": {"contact_id": from}}),
    )
    .await;
    let before_that = make_id(&reception, json!({"name": "Maria Silva"})).await;
    let _ = merge(&reception, &from, &before_that, json!({})).await;
    answer_of(&reception, &from, "marketing").await;
    let booked = book(
        &reception,
        with(consulta(&tuesday("09:00")), json!({"contact_id": from})),
    )
    .await;
    let hold = with(consulta(&tuesday("11:00")), json!({"contact_id": from}));
    reception.post("/v1/appointments/holds", hold).await.assert_status(201);
    let entry = on_a_sunday(&from);
    reception.post("/v1/waitlist", entry).await.assert_status(201);
    let series = with(
        consulta(&tuesday("14:00")),
        json!({"contact_id": from, "rule": "FREQ=WEEKLY;COUNT=2"}),
    );
    reception
        .post("/v1/appointment-series", series)
        .await
        .assert_status(201);
    // Both have a talk in one inbox that goes on: the older one is resolved by the merge.
    let inbox = whatsapp(&app).await;
    let older = write_in(&app, inbox, "551133334444", "w1", "Oi").await.conversation;
    app.clock.advance(TimeDelta::minutes(1));
    write_in(&app, inbox, "5511988887777", "w2", "Bom dia").await;
    let maintenance = app.database.connect(Role::Maintenance).await;
    let before = everything_of(&maintenance, &[&into, &from]).await;

    let merged = merge(&reception, &into, &from, json!({"name": "from"})).await;
    assert_ne!(everything_of(&maintenance, &[&into, &from]).await, before);
    reception.get(&path(&before_that)).await.assert_status(308);
    let talk = format!("/v1/conversations/{older}");
    assert_eq!(reception.get(&talk).await.body["status"], "resolved");
    let undone = undo(&reception, &merged).await.expect_status(200);
    assert_eq!(everything_of(&maintenance, &[&into, &from]).await, before);
    assert_eq!(reception.get(&talk).await.body["status"], "open");

    assert_eq!(
        (
            &undone.body["contact"]["id"],
            &undone.body["survivor"]["id"],
            &undone.body["kept"]
        ),
        (&json!(from), &json!(into), &json!([]))
    );
    assert_eq!(
        undone.body["returned"],
        json!({"appointments": 3, "appointment_series": 1, "channel_identities": 1, "consents": 1, "conversations": 1,
               "conversations_resolved": 1, "guarded": 1, "holds": 1, "waitlist_entries": 1})
    );
    // What was cached under the merge is not shown any more.
    reception.get(&path(&from)).await.assert_status(200);
    let seen = reception.get(&format!("/v1/appointments/{}", booked.id())).await;
    assert_eq!(seen.body["contact_id"], json!(from));
    let seen = reception.get(&path(&child)).await;
    assert_eq!(seen.body["guardian"]["contact_id"], json!(from));
    let led = reception.get(&path(&before_that)).await.expect_status(308);
    assert_eq!(led.header("location"), Some(path(&from).as_str()));
    let told: i64 = maintenance
        .query_one(
            "SELECT count(*) FROM outbox WHERE kind = 'contact.unmerged' AND class = 'event'
               AND payload = jsonb_build_object('contact_id', $1::text, 'survivor_id', $2::text, 'merge_id', $3::text)",
            &[&from, &into, &merged],
        )
        .await
        .unwrap()
        .get(0);
    let audited: i64 = maintenance
        .query_one(
            "SELECT count(*) FROM audit_log WHERE action = 'contacts.unmerge' AND resource_id = $1::text::uuid",
            &[&from],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!((told, audited), (1, 1));
    // Once only.
    undo(&reception, &merged).await.assert_problem(409, "merge_undone");
    // And the two can be merged again.
    let _ = merge(&reception, &into, &from, json!({})).await;
}

#[tokio::test]
async fn what_was_changed_or_came_since_stays_with_the_survivor() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let into = make_id(
        &reception,
        json!({"name": "Ana Lima", "tags": ["vip"], "custom_fields": {"a": 1}}),
    )
    .await;
    let from = make_id(
        &reception,
        json!({"name": "Ana P. Lima", "email": "ana@example.com", "insurer": "Unimed", "source": "friend",
               "phone": "11 98888-7777", "tags": ["retorno"], "custom_fields": {"b": 2, "c": 3}}),
    )
    .await;
    let merged = merge(&reception, &into, &from, json!({})).await;
    let changes = json!({"email": "nova@example.com", "tags": ["vip", "retorno", "novo"],
        "custom_fields": {"a": 1, "b": 20, "c": 3, "d": 4}, "phones": [{"number": "11 98888-7777"}, {"number": "11 97777-6666"}]});
    reception.patch(&path(&into), changes).await.assert_status(200);
    answer_of(&reception, &into, "marketing").await;
    let later = book(
        &reception,
        with(consulta(&tuesday("09:00")), json!({"contact_id": into})),
    )
    .await;

    let undone = undo(&reception, &merged).await.expect_status(200);
    assert_eq!(
        undone.body["kept"],
        json!(["email", "tags", "custom_fields.b", "phones"])
    );
    let survivor = &undone.body["survivor"];
    assert_eq!(survivor["email"], "nova@example.com");
    assert_eq!(survivor["insurer"], Value::Null);
    assert_eq!(survivor["source"], Value::Null);
    assert_eq!(survivor["tags"], json!(["vip", "novo"]));
    assert_eq!(survivor["custom_fields"], json!({"a": 1, "b": 20, "d": 4}));
    assert_eq!(survivor["phones"].as_array().map(Vec::len), Some(1));
    assert_eq!(survivor["phone"], "+5511977776666");
    assert_eq!(survivor["consents"][0]["purpose"], "marketing");
    let seen = reception.get(&format!("/v1/appointments/{}", later.id())).await;
    assert_eq!(seen.body["contact_id"], json!(into));
    let back = &undone.body["contact"];
    assert_eq!(
        (&back["email"], &back["phone"]),
        (&json!("ana@example.com"), &json!("+5511988887777"))
    );
    // The record of the merge tells of it.
    let shown = reception
        .get(&format!("/v1/contact-merges/{merged}"))
        .await
        .expect_status(200);
    assert_eq!(shown.body["kept"], undone.body["kept"]);
    assert_eq!(
        shown.body["undone_by"],
        json!(world::user("reception@aurora").to_string())
    );
    assert_eq!(
        shown.body["changed"],
        json!(["custom_fields", "email", "insurer", "phones", "source", "tags"])
    );
}

/// Whose a row of a list or an address is.
async fn owner_of(actor: &Actor, address: &str) -> String {
    let shown = actor.get(address).await.expect_status(200);
    shown.body["contact_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_follows_from_a_series_goes_back_with_it() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let into = make_id(&reception, json!({"name": "Ana Lima"})).await;
    let from = make_id(&reception, json!({"name": "Ana P. Lima"})).await;
    let weekly = json!({"contact_id": from, "rule": "FREQ=WEEKLY;COUNT=4"});
    let made = reception
        .post("/v1/appointment-series", with(consulta(&tuesday("14:00")), weekly))
        .await
        .expect_status(201);
    let series = made.body["series"]["id"].as_str().unwrap().to_owned();
    let merged = merge(&reception, &into, &from, json!({})).await;
    // While both are one the series is changed: from its third time on it is another.
    let path = format!("/v1/appointment-series/{series}/change");
    let occurrences = async |id: &str| {
        let listed = reception.get(&format!("/v1/appointments?series_id={id}")).await;
        listed.expect_status(200).data().to_vec()
    };
    let third = occurrences(&series).await[2]["id"].clone();
    let later = json!({"scope": "following", "appointment_id": third, "starts_at": "2026-12-10T09:00:00-03:00"});
    let changed = reception.post(&path, later).await.expect_status(200);
    let split = changed.body["series"]["id"].as_str().unwrap().to_owned();
    assert_ne!(split, series);
    let own = book(
        &reception,
        with(consulta(&tuesday("09:00")), json!({"contact_id": into})),
    )
    .await;

    let undone = undo(&reception, &merged).await.expect_status(200);
    assert_eq!(undone.body["returned"]["appointment_series"], 2);
    assert_eq!(undone.body["returned"]["appointments"], 4);
    for series in [&series, &split] {
        assert_eq!(
            owner_of(&reception, &format!("/v1/appointment-series/{series}")).await,
            from
        );
        for occurrence in occurrences(series).await {
            assert_eq!(occurrence["contact_id"], json!(from));
        }
    }
    assert_eq!(
        owner_of(&reception, &format!("/v1/appointments/{}", own.id())).await,
        into
    );
}

#[tokio::test]
async fn what_an_entry_of_the_waiting_list_led_to_goes_back_with_it() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let into = make_id(&reception, json!({"name": "Ana Lima"})).await;
    let from = make_id(&reception, json!({"name": "Ana P. Lima"})).await;
    let mut entries = Vec::new();
    for _ in 0..2 {
        let made = reception
            .post("/v1/waitlist", on_a_sunday(&from))
            .await
            .expect_status(201);
        entries.push(format!("/v1/waitlist/{}", made.id()));
    }
    let merged = merge(&reception, &into, &from, json!({})).await;
    let mut offers = Vec::new();
    for (entry, time) in entries.iter().zip(["09:00", "10:00"]) {
        let time = json!({"practitioner_id": world::practitioner("dr-lima"), "starts_at": tuesday(time)});
        let offer = reception
            .post(&format!("{entry}/offers"), time)
            .await
            .expect_status(201);
        offers.push(format!("{entry}/offers/{}/accept", offer.id()));
    }
    let accept = async |path: &str| {
        reception
            .call(reqwest::Method::POST, path)
            .send()
            .await
            .expect_status(200)
    };
    // One is taken while both are one, the other after.
    accept(&offers[0]).await;
    let undone = undo(&reception, &merged).await.expect_status(200);
    assert_eq!(
        (
            &undone.body["returned"]["appointments"],
            &undone.body["returned"]["holds"]
        ),
        (&json!(1), &json!(1))
    );
    accept(&offers[1]).await;
    for entry in &entries {
        let shown = reception.get(entry).await.expect_status(200);
        assert_eq!(
            (&shown.body["status"], &shown.body["contact_id"]),
            (&json!("booked"), &json!(from))
        );
        let appointment = shown.body["appointment_id"].as_str().unwrap();
        assert_eq!(
            owner_of(&reception, &format!("/v1/appointments/{appointment}")).await,
            from
        );
    }
}

#[tokio::test]
async fn of_several_merges_the_newest_is_undone_first() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let mut ids = Vec::new();
    for name in ["Ana Um", "Ana Dois", "Ana Três", "Ana Quatro"] {
        ids.push(make_id(&reception, json!({"name": name})).await);
    }
    // 1 into 0, then 2 into 0, then 0 into 3.
    let first = merge(&reception, &ids[0], &ids[1], json!({})).await;
    let second = merge(&reception, &ids[0], &ids[2], json!({})).await;
    let third = merge(&reception, &ids[3], &ids[0], json!({})).await;
    for early in [&first, &second] {
        let refused = undo(&reception, early).await;
        refused.assert_problem(409, "merge_not_latest");
        assert_eq!(refused.body["merge_id"], json!(third));
    }
    undo(&reception, &third).await.assert_status(200);
    let refused = undo(&reception, &first).await;
    refused.assert_problem(409, "merge_not_latest");
    assert_eq!(refused.body["merge_id"], json!(second));
    undo(&reception, &second).await.assert_status(200);
    undo(&reception, &first).await.assert_status(200);
    for id in &ids {
        reception.get(&path(id)).await.assert_status(200);
    }
    let listed = reception
        .get(&format!("{}/merges?limit=2", path(&ids[0])))
        .await
        .expect_status(200);
    let column = |answer: &Answer| answer.data().iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
    assert_eq!(column(&listed), [json!(third), json!(second)]);
    let cursor = listed.body["page"]["next_cursor"].as_str().unwrap().to_owned();
    let rest = reception
        .get(&format!("{}/merges?limit=2&cursor={cursor}", path(&ids[0])))
        .await;
    assert_eq!(column(&rest), [json!(first)]);
}

#[tokio::test]
async fn a_cpf_that_is_anothers_by_now_is_told() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    // The one that went: the survivor let go of its CPF, and another took it.
    let into = make_id(&reception, json!({"name": "Ana Lima"})).await;
    let from = make_id(&reception, json!({"name": "Ana P. Lima", "tax_id": cpf(1)})).await;
    let merged = merge(&reception, &into, &from, json!({})).await;
    reception
        .patch(&path(&into), json!({"tax_id": null}))
        .await
        .assert_status(200);
    let other = make_id(&reception, json!({"name": "Outra Pessoa", "tax_id": cpf(1)})).await;
    let refused = undo(&reception, &merged).await;
    refused.assert_problem(409, "tax_id_taken");
    assert_eq!(
        (&refused.body["contact_id"], &refused.body["side"]),
        (&json!(other), &json!("from"))
    );
    reception.get(&path(&from)).await.assert_status(308);
    reception.delete(&path(&other)).await.assert_status(204);
    undo(&reception, &merged).await.assert_status(200);
    // The one that stayed: its CPF gave way to the other's, and somebody took it.
    let into = make_id(&reception, json!({"name": "Bia Reis", "tax_id": cpf(2)})).await;
    let from = make_id(&reception, json!({"name": "Bia R. Reis", "tax_id": cpf(3)})).await;
    let merged = merge(&reception, &into, &from, json!({"tax_id": "from"})).await;
    let other = make_id(&reception, json!({"name": "Outra Pessoa", "tax_id": cpf(2)})).await;
    let refused = undo(&reception, &merged).await;
    refused.assert_problem(409, "tax_id_taken");
    assert_eq!(
        (&refused.body["contact_id"], &refused.body["side"]),
        (&json!(other), &json!("into"))
    );
}

#[tokio::test]
async fn after_thirty_days_it_is_too_late() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let one = make_id(&reception, json!({"name": "Ana Lima"})).await;
    let other = make_id(&reception, json!({"name": "Ana P. Lima"})).await;
    let merged = merge(&reception, &one, &other, json!({})).await;
    app.clock.advance(TimeDelta::days(30));
    let reception = app.actor("reception@aurora");
    let shown = reception
        .get(&format!("/v1/contact-merges/{merged}"))
        .await
        .expect_status(200);
    app.clock.advance(TimeDelta::seconds(1));
    let refused = undo(&reception, &merged).await;
    refused.assert_problem(409, "merge_too_old");
    assert_eq!(refused.body["undoable_until"], shown.body["undoable_until"]);
}

#[tokio::test]
async fn undone_at_once_by_many_it_is_undone_once() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let into = make_id(&reception, json!({"name": "Ana Lima"})).await;
    let from = make_id(&reception, json!({"name": "Ana P. Lima", "tax_id": cpf(1)})).await;
    let merged = merge(&reception, &into, &from, json!({})).await;
    let answers = join_all((0..4).map(|_| undo(&reception, &merged))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(done.len(), 1, "{answers:?}");
    for answer in refused {
        answer.assert_problem(409, "merge_undone");
    }
}

#[tokio::test]
async fn a_merge_is_another_clinics_business_alone() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let into = make_id(&reception, json!({"name": "Ana Lima"})).await;
    let from = make_id(&reception, json!({"name": "Ana P. Lima"})).await;
    let merged = merge(&reception, &into, &from, json!({})).await;
    let stranger = app.actor("reception@horizonte");
    undo(&stranger, &merged).await.assert_problem(404, "merge_not_found");
    stranger
        .get(&format!("/v1/contact-merges/{merged}"))
        .await
        .assert_status(404);
    stranger
        .get(&format!("{}/merges", path(&into)))
        .await
        .assert_status(404);
}

#[tokio::test]
async fn nobody_who_was_merged_becomes_a_guardian() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let into = make_id(&reception, json!({"name": "Ana Lima"})).await;
    let from = make_id(&reception, json!({"name": "Ana P. Lima"})).await;
    let child = make_id(&reception, json!({"name": "Bia Lima"})).await;
    let _ = merge(&reception, &into, &from, json!({})).await;
    let named = json!({"guardian": {"contact_id": from}});
    assert_faults(
        &reception.patch(&path(&child), named.clone()).await,
        &["/guardian/contact_id merged_contact"],
    );
    let new = with(json!({"name": "Caio Lima"}), named);
    assert_faults(
        &reception.post("/v1/contacts", new).await,
        &["/guardian/contact_id merged_contact"],
    );
}

#[tokio::test]
async fn a_guardian_chosen_in_the_moment_of_a_merge_is_nobody_who_went() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let maintenance = app.database.connect(Role::Maintenance).await;
    for _ in 0..8 {
        let into = make_id(&reception, json!({"name": "Ana Lima"})).await;
        let from = make_id(&reception, json!({"name": "Ana P. Lima"})).await;
        let child = make_id(&reception, json!({"name": "Bia Lima"})).await;
        let (child, named) = (path(&child), json!({"guardian": {"contact_id": from}}));
        let (chosen, merged) = futures_util::join!(
            reception.patch(&child, named),
            merge(&reception, &into, &from, json!({}))
        );
        assert!(!merged.is_empty());
        assert!(chosen.status == 200 || chosen.status == 422, "{chosen}");
        let astray: i64 = maintenance
            .query_one(
                "SELECT count(*) FROM contacts c JOIN contacts g ON g.clinic_id = c.clinic_id AND g.id = c.guardian_id
                 WHERE g.merged_into_id IS NOT NULL AND c.merged_into_id IS NULL",
                &[],
            )
            .await
            .unwrap()
            .get(0);
        assert_eq!(astray, 0);
    }
}

/// Somebody, with some of what a contact may have; `number` keeps them apart.
fn anybody(number: u32) -> impl Strategy<Value = Value> {
    let texts = (
        prop::option::of("[a-z]{3,8}@example\\.com"),
        prop::option::of("[A-Z][a-z]{2,10}"),
        prop::option::of("[A-Z][a-z]{2,10}"),
    );
    let listed = (
        prop::collection::vec("[a-z]{2,5}", 0..4),
        prop::collection::vec(90_000_000_u32..90_000_006, 0..4),
        prop::collection::btree_map("[a-c]", 0..3_u8, 0..3),
    );
    let rest = (
        any::<bool>(),
        prop::sample::select(vec!["patient", "lead"]),
        prop::sample::select(vec!["active", "inactive"]),
        prop::option::of(1_u8..28),
        prop::collection::vec(prop::sample::select(vec!["marketing", "reminders"]), 0..3),
    );
    (texts, listed, rest).prop_map(
        move |((email, insurer, guardian), (mut tags, mut lines, fields), rest)| {
            let (has_cpf, kind, status, day, mut purposes) = rest;
            tags.sort();
            tags.dedup();
            lines.sort_unstable();
            lines.dedup();
            purposes.sort_unstable();
            purposes.dedup();
            let phones: Vec<_> = lines
                .iter()
                .map(|line| json!({"number": format!("119{line}")}))
                .collect();
            let consents: Vec<_> = purposes
                .iter()
                .map(|purpose| json!({"purpose": purpose, "granted": true, "origin": "form"}))
                .collect();
            json!({
                "name": format!("Pessoa {number}"), "email": email, "insurer": insurer, "tags": tags, "phones": phones,
                "custom_fields": fields, "kind": kind, "status": status, "tax_id": has_cpf.then(|| cpf(number)),
                "birth_date": day.map(|day| format!("1990-05-{day:02}")),
                "guardian": guardian.map(|name| json!({"name": name})), "consents": consents,
            })
        },
    )
}

/// A message of a contact comes in, whatever they are known by.
async fn talk_with(app: &TestApp, inbox: InboxId, contact: &str, id: &str) {
    let db = database(app);
    let inbox = crate::conversations::inbox(&db, inbox).await;
    let contact = contact.parse().unwrap();
    let message = arrival(&inbox, Vec::new(), id, kernel::Clock::now(&*app.clock), "Oi").message;
    db.write(&aurora(), async |tx| {
        conversations::messages::receive(tx, &inbox, contact, &message).await
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn whoever_is_merged_and_however_undoing_gives_back_exactly_what_was() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let maintenance = app.database.connect(Role::Maintenance).await;
    let inbox = whatsapp(&app).await;
    let mut runner = TestRunner::deterministic();
    let side = || prop::option::of(prop::sample::select(vec!["into", "from"]));
    for round in 0..24_u32 {
        let drawn = (
            anybody(2 * round + 1),
            anybody(2 * round + 2),
            prop::collection::vec(side(), 8),
            prop::collection::vec(any::<bool>(), 4),
        );
        let (one, other, sides, busy) = drawn.new_tree(&mut runner).unwrap().current();
        let into = make_id(&reception, one).await;
        let from = make_id(&reception, other).await;
        for (number, contact) in [&into, &from].into_iter().enumerate() {
            if busy[number] {
                let entry = on_a_sunday(contact);
                reception.post("/v1/waitlist", entry).await.assert_status(201);
            }
            if busy[number + 2] {
                talk_with(&app, inbox, contact, &format!("{round}/{number}")).await;
            }
        }
        let fields = [
            "name",
            "kind",
            "email",
            "phone",
            "birth_date",
            "guardian",
            "insurer",
            "custom_fields",
        ];
        let mut keep: serde_json::Map<_, _> = fields
            .iter()
            .zip(&sides)
            .map(|(field, side)| ((*field).to_owned(), json!(side)))
            .collect();
        keep.insert("tax_id".to_owned(), json!(sides[0].unwrap_or("from")));
        let before = everything_of(&maintenance, &[&into, &from]).await;
        let merged = merge(&reception, &into, &from, Value::Object(keep)).await;
        let undone = undo(&reception, &merged).await.expect_status(200);
        assert_eq!(undone.body["kept"], json!([]), "{undone}");
        assert_eq!(everything_of(&maintenance, &[&into, &from]).await, before);
    }
}
