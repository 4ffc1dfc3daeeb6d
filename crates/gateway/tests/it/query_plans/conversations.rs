//! The inbox and what is in it.

use test_support::{Role, TestDatabase, world};

use super::people::people;
use super::usage::analyze;
use super::{ROUNDS, faults_of, get};
use crate::app::TestApp;

/// The tables that are never to be read from beginning to end.
const LARGE: [&str; 5] = [
    "contacts",
    "contact_phones",
    "conversations",
    "messages_2026_11",
    "audit_log_default",
];

/// A conversation of each person of 20,000, with three messages, a fifth of them open; and the one with 300 messages.
async fn conversations(database: &TestDatabase) -> String {
    let maintenance = database.connect(Role::Maintenance).await;
    let (aurora, member) = (world::clinic("aurora"), world::membership("reception@aurora"));
    // Ids of November, as the server would have made them.
    let of_november =
        "(substr(lowest_uuid_at('2026-11-10')::text, 1, 14) || substr(gen_random_uuid()::text, 15))::uuid";
    maintenance
        .batch_execute(&format!(
            "INSERT INTO inboxes (clinic_id, id, channel, name, token_hash)
             SELECT id, id, 'whatsapp', 'WhatsApp', uuid_send(id) FROM clinics;
             INSERT INTO conversations (clinic_id, id, inbox_id, contact_id, status, resolved_at, unread_count, waiting_since,
                                        last_message_at, last_message_preview, last_message_direction, last_inbound_at, message_count)
             SELECT clinic_id, {of_november}, clinic_id, id, CASE WHEN n % 5 = 0 THEN 'open' ELSE 'resolved' END,
                    CASE WHEN n % 5 <> 0 THEN timestamptz '2026-11-12' END, CASE WHEN n % 50 = 0 THEN 1 ELSE 0 END,
                    CASE WHEN n % 10 = 0 THEN timestamptz '2026-11-11' + make_interval(mins => n::int) END,
                    timestamptz '2026-11-11' + make_interval(mins => n::int), 'Oi', 'inbound', timestamptz '2026-11-11', 3
             FROM (SELECT clinic_id, id, row_number() OVER (ORDER BY id) AS n FROM contacts) AS c;
             UPDATE conversations SET assignee_id = '{member}'
             WHERE clinic_id = '{aurora}' AND contact_id IN (SELECT id FROM contacts WHERE name LIKE 'Abigail%');
             INSERT INTO messages (clinic_id, id, conversation_id, number, direction, kind, body, author_kind, sent_at)
             SELECT c.clinic_id, {of_november}, c.id, n, 'inbound', 'text',
                    'Queria remarcar o retorno ' || substr(md5(c.id::text || n), 1, 12), 'contact',
                    timestamptz '2026-11-11' + make_interval(mins => n)
             FROM conversations c, generate_series(1, 3) AS n"
        ))
        .await
        .unwrap();
    let one: uuid::Uuid = maintenance
        .query_one(
            "SELECT id FROM conversations WHERE clinic_id = $1 ORDER BY id LIMIT 1",
            &[world::clinic("aurora").as_uuid()],
        )
        .await
        .unwrap()
        .get(0);
    maintenance
        .batch_execute(&format!(
            "INSERT INTO messages (clinic_id, id, conversation_id, number, direction, kind, body, author_kind, sent_at)
             SELECT clinic_id, {of_november}, id, n, 'inbound', 'text', 'Mensagem ' || n, 'contact',
                    timestamptz '2026-11-12' + make_interval(mins => n)
             FROM conversations, generate_series(4, 300) AS n WHERE id = '{one}'"
        ))
        .await
        .unwrap();
    analyze(database).await;
    one.to_string()
}

/// First and last names of people of the clinic, as the people are named.
const FIRST_NAMES: [&str; ROUNDS] = [
    "abigail", "debora", "gerson", "jandira", "marcio", "pericles", "silvia", "flavio",
];
const LAST_NAMES: [&str; ROUNDS + 1] = [
    "abrantes",
    "dantas",
    "guimaraes",
    "jardim",
    "meireles",
    "pacheco",
    "sampaio",
    "tavares",
    "vasconcelos",
];

