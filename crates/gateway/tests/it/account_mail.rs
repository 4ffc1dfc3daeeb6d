//! Mails about accounts, through a real SMTP server into real mailboxes: invitations and links for new passwords.

use chrono::TimeDelta;
use gateway::config::{Config, MailConfig, PublicUrl};
use kernel::Role as ClinicRole;
use kernel::email::EmailAddress;
use mail::{After, FetchLimits, ImapSettings, MailKind, Mailbox, ReadMail, SmtpSettings, fetch_new, read};
use serde_json::{Value, json};
use test_support::mail::{LossyRelay, MailServers, Refusal, TestMailbox};
use test_support::{Actor, Answer, Role, world};

use crate::accounts::{NEW_PASSWORD, assert_fault, count, email, login_by, login_with, sql, text, works_in_too};
use crate::app::{TestApp, until};

const PUBLIC_URL: &str = "https://app.aurora.example/agenda";

/// Has `config` send mails through the server at `url`.
fn through(url: String) -> impl FnOnce(&mut Config) {
    move |config| {
        config.mail = Some(MailConfig {
            smtp: SmtpSettings::parse(&url.into()).unwrap(),
            from: Mailbox::named("TaskMed", EmailAddress::parse("no-reply@mail.example").unwrap()),
            public_url: PublicUrl::parse(PUBLIC_URL).unwrap(),
        });
    }
}

/// A gateway that sends mails, and the servers; `None` when a service is missing.
pub(crate) async fn start() -> Option<(TestApp, MailServers)> {
    let servers = MailServers::find()?;
    let app = TestApp::start_with(through(servers.smtp_url())).await?;
    Some((app, servers))
}

pub(crate) async fn mails(mailbox: &TestMailbox) -> Vec<ReadMail> {
    let settings = ImapSettings::parse(&mailbox.imap_url().into()).unwrap();
    let batch = fetch_new(&settings, After::Everything, FetchLimits::default())
        .await
        .unwrap();
    batch.mails.iter().map(|mail| read(&mail.raw).unwrap()).collect()
}

/// The mails, once there are `wanted`.
pub(crate) async fn when_there_are(mailbox: &TestMailbox, wanted: usize) -> Vec<ReadMail> {
    until("the mails arrive", async || mails(mailbox).await.len() >= wanted).await;
    mails(mailbox).await
}

/// The token of the only link in the mail, which leads to `page`.
fn token_in(mail: &ReadMail, page: &str) -> String {
    let start = format!("{PUBLIC_URL}/#/{page}?token=");
    let links: Vec<&str> = mail
        .text
        .split_whitespace()
        .filter(|word| word.starts_with("http"))
        .collect();
    let [link] = links[..] else {
        panic!("not one link: {}", mail.text)
    };
    link.strip_prefix(&start).unwrap_or_else(|| panic!("{link}")).to_owned()
}

fn invitation_token(mail: &ReadMail) -> String {
    token_in(mail, "invitations/accept")
}

fn reset_token(mail: &ReadMail) -> String {
    token_in(mail, "password-reset")
}

async fn invite(actor: &Actor, mailbox: &TestMailbox) -> Answer {
    let body = json!({"email": mailbox.address(), "name": "Ana Souza", "roles": ["receptionist"]});
    actor.post("/v1/invitations", body).await.expect_status(201)
}

async fn accept(app: &TestApp, token: &str) -> Answer {
    let body = json!({"token": token, "password": NEW_PASSWORD});
    app.api.nobody().post("/v1/invitations/accept", body).await
}

async fn ask(app: &TestApp, address: &str) -> Answer {
    let body = json!({"email": address});
    let answer = app.api.nobody().post("/v1/auth/password-resets", body).await;
    answer.expect_status(202)
}

async fn complete(app: &TestApp, token: &str) -> Answer {
    let body = json!({"token": token, "new_password": NEW_PASSWORD});
    app.api.nobody().post("/v1/auth/password-resets/complete", body).await
}

async fn reset_for(actor: &Actor, member: &str) -> Answer {
    let path = format!("/v1/staff/{}/password-reset", world::membership(member));
    actor.post(&path, json!({})).await
}

/// Lets `member` be written to at `mailbox`.
pub(crate) async fn writes_to(app: &TestApp, member: &str, mailbox: &TestMailbox) {
    let (address, id) = (mailbox.address(), world::user(member));
    let rows = sql(app, &format!("UPDATE users SET email = '{address}' WHERE id = '{id}'")).await;
    assert_eq!(rows, 1);
}

