//! E-mail, over exim and dovecot.

mod automatic;
mod forgotten;

use chrono::TimeDelta;
use fetch::{OutwardRules, Roots};
use kernel::Clock as _;
use serde_json::{Value, json};
use test_support::mail::{MailServers, Refusal, TestMailbox};

use super::{
    MadeInbox, comes_to, conversations, is_put_off, make_inbox, message, messages, say, the_conversation, upload, write,
};
use crate::app::{TestApp, until};

pub(super) struct Stage {
    pub(super) servers: MailServers,
    /// The clinic's mailbox.
    pub(super) clinic: TestMailbox,
    /// A patient's.
    pub(super) patient: TestMailbox,
    pub(super) app: TestApp,
    pub(super) inbox: MadeInbox,
}

fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

/// An inbox of Aurora over `mailbox`.
pub(crate) fn inbox_over(servers: &MailServers, mailbox: &TestMailbox) -> Value {
    let address = mailbox.address();
    let name = address.split('@').next().unwrap();
    json!({
        "channel": "email", "name": "E-mail",
        "settings": {
            "address": address, "from_name": "Clínica Aurora",
            "smtp": {"host": "127.0.0.1", "port": servers.smtp_port(), "security": "none"},
            "imap": {"host": "127.0.0.1", "port": servers.imap_port(), "security": "none", "username": name},
        },
        "secrets": {"imap_password": servers.password()},
    })
}

/// The mails that have come to a mailbox, as they came.
async fn raw_in(mailbox: &TestMailbox) -> Vec<Vec<u8>> {
    let settings = mail::ImapSettings::parse(&mailbox.imap_url().into()).unwrap();
    let batch = mail::fetch_new(&settings, mail::After::Everything, mail::FetchLimits::default()).await;
    batch.unwrap().mails.into_iter().map(|fetched| fetched.raw).collect()
}

/// The mails that have come to a mailbox, read.
pub(crate) async fn delivered_to(mailbox: &TestMailbox) -> Vec<mail::ReadMail> {
    let raw = raw_in(mailbox).await;
    raw.iter().map(|raw| mail::read(raw).unwrap()).collect()
}

impl Stage {
    /// An inbox that reaches its servers in the clear.
    pub(super) async fn set(name: &str) -> Option<Self> {
        Self::set_with(name, "none").await
    }

    /// An inbox that reaches its servers by `security`, where the operator trusts their authority.
    pub(super) async fn set_with(name: &str, security: &str) -> Option<Self> {
        let servers = MailServers::find()?;
        let clinic = servers.mailbox(&format!("clinic-{name}"));
        let patient = servers.mailbox(&format!("patient-{name}"));
        let roots = Roots::with_own(&servers.authority()).unwrap();
        let app = TestApp::start_connected(|config| config.outward.roots = roots).await?;
        let password = servers.password();
        let (host, smtp_port, imap_port) = match security {
            "tls" => (
                "localhost",
                port_of(&servers.smtps_url(password)),
                port_of(&clinic.imaps_url(password)),
            ),
            "starttls" => (
                "localhost",
                port_of(&servers.submission_url(password)),
                servers.imap_port(),
            ),
            _ => ("127.0.0.1", servers.smtp_port(), servers.imap_port()),
        };
        let mut smtp = json!({"host": host, "port": smtp_port, "security": security});
        if security != "none" {
            smtp["username"] = json!("clinic");
        }
        let body = json!({
            "channel": "email", "name": "E-mail",
            "settings": {
                "address": clinic.address(), "from_name": "Clínica Aurora", "smtp": smtp,
                "imap": {"host": host, "port": imap_port, "security": security, "username": format!("clinic-{name}")},
            },
            "secrets": {"imap_password": password, "smtp_password": password},
        });
        let inbox = make_inbox(&app, body).await;
        let stage = Self {
            servers,
            clinic,
            patient,
            app,
            inbox,
        };
        until("the first look", async || {
            !stage.mailbox().await["last_success_at"].is_null()
        })
        .await;
        Some(stage)
    }

    pub(super) async fn mailbox(&self) -> Value {
        let path = format!("/v1/inboxes/{}", self.inbox.id);
        self.app.get("owner@aurora", &path).await.expect_status(200).body["mailbox"].clone()
    }

    /// Puts a mail into the clinic's mailbox.
    pub(super) fn comes_in(&self, from: &str, id: &str, more_headers: &str, body: &str) {
        let raw = format!(
            "From: Ana Luz <{from}>\r\nTo: {}\r\nSubject: Consulta\r\nMessage-ID: <{id}>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n{more_headers}\r\n{body}\r\n",
            self.clinic.address()
        );
        self.puts(&raw);
    }