/// A word that one message alone has, for each round.
async fn words_said(database: &TestDatabase) -> Vec<String> {
    database
        .connect(Role::Maintenance)
        .await
        .query(
            "SELECT substr(body, 27) FROM messages WHERE clinic_id = $1 AND number = 2 AND body LIKE 'Queria%' LIMIT 8",
            &[world::clinic("aurora").as_uuid()],
        )
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect()
}

#[tokio::test]
async fn the_inbox_and_its_conversations_use_their_indexes() {
    let Some(app) = TestApp::start().await else { return };
    people(&app.database).await;
    let one = conversations(&app.database).await;
    let (of_one, of_found) = (one.clone(), one.clone());
    let reception = app.actor("reception@aurora");
    let inbox = world::clinic("aurora");
    let words = words_said(&app.database).await;
    let contact = reception.get(&format!("/v1/conversations/{one}")).await.body["contact_id"].clone();
    let contact = contact.as_str().unwrap().to_owned();
    let cursor = reception
        .get(&format!("/v1/conversations/{one}/messages?limit=50"))
        .await
        .expect_status(200)
        .body["page"]["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    // A page of 25 reads 26 conversations, and of each the name and the inbox.
    let page = 26 * 4 + 40;
    let cases = vec![
        get("the inbox", &["conversations_by_last_message"], page, |round| {
            format!("/v1/conversations?limit={}", 18 + round)
        }),
        get("the longest waiting", &["conversations_waiting"], page, |round| {
            format!("/v1/conversations?sort=waiting_since&limit={}", 18 + round)
        }),
        get("the unread", &["conversations_unread"], page, |round| {
            format!("/v1/conversations?unread=true&limit={}", 18 + round)
        }),
        get("one inbox", &["conversations_by_inbox"], page, move |round| {
            format!("/v1/conversations?inbox_id={inbox}&status=open&limit={}", 18 + round)
        }),
        get(
            "all of one inbox that are done with",
            &["conversations_by_inbox"],
            page,
            move |round| {
                format!(
                    "/v1/conversations?inbox_id={inbox}&status=resolved&limit={}",
                    18 + round
                )
            },
        ),
        get("one's own", &["conversations_by_assignee"], page, |round| {
            format!("/v1/conversations?assignee=me&limit={}", 18 + round)
        }),
        get("a contact's", &["conversations_by_contact"], 20, move |round| {
            format!("/v1/conversations?contact_id={contact}&limit={}", 18 + round)
        }),
        // A name that a hundredth has, in all conversations: what is found is looked at, and nobody else's.
        get(
            "with somebody of a name",
            &["conversations_by_contact"],
            3000,
            |round| {
                format!(
                    "/v1/conversations?status=any&q={}%20{}",
                    FIRST_NAMES[round], LAST_NAMES[round]
                )
            },
        ),
        get(
            "with somebody of a last name",
            &["conversations_by_contact"],
            6000,
            |round| {
                format!(
                    "/v1/conversations?status=any&q={}%20{}",
                    LAST_NAMES[round],
                    LAST_NAMES[round + 1]
                )
            },
        ),
        get(
            "with a phone",
            &["contact_phones_by_part", "conversations_by_contact"],
            300,
            |round| format!("/v1/conversations?status=any&q=80{:05}", 1100 + 2 * round),
        ),
        get("how much is to do", &["conversations_one_unresolved"], 2100, |round| {
            format!("/v1/conversations/counts?fields={}", ["total", "inboxes"][round % 2])
        }),
        // Of 301 messages: a talk that is thought to be short may be read whole, and no other one is.
        get("the last fifty messages", &[], 301 + 60, move |round| {
            format!("/v1/conversations/{one}/messages?limit={}", 43 + round)
        }),
        get("the fifty before", &[], 301 + 60, move |round| {
            format!(
                "/v1/conversations/{of_one}/messages?limit={}&cursor={cursor}",
                43 + round
            )
        }),
        get(
            "words of a message",
            &["messages_2026_11_clinic_id_search_form_idx"],
            200,
            move |round| format!("/v1/messages/search?q={}", words[round]),
        ),
        get("words of a conversation's message", &[], 700, move |round| {
            format!(
                "/v1/messages/search?q=mensagem%20{}&conversation_id={of_found}",
                101 + round
            )
        }),
    ];
    let faults = faults_of(&app, &reception, &LARGE, cases).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
