//! Walks the document: every operation is tried without a token, without its permission, with exactly its permission, and with
//! another clinic's ids. An operation that has no case here fails.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Permission, PermissionSet};
use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Actor, Answer};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::HttpMethod;

use crate::app::TestApp;

/// Operations that anyone may call. This list only shrinks.
const PUBLIC: &[&str] = &[
    "get_jwks",
    "read_calendar_feed",
    "login",
    "refresh",
    "request_password_reset",
    "complete_password_reset",
    "accept_invitation",
    // By a ticket, which somebody signed in has asked for.
    "open_realtime",
    "begin_webchat_visit",
    "send_webchat_message",
    "list_webchat_messages",
    "read_webchat_messages",
    // By the inbox's token, and signed.
    "verify_whatsapp_hook",
    "receive_whatsapp_hook",
];

/// One operation of the document.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The permission that it documents; `None` when it only wants somebody to be signed in.
    pub(crate) permission: Option<Permission>,
    pub(crate) is_public: bool,
}

pub(crate) fn operations() -> Vec<Operation> {
    let mut document: OpenApi = gateway::app::described();
    let mut found = Vec::new();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in rest::openapi::operations(item) {
            let demands = serde_json::to_value(&operation.security).unwrap();
            let is_public = demands
                .as_array()
                .is_none_or(|demands| demands.iter().all(|demand| demand == &json!({})));
            let permission = demands[0]["bearer"][0].as_str().map(|name| name.parse().unwrap());
            found.push(Operation {
                id: operation.operation_id.clone().expect("an operation has an id"),
                method: method_of(&method),
                path: path.clone(),
                permission,
                is_public,
            });
        }
    }
    found
}

fn method_of(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
        _ => panic!("a method that the walk does not know"),
    }
}

/// Ids of one clinic's rows, by the word of the path that they stand behind.
pub(crate) type Ids = BTreeMap<&'static str, String>;