    /// Puts a mail into the clinic's mailbox as it is, delivered now.
    pub(super) fn puts(&self, raw: &str) {
        self.clinic.put_at(raw.as_bytes(), self.app.clock.now());
    }

    /// The next look.
    pub(super) fn look(&self) {
        self.app.clock.advance(TimeDelta::minutes(2));
        self.app.shared.wake().notify();
    }

    /// The mails that have come to the patient.
    async fn delivered(&self) -> Vec<mail::ReadMail> {
        delivered_to(&self.patient).await
    }

    pub(super) async fn bodies(&self, conversation: &str) -> Vec<String> {
        let mut texts: Vec<String> = messages(&self.app, conversation)
            .await
            .iter()
            .map(|message| message["body"].as_str().unwrap().to_owned())
            .collect();
        texts.reverse();
        texts
    }
}

#[tokio::test]
async fn a_mail_comes_in_is_answered_and_its_answer_stays_in_the_thread() {
    const PDF: &[u8] = b"%PDF-1.7\nguia";
    let Some(stage) = Stage::set("thread").await else {
        return;
    };
    let ana = stage.patient.address();
    stage.comes_in(&ana, "first@patient.example", "", "Quero marcar uma consulta.");
    stage.look();
    let conversation = the_conversation(&stage.app).await;
    assert_eq!(stage.bodies(&conversation).await, ["Quero marcar uma consulta."]);
    let file = upload(&stage.app, &conversation, "guia.pdf", PDF).await;
    let reply = json!({"body": "Temos terça às 10h.", "attachment_ids": [file]});
    let sent = write(&stage.app, &conversation, reply).await.expect_status(201);
    comes_to(&stage.app, sent.id(), "sent").await;
    until("the answer", async || !stage.delivered().await.is_empty()).await;
    let answer = stage.delivered().await.remove(0);
    assert_eq!(answer.subject, "Re: Consulta");
    assert_eq!(answer.in_reply_to[0].as_str(), "first@patient.example");
    assert_eq!(answer.message_id.clone().unwrap().left(), sent.id());
    assert_eq!(answer.text, "Temos terça às 10h.");
    assert_eq!(answer.attachments[0].bytes, PDF);
    let thread = format!("In-Reply-To: <{}>\r\n", answer.message_id.unwrap().as_str());
    stage.comes_in(&ana, "second@patient.example", &thread, "Pode ser!");
    // Somebody whom nobody knows answers for her: it stands there, and answers still go to her.
    stage.comes_in("outro@other.example", "third@other.example", &thread, "Eu a levo.");
    stage.look();
    until("both", async || stage.bodies(&conversation).await.len() == 4).await;
    let bodies = stage.bodies(&conversation).await;
    assert_eq!(bodies[2], "Pode ser!");
    assert!(
        bodies[3].contains("outro@other.example") && bodies[3].contains("Eu a levo."),
        "{bodies:?}"
    );
    assert_eq!(conversations(&stage.app).await.len(), 1);
    let last = say(&stage.app, &conversation, "Combinado").await;
    comes_to(&stage.app, &last, "sent").await;
    until("the last answer", async || stage.delivered().await.len() == 2).await;
}

#[tokio::test]
async fn machines_open_no_thread_and_mails_that_come_again_are_stored_once() {
    let Some(stage) = Stage::set("machines").await else {
        return;
    };
    let ana = stage.patient.address();
    stage.comes_in(
        &ana,
        "auto@patient.example",
        "Auto-Submitted: auto-replied\r\n",
        "Estou de férias.",
    );
    stage.comes_in(
        "news@list.example",
        "list@list.example",
        "List-Id: <news.list.example>\r\n",
        "Novidades",
    );
    stage.comes_in(&stage.clinic.address(), "own@mail.example", "", "Eco");
    stage.comes_in(&ana, "person@patient.example", "", "Oi");
    stage.look();
    let conversation = the_conversation(&stage.app).await;
    assert_eq!(stage.bodies(&conversation).await, ["Oi"]);
    stage.clinic.renumber();
    stage.comes_in(&ana, "later@patient.example", "", "Oi de novo");
    stage.look();
    until("the later one", async || {
        stage.bodies(&conversation).await.contains(&"Oi de novo".to_owned())
    })
    .await;
    assert_eq!(stage.bodies(&conversation).await, ["Oi", "Oi de novo"]);
}

#[tokio::test]
async fn a_bounce_fails_the_message_it_speaks_of() {
    let Some(stage) = Stage::set("bounce").await else {
        return;
    };
    stage.comes_in(&stage.patient.address(), "b1@patient.example", "", "Oi");
    stage.look();
    let conversation = the_conversation(&stage.app).await;
    stage.patient.refuse(Some(Refusal::Bounce));
    let sent = say(&stage.app, &conversation, "Bom dia").await;
    comes_to(&stage.app, &sent, "sent").await;
    until("the bounce", async || {
        let before = stage.mailbox().await["last_success_at"].clone();
        stage.look();
        until("a look", async || stage.mailbox().await["last_success_at"] != before).await;
        message(&stage.app, &sent).await["delivery"] == "failed"
    })
    .await;
    let reason = message(&stage.app, &sent).await["failure_reason"].clone();
    assert!(reason.as_str().unwrap().starts_with("mail_bounced"), "{reason}");
    assert_eq!(conversations(&stage.app).await.len(), 1);
}

