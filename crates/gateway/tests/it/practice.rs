//! What a clinic works with: its settings, its staff, who treats whom where, and when it is open.

mod fields;
mod holidays;
mod opening_hours;
mod pages;
mod practitioners;
mod rooms;
mod services;
mod settings;
mod staff;
mod time_off;

use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Actor, Answer, world};

use crate::app::TestApp;

/// An id that no clinic has.
pub(crate) const UNKNOWN_ID: &str = "01930000-0000-7000-8000-00000000dead";

/// A change that minds the version in `etag`.
pub(crate) async fn patch_if(actor: &Actor, path: &str, etag: &str, body: Value) -> Answer {
    actor
        .call(Method::PATCH, path)
        .header("if-match", etag)
        .json(&body)
        .send()
        .await
}

/// A removal that minds the version in `etag`.
pub(crate) async fn delete_if(actor: &Actor, path: &str, etag: &str) -> Answer {
    actor.call(Method::DELETE, path).header("if-match", etag).send().await
}

/// An ETag of a version that no row of these tests reaches.
pub(crate) const STALE: &str = "\"99-0\"";

/// Makes what `body` says and gives its id.
pub(crate) async fn made(actor: &Actor, path: &str, body: Value) -> String {
    actor.post(path, body).await.expect_status(201).id().to_owned()
}

/// The texts under `name` of the rows of a page.
pub(crate) fn column<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer
        .data()
        .iter()
        .map(|row| row[name].as_str().unwrap_or_else(|| panic!("no {name}: {row}")))
        .collect()
}

/// An hour of Maria's with dr-lima next Tuesday, of the service `exame`, in `room`.
pub(crate) async fn book_exame(app: &TestApp, room: &str) -> String {
    let body = json!({
        "contact_id": world::contact("maria"), "practitioner_id": world::practitioner("dr-lima"),
        "service_id": world::service("exame"), "room_id": room,
        "starts_at": "2026-11-24T09:00:00-03:00", "ends_at": "2026-11-24T09:45:00-03:00"
    });
    made(&app.actor("reception@aurora"), "/v1/appointments", body).await
}