/// The jobs of this part, of which `condition` is true.
async fn jobs(app: &TestApp, condition: &str) -> i64 {
    count(app, &format!("outbox WHERE kind LIKE 'account_mail.%' AND {condition}")).await
}

/// Waits until nothing is left to be done: what was done leaves the queue.
async fn until_done(app: &TestApp) {
    until("the jobs are done", async || jobs(app, "true").await == 0).await;
}

/// Waits until so many requests for a new password were noted, which is when their jobs are in the queue.
async fn until_noted(app: &TestApp, requests: i64) {
    let noted = "audit_log WHERE action = 'password_reset.request'";
    until("the requests are noted", async || count(app, noted).await == requests).await;
}

/// Waits until an attempt was in vain, then lets the next one come.
async fn until_tried_in_vain(app: &TestApp) {
    until("an attempt fails", async || {
        jobs(app, "last_error IS NOT NULL AND locked_until IS NULL").await == 1
    })
    .await;
}

async fn mail_state(actor: &Actor, made: &Answer) -> Value {
    let path = format!("/v1/invitations/{}", text(made, "/invitation/id"));
    actor.get(&path).await.expect_status(200).body["mail"].clone()
}

#[tokio::test]
async fn an_invitation_is_mailed_and_accepted_by_its_link() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-invited");
    let admin = app.actor("admin@aurora");
    let made = invite(&admin, &mailbox).await;
    assert_eq!(made.body.get("token"), None, "{made}");
    assert_eq!(made.body["invitation"]["mail"], "queued");
    let arrived = when_there_are(&mailbox, 1).await;
    let mail = &arrived[0];
    assert!(mail.subject.starts_with("Convite para "), "{}", mail.subject);
    assert!(
        mail.text.contains("Olá, Ana Souza!") && mail.text.contains("vale até 27/11/2026 às"),
        "{}",
        mail.text
    );
    assert_eq!(mail.kind, MailKind::Automatic);
    until("it is noted", async || mail_state(&admin, &made).await == "sent").await;
    let token = invitation_token(mail);
    let secret = token.rsplit('_').next().unwrap();
    for table in ["outbox", "audit_log", "invitations"] {
        assert_eq!(
            count(&app, &format!("{table} t WHERE t::text LIKE '%{secret}%'")).await,
            0
        );
    }
    let joined = accept(&app, &token).await.expect_status(201);
    assert_eq!(joined.body["email"], mailbox.address());
    let body = json!({"email": mailbox.address(), "password": NEW_PASSWORD});
    login_with(&app, body).await.assert_status(200);
    assert_eq!(mails(&mailbox).await.len(), 1);
}

#[tokio::test]
async fn an_english_clinic_writes_in_english() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-english");
    let clinic = world::clinic("aurora");
    sql(&app, &format!("UPDATE clinics SET locale = 'en' WHERE id = '{clinic}'")).await;
    invite(&app.actor("admin@aurora"), &mailbox).await;
    let arrived = when_there_are(&mailbox, 1).await;
    assert!(
        arrived[0].subject.starts_with("Invitation to "),
        "{}",
        arrived[0].subject
    );
    invitation_token(&arrived[0]);
}

#[tokio::test]
async fn while_the_server_refuses_a_mail_waits_and_then_arrives_once() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-refused");
    mailbox.refuse(Some(Refusal::Temporary));
    let admin = app.actor("admin@aurora");
    let made = invite(&admin, &mailbox).await;
    until_tried_in_vain(&app).await;
    assert_eq!(mail_state(&admin, &made).await, "queued");
    mailbox.refuse(None);
    app.clock.advance(TimeDelta::minutes(10));
    until_done(&app).await;
    let arrived = when_there_are(&mailbox, 1).await;
    assert_eq!(arrived.len(), 1);
    accept(&app, &invitation_token(&arrived[0])).await.assert_status(201);
}

#[tokio::test]
async fn a_mail_whose_answer_was_lost_comes_again_as_the_same_mail_with_the_same_link() {
    let Some(servers) = MailServers::find() else { return };
    let relay = LossyRelay::before(servers.smtp_port(), 1).await;
    let Some(app) = TestApp::start_with(through(relay.smtp_url())).await else {
        return;
    };
    let mailbox = servers.mailbox("am-lost");
    invite(&app.actor("admin@aurora"), &mailbox).await;
    until_tried_in_vain(&app).await;
    app.clock.advance(TimeDelta::minutes(10));
    let arrived = when_there_are(&mailbox, 2).await;
    assert_eq!(arrived[0].message_id, arrived[1].message_id);
    assert_eq!(arrived[0].text, arrived[1].text);
    accept(&app, &invitation_token(&arrived[1])).await.assert_status(201);
}