/// The kinds of rows that stand in paths, with a body that makes one where the world has none.
fn kinds(ids: &Ids) -> Vec<(&'static str, String, Option<Value>)> {
    let of = |kind: &str| ids.get(kind).cloned().unwrap_or_default();
    let practitioner = of("practitioners");
    let in_conversation = |what: &str| format!("/v1/conversations/{}/{what}", of("conversations"));
    let kinds: Vec<(&'static str, String, Option<Value>)> = vec![
        ("practitioners", "/v1/practitioners".to_owned(), None),
        ("rooms", "/v1/rooms".to_owned(), None),
        ("services", "/v1/services".to_owned(), None),
        ("contacts", "/v1/contacts?sort=created_at".to_owned(), None),
        (
            "appointments",
            "/v1/appointments?from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z&status=scheduled".to_owned(),
            None,
        ),
        ("staff", "/v1/staff".to_owned(), None),
        ("sessions", "/v1/sessions".to_owned(), None),
        (
            "opening-hours",
            "/v1/opening-hours".to_owned(),
            Some(json!({"weekday": 7, "opens_at": "08:00", "closes_at": "12:00"})),
        ),
        (
            "holidays",
            "/v1/holidays".to_owned(),
            Some(json!({"date": "2026-12-24", "name": "Véspera", "scope": "clinic"})),
        ),
        (
            "time-off",
            "/v1/time-off".to_owned(),
            Some(json!({"starts_at": "2027-03-01T12:00:00Z", "ends_at": "2027-03-02T12:00:00Z"})),
        ),
        (
            "holds",
            "/v1/appointments/holds".to_owned(),
            Some(json!({
                "practitioner_id": practitioner, "starts_at": "2026-11-25T14:00:00Z", "ends_at": "2026-11-25T14:30:00Z",
            })),
        ),
        (
            "waitlist",
            "/v1/waitlist".to_owned(),
            // For a time that nothing is offered for yet.
            Some(json!({
                "contact_id": of("contacts"), "service_id": of("services"), "windows": [{"from_date": "2027-06-01"}],
            })),
        ),
        ("reminder-rules", "/v1/reminder-rules".to_owned(), None),
        (
            "appointment-series",
            "/v1/appointment-series".to_owned(),
            Some(json!({
                "contact_id": ids.get("contacts").cloned().unwrap_or_default(), "practitioner_id": practitioner,
                "starts_at": "2026-12-01T14:00:00Z", "ends_at": "2026-12-01T14:30:00Z", "rule": "FREQ=WEEKLY;COUNT=2",
            })),
        ),
        (
            "external",
            "/v1/calendar/external".to_owned(),
            Some(json!({
                "name": "Elsewhere", "practitioner_id": practitioner, "url": "https://calendar.invalid/private.ics",
            })),
        ),
        (
            "feeds",
            "/v1/calendar/feeds".to_owned(),
            Some(json!({"name": "Agenda", "practitioner_id": practitioner})),
        ),
        (
            "api-keys",
            "/v1/api-keys".to_owned(),
            Some(json!({"name": "Integration", "permissions": ["contacts:read"]})),
        ),
        (
            "webhook-endpoints",
            "/v1/webhook-endpoints".to_owned(),
            // Where nobody listens.
            Some(json!({"url": "http://127.0.0.1:9/", "events": ["*"]})),
        ),
        (
            "invitations",
            "/v1/invitations".to_owned(),
            Some(json!({"email": "someone@clinic.example", "name": "Someone New", "roles": ["receptionist"]})),
        ),
        ("dead-letters", "/v1/monitoring/dead-letters".to_owned(), None),
        (
            "inboxes",
            "/v1/inboxes".to_owned(),
            Some(json!({"channel": "whatsapp", "name": "WhatsApp", "settings": {"phone_number_id": "1"}})),
        ),
        (
            "message-templates",
            "/v1/message-templates".to_owned(),
            Some(
                json!({"inbox_id": of("inboxes"), "name": "lembrete", "language": "pt_BR", "category": "utility", "body": "Oi"}),
            ),
        ),
        (
            "canned-responses",
            "/v1/canned-responses".to_owned(),
            Some(json!({"shortcut": "oi", "body": "Oi"})),
        ),
        (
            "conversations",
            "/v1/conversations".to_owned(),
            Some(json!({"inbox_id": of("inboxes"), "contact_id": of("contacts")})),
        ),
        (
            "messages",
            in_conversation("messages"),
            Some(json!({"kind": "note", "body": "Ligar amanhã"})),
        ),
        (
            "message-attachments",
            in_conversation("attachments"),
            Some(json!({"any": "text"})),
        ),
    ];
    kinds
}

/// One row of each kind, as `owner` sees them; made where there is none.
pub(crate) async fn rows_of(app: &TestApp, member: &str) -> Ids {
    crate::queue::give_up_one_each(app).await;
    let owner = &app.actor(member);
    let mut ids = Ids::new();
    for index in 0..kinds(&ids).len() {
        let (kind, path, body) = kinds(&ids).swap_remove(index);
        let listed = owner.get(&path).await.expect_status(200);
        let id = match (listed.data().first(), body) {
            (Some(row), _) => row["id"].as_str().expect("a row has an id").to_owned(),
            (None, Some(body)) => {
                let made = owner.post(&path, body).await.expect_status(201);
                made_id(&made.body).unwrap_or_else(|| panic!("no id in {made}"))
            }
            (None, None) => panic!("the world has no {kind}"),
        };
        ids.insert(kind, id);
    }
    // A delivery is made by trying an endpoint out.
    let test = format!("/v1/webhook-endpoints/{}/test", ids["webhook-endpoints"]);
    let delivery = owner.call(Method::POST, &test).send().await.expect_status(202);
    ids.insert("deliveries", delivery.id().to_owned());
    ids.insert("contact-merges", merge_by(owner).await);
    let file = crate::imports::upload(owner, "contacts", "Nome\nIda Soares\n").await;
    ids.insert("imports", file.expect_status(201).id().to_owned());
    ids
}

