//! The story's line by e-mail: mails are put into the clinic's mailbox, which is looked into, and those of the clinic are read in the
//! mailbox of whom it writes to.

use chrono::TimeDelta;
use gateway::config::Config;
use kernel::Clock as _;
use mail::ReadMail;
use serde_json::Value;
use test_support::Api;
use test_support::mail::{MailServers, TestMailbox};

use super::Line;
use crate::app::{TestApp, until};
use crate::channels::email::{delivered_to, inbox_over};
use crate::channels::make_inbox;

/// The mailbox of Aurora.
pub(super) struct Post {
    servers: MailServers,
    clinic: TestMailbox,
    inbox: String,
}

/// Somebody with a mailbox.
pub(super) struct Person {
    name: &'static str,
    mailbox: TestMailbox,
}

/// A mailbox that no other test has.
fn mailbox(servers: &MailServers, app: &TestApp, of: &str) -> TestMailbox {
    servers.mailbox(&format!("{of}-{}", app.database.name().replace('_', "-")))
}

impl Post {
    async fn last_look(&self, app: &TestApp) -> Value {
        let shown = app.get("owner@aurora", &format!("/v1/inboxes/{}", self.inbox)).await;
        shown.expect_status(200).body["mailbox"]["last_success_at"].clone()
    }
}

impl Line for Post {
    type Ground = MailServers;
    type Person = Person;

    fn ground() -> Option<MailServers> {
        MailServers::find()
    }

    fn connect(_ground: &MailServers, _config: &mut Config) {}

    async fn open(servers: MailServers, app: &TestApp, _doors: &[&Api]) -> Self {
        let clinic = mailbox(&servers, app, "clinic");
        let inbox = make_inbox(app, inbox_over(&servers, &clinic)).await.id;
        let post = Self { servers, clinic, inbox };
        until("the first look", async || !post.last_look(app).await.is_null()).await;
        post
    }

    async fn meet(&self, app: &TestApp, name: &'static str) -> Person {
        let first = name.split(' ').next().unwrap().to_lowercase();
        let mailbox = mailbox(&self.servers, app, &first);
        Person { name, mailbox }
    }

    async fn write(&self, app: &TestApp, person: &Person, text: &str) {
        let id = kernel::MessageId::new_at(app.clock.now());
        let last = delivered_to(&person.mailbox).await.pop();
        let raw = format!(
            "From: {} <{}>\r\nTo: {}\r\nSubject: Consulta\r\nMessage-ID: <{id}@people.example>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n{}",
            person.name,
            person.mailbox.address(),
            self.clinic.address(),
            body(text, last.as_ref()),
        );
        let before = self.last_look(app).await;
        for _ in 0..2 {
            self.clinic.put(raw.as_bytes());
        }
        app.clock.advance(TimeDelta::minutes(2));
        app.shared.wake().notify();
        until("a look", async || self.last_look(app).await != before).await;
    }

    async fn received(&self, person: &Person) -> Vec<String> {
        let mails = delivered_to(&person.mailbox).await;
        mails.into_iter().map(|mail| mail.text).collect()
    }
}

/// The rest of a mail: an answer to `last` quotes it, as mail programs do.
fn body(text: &str, last: Option<&ReadMail>) -> String {
    let Some(last) = last else {
        return format!("\r\n{text}\r\n");
    };
    let id = last.message_id.as_ref().unwrap().as_str();
    let quoted: String = last.text.lines().map(|line| format!("> {line}\r\n")).collect();
    format!(
        "In-Reply-To: <{id}>\r\nReferences: <{id}>\r\n\r\n{text}\r\n\r\n\
         Em seg., 23 de nov. de 2026 às 15:00, Clínica Aurora escreveu:\r\n{quoted}"
    )
}