#[tokio::test]
async fn an_address_that_is_not_there_is_told_with_the_invitation() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-nobody");
    mailbox.refuse(Some(Refusal::Permanent));
    let admin = app.actor("admin@aurora");
    let made = invite(&admin, &mailbox).await;
    until("it is given up", async || {
        jobs(&app, "failed_at IS NOT NULL").await == 1
    })
    .await;
    assert_eq!(mail_state(&admin, &made).await, "refused");
    assert_eq!(jobs(&app, "last_error LIKE '%am-nobody%'").await, 0);
}

#[tokio::test]
async fn an_invitation_that_was_taken_back_is_not_mailed() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-revoked");
    mailbox.refuse(Some(Refusal::Temporary));
    let admin = app.actor("admin@aurora");
    let made = invite(&admin, &mailbox).await;
    until_tried_in_vain(&app).await;
    let path = format!("/v1/invitations/{}", text(&made, "/invitation/id"));
    admin.delete(&path).await.assert_status(204);
    mailbox.refuse(None);
    app.clock.advance(TimeDelta::minutes(10));
    until_done(&app).await;
    assert_eq!(mails(&mailbox).await.len(), 0);
}

#[tokio::test]
async fn an_invitation_is_mailed_again_with_a_link_of_its_own() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-resent");
    let admin = app.actor("admin@aurora");
    let made = invite(&admin, &mailbox).await;
    let path = format!("/v1/invitations/{}/resend", text(&made, "/invitation/id"));
    admin
        .post(&path, json!({}))
        .await
        .assert_problem(429, "mailed_recently");
    let first = invitation_token(&when_there_are(&mailbox, 1).await[0]);
    until_done(&app).await;
    app.clock.advance(TimeDelta::minutes(5));
    app.actor("owner@horizonte")
        .post(&path, json!({}))
        .await
        .assert_problem(404, "invitation_not_found");
    let resent = admin.post(&path, json!({})).await.expect_status(202);
    assert_eq!(resent.body["mail"], "queued");
    assert_eq!(resent.body["expires_at"], "2026-11-27T12:05:00Z");
    let tokens: Vec<String> = when_there_are(&mailbox, 2).await.iter().map(invitation_token).collect();
    let second = tokens.iter().find(|token| **token != first).expect("another link");
    assert_fault(&accept(&app, &first).await, "/token", "unknown_invitation");
    accept(&app, second).await.assert_status(201);
    app.clock.advance(TimeDelta::minutes(5));
    let late = admin.post(&path, json!({})).await;
    late.assert_problem(409, "invitation_closed");
}

#[tokio::test]
async fn a_person_who_forgot_their_password_gets_a_link_and_sets_another() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-forgot");
    writes_to(&app, "reception@aurora", &mailbox).await;
    ask(&app, &mailbox.address()).await;
    let arrived = when_there_are(&mailbox, 1).await;
    assert_eq!(arrived[0].subject, "Nova senha do TaskMed");
    let token = reset_token(&arrived[0]);
    complete(&app, &token).await.assert_status(204);
    let body = json!({"email": mailbox.address(), "password": NEW_PASSWORD});
    login_with(&app, body).await.assert_status(200);
    assert_fault(&complete(&app, &token).await, "/token", "invalid_password_reset");
}

#[tokio::test]
async fn a_mailed_link_is_good_for_two_hours() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-late");
    writes_to(&app, "reception@aurora", &mailbox).await;
    ask(&app, &mailbox.address()).await;
    let token = reset_token(&when_there_are(&mailbox, 1).await[0]);
    app.clock.advance(TimeDelta::hours(2));
    assert_fault(&complete(&app, &token).await, "/token", "invalid_password_reset");
}

#[tokio::test]
async fn an_address_without_an_account_gets_the_same_answer_and_no_mail() {
    let Some((app, servers)) = start().await else { return };
    let (mailbox, stranger) = (servers.mailbox("am-known"), servers.mailbox("am-stranger"));
    writes_to(&app, "reception@aurora", &mailbox).await;
    let unknown = ask(&app, &stranger.address()).await;
    let known = ask(&app, &mailbox.address()).await;
    assert_eq!(known.bytes, unknown.bytes);
    when_there_are(&mailbox, 1).await;
    until_noted(&app, 1).await;
    until_done(&app).await;
    assert_eq!(mails(&stranger).await.len(), 0);
}