#[tokio::test]
async fn a_server_that_refuses_for_now_gets_the_mail_later_and_one_that_refuses_for_good_fails_it() {
    let Some(stage) = Stage::set("refusing").await else {
        return;
    };
    stage.comes_in(&stage.patient.address(), "r1@patient.example", "", "Oi");
    stage.look();
    let conversation = the_conversation(&stage.app).await;
    stage.patient.refuse(Some(Refusal::Temporary));
    let later = say(&stage.app, &conversation, "Bom dia").await;
    is_put_off(&stage.app, &later, 1).await;
    assert_eq!(message(&stage.app, &later).await["delivery"], "queued");
    stage.patient.refuse(None);
    stage.look();
    comes_to(&stage.app, &later, "sent").await;
    stage.patient.refuse(Some(Refusal::Permanent));
    let never = say(&stage.app, &conversation, "Bom dia de novo").await;
    comes_to(&stage.app, &never, "failed").await;
    let reason = message(&stage.app, &never).await["failure_reason"].clone();
    assert_eq!(reason, "the mail server answered 550 5.1.1");
    until("one mail", async || stage.delivered().await.len() == 1).await;
}

#[tokio::test]
async fn a_mailbox_is_read_on_from_where_it_was_after_a_restart_and_says_when_it_cannot_be() {
    let Some(mut stage) = Stage::set("restart").await else {
        return;
    };
    stage.comes_in(&stage.patient.address(), "s1@patient.example", "", "Um");
    stage.look();
    let conversation = the_conversation(&stage.app).await;
    stage.app.start_again_connected().await;
    stage.comes_in(&stage.patient.address(), "s2@patient.example", "", "Dois");
    stage.look();
    until("the second", async || stage.bodies(&conversation).await.len() == 2).await;
    assert_eq!(stage.bodies(&conversation).await, ["Um", "Dois"]);
    let path = format!("/v1/inboxes/{}", stage.inbox.id);
    let set = async |password: &str| {
        let body = json!({"secrets": {"imap_password": password}});
        stage
            .app
            .actor("owner@aurora")
            .patch(&path, body)
            .await
            .assert_status(200);
    };
    set("another").await;
    until("the failure", async || {
        stage.mailbox().await["last_error"] == "mailbox_sign_in_refused"
    })
    .await;
    assert!(!stage.mailbox().await["failing_since"].is_null());
    // Mended, it is looked into at once.
    set(stage.servers.password()).await;
    until("the recovery", async || stage.mailbox().await["last_error"].is_null()).await;
}

#[tokio::test]
async fn servers_are_spoken_to_over_tls_from_the_first_byte_or_after_starttls() {
    for security in ["tls", "starttls"] {
        let Some(stage) = Stage::set_with(&format!("over-{security}"), security).await else {
            return;
        };
        stage.comes_in(&stage.patient.address(), "t1@patient.example", "", "Oi");
        stage.look();
        let conversation = the_conversation(&stage.app).await;
        let sent = say(&stage.app, &conversation, "Bom dia").await;
        comes_to(&stage.app, &sent, "sent").await;
        until("the answer", async || stage.delivered().await.len() == 1).await;
    }
}

#[tokio::test]
async fn servers_that_the_operator_allows_no_more_are_not_connected_to() {
    let Some(mut stage) = Stage::set("disallowed").await else {
        return;
    };
    stage.comes_in(&stage.patient.address(), "d1@patient.example", "", "Oi");
    stage.look();
    let conversation = the_conversation(&stage.app).await;
    stage
        .app
        .start_again_connected_with(|config| config.outward = OutwardRules::default())
        .await;
    stage.comes_in(&stage.patient.address(), "d2@patient.example", "", "Alguém aí?");
    stage.look();
    until("the failure", async || {
        stage.mailbox().await["last_error"] == "mailbox_address_not_allowed"
    })
    .await;
    let sent = say(&stage.app, &conversation, "Bom dia").await;
    comes_to(&stage.app, &sent, "failed").await;
    let reason = message(&stage.app, &sent).await["failure_reason"].clone();
    assert!(reason.as_str().unwrap().contains("not public"), "{reason}");
    assert_eq!(stage.bodies(&conversation).await, ["Oi", "Bom dia"]);
    assert!(stage.delivered().await.is_empty());
}