/// A merge that `owner` makes.
async fn merge_by(owner: &Actor) -> String {
    let mut pair = Vec::new();
    for name in ["Ana Um", "Ana Dois"] {
        let made = owner
            .post("/v1/contacts", json!({"name": name}))
            .await
            .expect_status(201);
        pair.push(made.id().to_owned());
    }
    let path = format!("/v1/contacts/{}/merge", pair[0]);
    let merged = owner.post(&path, json!({"from_id": pair[1]})).await.expect_status(200);
    merged.id().to_owned()
}

/// The id of what was made: at the top, or one level below beside a secret.
fn made_id(body: &Value) -> Option<String> {
    let id = body["id"]
        .as_str()
        .or_else(|| body.as_object()?.values().find_map(|value| value["id"].as_str()));
    id.map(str::to_owned)
}

/// How an operation is called, and where another clinic's id could get in.
struct Case {
    body: Option<Value>,
    foreign: Foreign,
}

/// Where another clinic's id could get in.
enum Foreign {
    /// In the path: 404.
    Path,
    /// In these filters: an empty list.
    Filters(&'static [(&'static str, &'static str)]),
    /// In these fields of the body: 422 with the field's pointer.
    Fields(Vec<(&'static str, Value)>),
    /// In the path, and in these fields.
    PathAndFields(Vec<(&'static str, Value)>),
    /// Nowhere.
    Nowhere,
}

fn case_of(operation: &str, foreign: &Ids, own: &Ids) -> Option<Case> {
    use Foreign::{Fields, Filters, Nowhere, Path, PathAndFields};
    let of = |kind: &str| Value::from(foreign[kind].clone());
    let mine = |kind: &str| Value::from(own[kind].clone());
    let slot = |field: &str, id: Value| {
        let mut body = json!({
            "contact_id": mine("contacts"), "practitioner_id": mine("practitioners"),
            "starts_at": "2026-11-26T14:00:00Z", "ends_at": "2026-11-26T14:30:00Z",
        });
        body[field] = id;
        body
    };
    let held = |field: &str, id: Value| {
        let mut body = slot(field, id);
        if field != "contact_id" {
            body.as_object_mut().unwrap().remove("contact_id");
        }
        body
    };
    let wish = |field: &str, id: Value| {
        let mut body = json!({"contact_id": mine("contacts"), "service_id": mine("services")});
        body[field] = id;
        body
    };
    let series = |field: &str, id: Value| {
        let mut body = slot(field, id);
        body["rule"] = json!("FREQ=WEEKLY;COUNT=2");
        body
    };
    let empty = Some(json!({}));
    let (body, foreign) = match operation {
        "get_api_key"
        | "revoke_api_key"
        | "get_hold"
        | "release_hold"
        | "get_appointment"
        | "check_in_appointment"
        | "complete_appointment"
        | "confirm_appointment"
        | "list_appointment_history"
        | "list_appointment_reminders"
        | "get_reminder_rule"
        | "archive_reminder_rule"
        | "get_waitlist_entry"
        | "remove_from_waitlist"
        | "list_waitlist_offers"
        | "accept_waitlist_offer"
        | "decline_waitlist_offer"
        | "withdraw_waitlist_offer"
        | "mark_no_show"
        | "reopen_appointment"
        | "start_appointment"
        | "get_calendar_feed"
        | "get_series"
        | "get_external_calendar"
        | "archive_external_calendar"
        | "refresh_external_calendar"
        | "revoke_calendar_feed"
        | "get_contact"
        | "archive_contact"
        | "list_contact_consents"
        | "list_contact_duplicates"
        | "list_contact_merges"
        | "get_contact_merge"
        | "undo_contact_merge"
        | "get_import"
        | "list_import_rows"
        | "download_import_report"
        | "rehearse_import"
        | "start_import"
        | "pause_import"
        | "cancel_import"
        | "undo_import"
        | "get_holiday"
        | "delete_holiday"
        | "get_invitation"
        | "revoke_invitation"
        | "resend_invitation"
        | "get_opening_hours"
        | "delete_opening_hours"
        | "get_practitioner"
        | "archive_practitioner"
        | "get_room"
        | "archive_room"
        | "get_service"
        | "archive_service"
        | "end_session"
        | "get_staff_member"
        | "remove_staff_member"
        | "issue_password_reset"
        | "get_time_off"
        | "delete_time_off"
        | "retry_dead_letter"
        | "discard_dead_letter"
        | "get_webhook_endpoint"
        | "archive_webhook_endpoint"
        | "rotate_webhook_secret"
        | "test_webhook_endpoint"
        | "list_webhook_deliveries"
        | "get_webhook_delivery"
        | "resend_webhook_delivery" => (None, Path),
        "update_holiday"
        | "update_opening_hours"
        | "update_room"
        | "update_webhook_endpoint"
        | "update_inbox"
        | "update_canned_response"
        | "update_message_template"
        | "update_import"
        | "update_reminder_rule" => (empty, Path),
        "create_reminder_rule" => (
            empty,
            Fields(vec![(
                "/service_id",
                json!({"lead_minutes": 60, "service_id": of("services")}),
            )]),
        ),
        "add_to_waitlist" => (
            empty,
            Fields(vec![
                ("/contact_id", wish("contact_id", of("contacts"))),
                ("/service_id", wish("service_id", of("services"))),
                ("/practitioner_id", wish("practitioner_id", of("practitioners"))),
            ]),
        ),
        "update_waitlist_entry" => (
            empty,
            PathAndFields(vec![
                ("/service_id", json!({"service_id": of("services")})),
                ("/practitioner_id", json!({"practitioner_id": of("practitioners")})),
            ]),
        ),
        "make_waitlist_offer" => (
            Some(json!({"practitioner_id": mine("practitioners"), "starts_at": "2026-11-26T14:00:00Z"})),
            PathAndFields(vec![
                (
                    "/practitioner_id",
                    json!({"practitioner_id": of("practitioners"), "starts_at": "2026-11-26T14:00:00Z"}),
                ),
                (
                    "/room_id",
                    json!({"practitioner_id": mine("practitioners"), "room_id": of("rooms"),
                           "starts_at": "2026-11-26T14:00:00Z"}),
                ),
            ]),
        ),
        "list_waitlist" => (
            None,
            Filters(&[
                ("contact_id", "contacts"),
                ("service_id", "services"),
                ("practitioner_id", "practitioners"),
            ]),
        ),
        "list_waitlist_matches" => (None, Filters(&[("practitioner_id", "practitioners")])),
        "list_reminder_rules" => (None, Filters(&[("service_id", "services")])),
        "get_inbox"
        | "renew_inbox_token"
        | "archive_inbox"
        | "get_canned_response"
        | "archive_canned_response"
        | "get_message_template"
        | "archive_message_template"
        | "get_conversation"
        | "assign_conversation"
        | "resolve_conversation"
        | "reopen_conversation"
        | "mark_conversation_read"
        | "list_messages"
        | "get_message"
        | "resend_message"
        | "list_message_attachments"
        | "download_message_attachment" => (None, Path),
        "snooze_conversation" => (Some(json!({"until": "2026-12-01T12:00:00Z"})), Path),
        "upload_message_attachment" => (empty, Nowhere),
        "update_conversation" => (
            empty,
            PathAndFields(vec![("/assignee_id", json!({"assignee_id": of("staff")}))]),
        ),
        "send_message" => (
            Some(json!({"kind": "note", "body": "Oi"})),
            PathAndFields(vec![
                (
                    "/reply_to_id",
                    json!({"kind": "note", "body": "Oi", "reply_to_id": of("messages")}),
                ),
                ("/template_id", json!({"template_id": of("message-templates")})),
                (
                    "/attachment_ids/0",
                    json!({"kind": "note", "body": "Oi", "attachment_ids": [of("message-attachments")]}),
                ),
            ]),
        ),
        "create_conversation" => (
            empty,
            Fields(vec![
                (
                    "/inbox_id",
                    json!({"inbox_id": of("inboxes"), "contact_id": mine("contacts")}),
                ),
                (
                    "/contact_id",
                    json!({"inbox_id": mine("inboxes"), "contact_id": of("contacts")}),
                ),
            ]),
        ),
        "create_message_template" => (
            empty,
            Fields(vec![(
                "/inbox_id",
                json!({"inbox_id": of("inboxes"), "name": "outro", "language": "pt_BR", "category": "utility", "body": "Oi"}),
            )]),
        ),
        "list_conversations" => (
            None,
            Filters(&[
                ("inbox_id", "inboxes"),
                ("contact_id", "contacts"),
                ("assignee", "staff"),
            ]),
        ),
        "list_message_templates" => (None, Filters(&[("inbox_id", "inboxes")])),
        "search_messages" => (None, Filters(&[("q=amanha&conversation_id", "conversations")])),
        "update_staff_member" => (Some(json!({"roles": ["receptionist"]})), Path),
        "cancel_appointment" => (Some(json!({"by": "clinic"})), Path),
        "reschedule_appointment" => (
            Some(json!({"starts_at": "2026-11-26T15:00:00Z", "ends_at": "2026-11-26T15:30:00Z"})),
            PathAndFields(vec![(
                "/practitioner_id",
                json!({"starts_at": "2026-11-26T15:00:00Z", "ends_at": "2026-11-26T15:30:00Z",
                       "practitioner_id": of("practitioners")}),
            )]),
        ),
        "update_appointment" => (
            empty,
            PathAndFields(vec![
                ("/room_id", json!({"room_id": of("rooms")})),
                ("/service_id", json!({"service_id": of("services")})),
            ]),
        ),
        "settle_contact_consent" | "record_contact_consent" => (
            Some(json!({"purpose": "reminders", "granted": true, "origin": "front desk"})),
            Path,
        ),
        "merge_contacts" => (
            Some(json!({"from_id": mine("contacts")})),
            PathAndFields(vec![("/from_id", json!({"from_id": of("contacts")}))]),
        ),
        "update_contact" => (
            empty,
            PathAndFields(vec![(
                "/guardian/contact_id",
                json!({"guardian": {"contact_id": of("contacts")}}),
            )]),
        ),
        "update_practitioner" => (
            empty,
            PathAndFields(vec![
                ("/service_ids/0", json!({"service_ids": [of("services")]})),
                ("/membership_id", json!({"membership_id": of("staff")})),
            ]),
        ),
        "update_service" => (
            empty,
            PathAndFields(vec![
                (
                    "/practitioner_ids/0",
                    json!({"practitioner_ids": [of("practitioners")]}),
                ),
                ("/room_ids/0", json!({"room_ids": [of("rooms")]})),
            ]),
        ),
        "update_time_off" => (empty, Path),
        "book_appointment" => (
            empty,
            Fields(vec![
                ("/contact_id", slot("contact_id", of("contacts"))),
                ("/practitioner_id", slot("practitioner_id", of("practitioners"))),
                ("/room_id", slot("room_id", of("rooms"))),
                ("/service_id", slot("service_id", of("services"))),
                ("/hold_id", slot("hold_id", of("holds"))),
            ]),
        ),
        "preview_series" | "create_series" => (
            empty,
            Fields(vec![
                ("/contact_id", series("contact_id", of("contacts"))),
                ("/practitioner_id", series("practitioner_id", of("practitioners"))),
                ("/room_id", series("room_id", of("rooms"))),
                ("/service_id", series("service_id", of("services"))),
            ]),
        ),
        "change_series" => (
            Some(json!({"scope": "all", "notes": "Later"})),
            PathAndFields(vec![
                (
                    "/practitioner_id",
                    json!({"scope": "all", "practitioner_id": of("practitioners")}),
                ),
                ("/room_id", json!({"scope": "all", "room_id": of("rooms")})),
                ("/service_id", json!({"scope": "all", "service_id": of("services")})),
                (
                    "/appointment_id",
                    json!({"scope": "this", "notes": "Later", "appointment_id": of("appointments")}),
                ),
            ]),
        ),
        "cancel_series" => (
            Some(json!({"scope": "all"})),
            PathAndFields(vec![(
                "/appointment_id",
                json!({"scope": "this", "appointment_id": of("appointments")}),
            )]),
        ),
        "list_series" => (
            None,
            Filters(&[("practitioner_id", "practitioners"), ("contact_id", "contacts")]),
        ),
        "create_external_calendar" => (
            empty,
            Fields(vec![(
                "/practitioner_id",
                json!({"name": "Elsewhere", "practitioner_id": of("practitioners"),
                       "url": "https://calendar.invalid/private.ics"}),
            )]),
        ),
        "update_external_calendar" => (empty, Path),
        "list_external_calendars" => (None, Filters(&[("practitioner_id", "practitioners")])),
        "create_hold" => (
            empty,
            Fields(vec![
                ("/contact_id", held("contact_id", of("contacts"))),
                ("/practitioner_id", held("practitioner_id", of("practitioners"))),
                ("/room_id", held("room_id", of("rooms"))),
                ("/service_id", held("service_id", of("services"))),
            ]),
        ),
        "create_calendar_feed" => (
            empty,
            Fields(vec![
                (
                    "/practitioner_id",
                    json!({"name": "Feed", "practitioner_id": of("practitioners")}),
                ),
                ("/room_id", json!({"name": "Feed", "room_id": of("rooms")})),
            ]),
        ),
        "create_contact" => (
            empty,
            Fields(vec![(
                "/guardian/contact_id",
                json!({"name": "Ana", "guardian": {"contact_id": of("contacts")}}),
            )]),
        ),
        "create_practitioner" => (
            empty,
            Fields(vec![
                (
                    "/service_ids/0",
                    json!({"name": "Ana Reis", "registration": {"council": "CRM", "number": "998877", "state": "SP"},
                           "service_ids": [of("services")]}),
                ),
                (
                    "/membership_id",
                    json!({"name": "Ana Reis", "registration": {"council": "CRM", "number": "998877", "state": "SP"},
                           "membership_id": of("staff")}),
                ),
            ]),
        ),
        "create_service" => (
            empty,
            Fields(vec![
                (
                    "/practitioner_ids/0",
                    json!({"name": "Nova", "duration_minutes": 30, "price": {"amount_cents": 0, "currency": "BRL"}, "practitioner_ids": [of("practitioners")]}),
                ),
                (
                    "/room_ids/0",
                    json!({"name": "Nova", "duration_minutes": 30, "price": {"amount_cents": 0, "currency": "BRL"}, "needs_room": true, "room_ids": [of("rooms")]}),
                ),
            ]),
        ),
        "create_time_off" => (
            empty,
            Fields(vec![(
                "/practitioner_id",
                json!({"starts_at": "2027-03-01T12:00:00Z", "ends_at": "2027-03-02T12:00:00Z",
                       "practitioner_id": of("practitioners")}),
            )]),
        ),
        "create_opening_hours" => (
            empty,
            Fields(vec![(
                "/practitioner_id",
                json!({"weekday": 1, "opens_at": "08:00", "closes_at": "12:00", "practitioner_id": of("practitioners")}),
            )]),
        ),
        "replace_opening_hours" => (
            empty,
            Fields(vec![(
                "/practitioner_id",
                json!({"practitioner_id": of("practitioners"), "hours": []}),
            )]),
        ),
        "list_appointments" => (
            None,
            Filters(&[
                ("practitioner_id", "practitioners"),
                ("contact_id", "contacts"),
                ("room_id", "rooms"),
                ("series_id", "appointment-series"),
            ]),
        ),
        "list_holds" => (None, Filters(&[("practitioner_id", "practitioners")])),
        "list_opening_hours" | "list_time_off" => (None, Filters(&[("practitioner_id", "practitioners")])),
        "list_practitioners" => (None, Filters(&[("service_id", "services")])),
        "list_services" => (None, Filters(&[("practitioner_id", "practitioners")])),
        "list_sessions" => (None, Filters(&[("membership_id", "staff")])),
        "list_slots" => (
            None,
            Filters(&[
                ("duration_minutes=30&practitioner_id", "practitioners"),
                ("service_id", "services"),
            ]),
        ),
        "explain_slot"
        | "list_inboxes"
        | "list_canned_responses"
        | "count_conversations"
        | "list_calendar_feeds"
        | "list_contacts"
        | "list_holidays"
        | "list_imports"
        | "upload_import"
        | "list_invitations"
        | "list_rooms"
        | "list_staff"
        | "list_roles"
        | "list_api_keys"
        | "list_webhook_endpoints"
        | "list_events"
        | "list_event_types"
        | "get_clinic"
        | "get_outreach_settings"
        | "get_me"
        | "get_queue"
        | "list_dead_letters"
        | "export_contacts" => (None, Nowhere),
        "update_clinic"
        | "update_outreach_settings"
        | "create_inbox"
        | "create_canned_response"
        | "create_api_key"
        | "create_webhook_endpoint"
        | "create_holiday"
        | "create_room"
        | "create_invitation"
        | "import_national_holidays"
        | "check_contact_duplicates"
        | "switch_clinic"
        | "change_password"
        | "renew_recovery_codes"
        | "enrol_totp"
        | "confirm_totp"
        | "disable_totp" => (empty, Nowhere),
        "logout" | "create_realtime_ticket" => (None, Nowhere),
        _ => return None,
    };
    Some(Case { body, foreign })
}

/// The address of `operation` with the row of its kind among `ids`.
pub(crate) fn address(operation: &Operation, ids: &Ids) -> String {
    let segments: Vec<&str> = operation.path.split('/').collect();
    let mut path = operation.path.clone();
    for place in ["{id}", "{delivery_id}"] {
        if let Some(found) = segments.iter().position(|segment| *segment == place) {
            path = path.replace(place, &ids[segments[found - 1]]);
        }
    }
    path
}

async fn call(actor: &Actor, operation: &Operation, path: &str, body: Option<&Value>) -> Answer {
    let call = actor.call(operation.method.clone(), path);
    match body {
        Some(body) => call.json(body).send().await,
        None => call.send().await,
    }
}

fn all_but(permission: Permission) -> PermissionSet {
    Permission::ALL
        .iter()
        .copied()
        .filter(|other| *other != permission)
        .collect()
}

fn secured() -> impl Iterator<Item = Operation> {
    operations().into_iter().filter(|operation| !operation.is_public)
}

#[test]
fn only_what_is_on_the_list_is_open_to_all() {
    let mut open: Vec<String> = operations()
        .into_iter()
        .filter(|operation| operation.is_public)
        .map(|operation| operation.id)
        .collect();
    let mut listed: Vec<String> = PUBLIC.iter().map(ToString::to_string).collect();
    open.sort();
    listed.sort();
    assert_eq!(open, listed);
}

#[test]
fn every_operation_has_a_case() {
    let ids: Ids = kinds(&Ids::new())
        .into_iter()
        .map(|(kind, ..)| (kind, String::new()))
        .collect();
    let missing: Vec<String> = secured()
        .map(|operation| operation.id)
        .filter(|id| case_of(id, &ids, &ids).is_none())
        .collect();
    assert!(missing.is_empty(), "add cases for {missing:?}");
}

#[tokio::test]
async fn without_a_token_every_operation_is_401() {
    let Some(app) = TestApp::start().await else { return };
    let ids = rows_of(&app, "owner@aurora").await;
    for operation in secured() {
        let answer = call(&app.api.nobody(), &operation, &address(&operation, &ids), None).await;
        assert_eq!(answer.status, 401, "{}: {answer}", operation.id);
        answer.assert_is_problem();
    }
}

#[tokio::test]
async fn without_its_permission_every_operation_is_403() {
    let Some(app) = TestApp::start().await else { return };
    let ids = rows_of(&app, "owner@aurora").await;
    for operation in secured() {
        let Some(permission) = operation.permission else {
            continue;
        };
        let caller = app.integration("aurora", all_but(permission)).await;
        // No body: what may not be done is refused before anything is read.
        let answer = call(&caller, &operation, &address(&operation, &ids), None).await;
        assert_eq!(answer.status, 403, "{}: {answer}", operation.id);
        assert_eq!(
            answer.body["permission"],
            permission.name(),
            "{}: {answer}",
            operation.id
        );
    }
}

#[tokio::test]
async fn the_documented_permission_is_enough() {
    let Some(app) = TestApp::start().await else { return };
    let ids = rows_of(&app, "owner@aurora").await;
    for operation in secured() {
        let Some(permission) = operation.permission else {
            continue;
        };
        let caller = app.integration("aurora", PermissionSet::of(&[permission])).await;
        let case = case_of(&operation.id, &ids, &ids).expect("a case");
        // Nothing is there under this id, so that nothing is archived on the way.
        let nothing: Ids = ids.keys().map(|kind| (*kind, uuid::Uuid::max().to_string())).collect();
        let answer = call(&caller, &operation, &address(&operation, &nothing), case.body.as_ref()).await;
        assert_ne!(answer.body["code"], "permission_denied", "{}: {answer}", operation.id);
        assert!(!answer.status.is_server_error(), "{}: {answer}", operation.id);
    }
}

#[tokio::test]
async fn another_clinics_ids_find_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let (stranger, neighbour) = (app.actor("director@aurora"), app.actor("owner@horizonte"));
    let own = rows_of(&app, "owner@aurora").await;
    let foreign = rows_of(&app, "owner@horizonte").await;
    let mut leaks = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            leaks.push(what);
        }
    };
    for operation in secured() {
        let case = case_of(&operation.id, &foreign, &own).expect("a case");
        let name = &operation.id;
        if matches!(case.foreign, Foreign::Path | Foreign::PathAndFields(_)) {
            let path = address(&operation, &foreign);
            let answer = call(&stranger, &operation, &path, case.body.as_ref()).await;
            expect(answer.status == 404, format!("{name}: {answer}"));
            if operation.method == Method::GET {
                // It is there, for those to whom it belongs.
                let answer = neighbour.get(&path).await;
                expect(answer.status == 200, format!("{name} at home: {answer}"));
            }
        }
        if let Foreign::Fields(fields) | Foreign::PathAndFields(fields) = &case.foreign {
            for (pointer, body) in fields {
                let answer = call(&stranger, &operation, &address(&operation, &own), Some(body)).await;
                let mut errors = answer.body["errors"].as_array().into_iter().flatten();
                let named = errors.any(|error| error["pointer"] == *pointer);
                expect(answer.status == 422 && named, format!("{name} {pointer}: {answer}"));
            }
        }
        if let Foreign::Filters(filters) = &case.foreign {
            for (parameter, kind) in *filters {
                let path = format!("{}?{parameter}={}", operation.path, foreign[kind]);
                let answer = stranger.get(&path).await;
                let empty = answer.body["data"].as_array().is_some_and(Vec::is_empty);
                expect(answer.status == 200 && empty, format!("{name} {parameter}: {answer}"));
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n\n"));
}

#[test]
fn every_tag_that_is_used_is_described_and_no_other() {
    let document = serde_json::to_value(gateway::app::described()).unwrap();
    let described: BTreeSet<_> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].clone().to_string())
        .collect();
    let paths = document["paths"].as_object().unwrap().values();
    let used: BTreeSet<_> = paths
        .flat_map(|path| path.as_object().unwrap().values())
        .flat_map(|operation| operation["tags"].as_array().cloned().unwrap_or_default())
        .map(|tag| tag.to_string())
        .collect();
    assert_eq!(described, used);
}