#[tokio::test]
async fn a_person_gets_three_links_an_hour_and_no_request_voids_the_ones_before() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-often");
    writes_to(&app, "reception@aurora", &mailbox).await;
    for number in 1..=4 {
        ask(&app, &mailbox.address()).await;
        until_noted(&app, number).await;
        until_done(&app).await;
    }
    let arrived = when_there_are(&mailbox, 3).await;
    assert_eq!(arrived.len(), 3);
    assert_eq!(count(&app, "password_resets").await, 3);
    app.clock.advance(TimeDelta::hours(1));
    ask(&app, &mailbox.address()).await;
    let arrived = when_there_are(&mailbox, 4).await;
    complete(&app, &reset_token(&arrived[0])).await.assert_status(204);
    for other in &arrived[1..] {
        assert_fault(
            &complete(&app, &reset_token(other)).await,
            "/token",
            "invalid_password_reset",
        );
    }
}

#[tokio::test]
async fn whoever_manages_the_staff_has_a_link_mailed_and_does_not_see_it() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-owner");
    writes_to(&app, "owner@aurora", &mailbox).await;
    let admin = app.actor("admin@aurora");
    let answer = reset_for(&admin, "owner@aurora").await.expect_status(202);
    assert!(
        answer.body.get("token").is_none() && !answer.to_string().contains("tmp_"),
        "{answer}"
    );
    let arrived = when_there_are(&mailbox, 1).await;
    reset_for(&admin, "admin@aurora")
        .await
        .assert_problem(403, "own_password");
    reset_for(&admin, "owner@horizonte")
        .await
        .assert_problem(404, "staff_not_found");
    reset_for(&app.actor("reception@aurora"), "owner@aurora")
        .await
        .assert_problem(403, "permission_denied");
    complete(&app, &reset_token(&arrived[0])).await.assert_status(204);
}

#[tokio::test]
async fn who_works_in_two_clinics_gets_one_mail() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-both");
    writes_to(&app, "reception@aurora", &mailbox).await;
    works_in_too(&app, "reception@aurora", "horizonte", ClinicRole::Auditor).await;
    ask(&app, &mailbox.address()).await;
    until_noted(&app, 2).await;
    until_done(&app).await;
    assert_eq!(when_there_are(&mailbox, 1).await.len(), 1);
    let answer = reset_for(&app.actor("owner@aurora"), "reception@aurora").await;
    answer.assert_status(202);
    let arrived = when_there_are(&mailbox, 2).await;
    complete(&app, &reset_token(&arrived[1])).await.assert_status(204);
}

#[tokio::test]
async fn a_job_of_one_clinic_mails_no_invitation_of_another() {
    let Some((app, servers)) = start().await else { return };
    let mailbox = servers.mailbox("am-astray");
    mailbox.refuse(Some(Refusal::Temporary));
    invite(&app.actor("admin@aurora"), &mailbox).await;
    until_tried_in_vain(&app).await;
    mailbox.refuse(None);
    let maintenance = app.database.connect(Role::Maintenance).await;
    let moved = format!(
        "UPDATE outbox SET clinic_id = '{}' WHERE kind = 'account_mail.invitation'",
        world::clinic("horizonte")
    );
    assert_eq!(maintenance.execute(&moved, &[]).await.unwrap(), 1);
    app.clock.advance(TimeDelta::minutes(10));
    until_done(&app).await;
    assert_eq!(mails(&mailbox).await.len(), 0);
}

#[tokio::test]
async fn without_a_mail_server_people_hand_on_the_links() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let body = json!({"email": "ana@aurora.example", "name": "Ana Souza", "roles": ["receptionist"]});
    let made = admin.post("/v1/invitations", body).await.expect_status(201);
    assert_eq!(made.body["invitation"].get("mail"), None);
    let path = format!("/v1/invitations/{}/resend", text(&made, "/invitation/id"));
    admin.post(&path, json!({})).await.assert_problem(409, "mail_is_off");
    accept(&app, text(&made, "/token")).await.assert_status(201);
    let link = reset_for(&admin, "reception@aurora").await.expect_status(201);
    ask(&app, &email("reception@aurora")).await;
    complete(&app, text(&link, "/token")).await.assert_status(204);
    login_by(&app, "reception@aurora", NEW_PASSWORD)
        .await
        .assert_status(200);
    assert_eq!(jobs(&app, "true").await, 0);
}
