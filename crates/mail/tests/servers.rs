//! Mails through real servers: sent by SMTP, refused and lost in every way, and fetched by IMAP.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking, and so does what they share"
)]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fetch::{AllowedNetworks, Roots};
use kernel::email::EmailAddress;
use mail::{
    After, Attachment, BounceAction, FetchError, FetchLimits, ImapSettings, MailKind, Mailbox, Mailer, MessageId,
    OutOfReach, OutgoingMail, ReadMail, SendError, SmtpSettings, fetch_new, mark_seen, read,
};
use test_support::mail::{LossyRelay, MailServers, Refusal, TestMailbox};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

fn mailer(url: &str) -> Mailer {
    Mailer::new(SmtpSettings::parse(&url.into()).unwrap()).unwrap()
}

fn mail(id: &str, to: &TestMailbox, subject: &str) -> OutgoingMail {
    let address = |text: &str| Mailbox::bare(EmailAddress::parse(text).unwrap());
    OutgoingMail::new(
        MessageId::parse(&format!("{id}@aurora.example")).unwrap(),
        "2026-11-24T12:00:00Z".parse().unwrap(),
        address("agenda@mail.example"),
        address(&to.address()),
        subject,
        "Olá!\n.\nAté amanhã.",
    )
}

fn imap(mailbox: &TestMailbox) -> ImapSettings {
    ImapSettings::parse(&mailbox.imap_url().into()).unwrap()
}

async fn all(mailbox: &TestMailbox) -> Vec<ReadMail> {
    let batch = fetch_new(&imap(mailbox), After::Everything, FetchLimits::default())
        .await
        .unwrap();
    batch.mails.iter().map(|mail| read(&mail.raw).unwrap()).collect()
}

/// Looks until there are so many mails: the server delivers after it has answered.
async fn when_there_are(mailbox: &TestMailbox, count: usize) -> Vec<ReadMail> {
    until(async || {
        let mails = all(mailbox).await;
        (mails.len() >= count).then_some(mails)
    })
    .await
}

async fn until<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking)
        .await
        .expect("it happens within a minute")
}

fn reason(error: &SendError) -> (&'static str, Option<u16>) {
    match error {
        SendError::Rejected { reason } => ("rejected", reason.code()),
        SendError::RetryLater { reason, .. } => ("later", reason.code()),
        SendError::Unknown { reason } => ("unknown", reason.code()),
    }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_sent() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("arrives");
    let mailer = mailer(&servers.smtp_url());
    let mut sent = mail("arrives-1", &mailbox, "Consulta às 9h").automatic();
    sent.html = Some("<p>Olá!</p>".to_owned());
    sent.attachments.push(Attachment {
        name: "guia.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        bytes: (0..=255).cycle().take(100_000).collect(),
    });
    let accepted = mailer.send(&sent).await.unwrap();
    assert!(!accepted.said.is_empty());
    // Over the same connection.
    mailer.send(&mail("arrives-2", &mailbox, "Outra")).await.unwrap();
    let mails = when_there_are(&mailbox, 2).await;
    let first = mails.iter().find(|mail| mail.subject == "Consulta às 9h").unwrap();
    assert_eq!(first.message_id.as_ref().unwrap().as_str(), "arrives-1@aurora.example");
    assert_eq!(first.text, "Olá!\n.\nAté amanhã.");
    assert_eq!(first.attachments.len(), 1);
    assert_eq!(first.attachments[0].bytes, sent.attachments[0].bytes);
    assert_eq!(first.kind, MailKind::Automatic);
    let second = mails.iter().find(|mail| mail.subject == "Outra").unwrap();
    assert_eq!(second.kind, MailKind::Personal);
}

#[tokio::test]
async fn refusals_are_told_apart_and_name_nobody() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("refuses-maria");
    let mailer = mailer(&servers.smtp_url());
    mailbox.refuse(Some(Refusal::Temporary));
    let later = mailer.send(&mail("r1", &mailbox, "x")).await.unwrap_err();
    assert_eq!(reason(&later), ("later", Some(451)));
    mailbox.refuse(Some(Refusal::Permanent));
    let never = mailer.send(&mail("r2", &mailbox, "x")).await.unwrap_err();
    assert_eq!(reason(&never), ("rejected", Some(550)));
    assert_eq!(
        never.to_string(),
        "the mail was refused: the mail server answered 550 5.1.1"
    );
    mailbox.refuse(None);
    mailer.send(&mail("r3", &mailbox, "x")).await.unwrap();
    let mails = when_there_are(&mailbox, 1).await;
    assert_eq!(mails[0].message_id.as_ref().unwrap().left(), "r3");
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again_later() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("away");
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let error = mailer(&format!("smtp://{closed}?tls=none"))
        .send(&mail("a", &mailbox, "x"))
        .await
        .unwrap_err();
    assert_eq!(reason(&error), ("later", None));
    // One that takes the connection and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}?tls=none", silent.local_addr().unwrap());
    let settings = SmtpSettings::parse(&url.into())
        .unwrap()
        .with_timeout(Duration::from_millis(200));
    let error = Mailer::new(settings)
        .unwrap()
        .send(&mail("b", &mailbox, "x"))
        .await
        .unwrap_err();
    assert_eq!(reason(&error), ("later", None));
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_a_second_try_is_the_same_mail() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("lost");
    let relay = LossyRelay::before(servers.smtp_port(), 1).await;
    let mailer = mailer(&relay.smtp_url());
    let error = mailer.send(&mail("lost-1", &mailbox, "x")).await.unwrap_err();
    assert_eq!(reason(&error), ("unknown", None));
    mailer.send(&mail("lost-1", &mailbox, "x")).await.unwrap();
    let mails = when_there_are(&mailbox, 2).await;
    assert_eq!(mails[0].message_id, mails[1].message_id);
}

#[tokio::test]
async fn names_and_passwords_travel_in_tls_only() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("secure");
    let roots = Roots::with_own(&servers.authority()).unwrap();
    for (number, url) in [
        servers.submission_url(servers.password()),
        servers.smtps_url(servers.password()),
    ]
    .iter()
    .enumerate()
    {
        let settings = SmtpSettings::parse(&url.as_str().into()).unwrap();
        let trusting = Mailer::new(settings.clone().trusting(roots.clone())).unwrap();
        trusting
            .send(&mail(&format!("s{number}"), &mailbox, "x"))
            .await
            .unwrap();
        // A certificate that nobody vouches for.
        let error = Mailer::new(settings)
            .unwrap()
            .send(&mail("never", &mailbox, "x"))
            .await
            .unwrap_err();
        assert_eq!(reason(&error), ("later", None));
    }
    for url in [servers.submission_url("wrong"), servers.smtps_url("wrong")] {
        let settings = SmtpSettings::parse(&url.into()).unwrap().trusting(roots.clone());
        let error = Mailer::new(settings)
            .unwrap()
            .send(&mail("never", &mailbox, "x"))
            .await
            .unwrap_err();
        assert_eq!(
            reason(&error),
            ("later", Some(535)),
            "wrong settings are no fault of the mail"
        );
    }
    // A server without STARTTLS gets nothing.
    let clear = servers.smtp_url().replace("?tls=none", "");
    assert_eq!(
        reason(&mailer(&clear).send(&mail("never", &mailbox, "x")).await.unwrap_err()).0,
        "later"
    );
    assert_eq!(when_there_are(&mailbox, 2).await.len(), 2);
    for url in [TestMailbox::imaps_url, TestMailbox::starttls_url] {
        let settings = |password: &str| ImapSettings::parse(&url(&mailbox, password).into()).unwrap();
        let fetch =
            async |settings: &ImapSettings| fetch_new(settings, After::Everything, FetchLimits::default()).await;
        let secure = settings(servers.password()).trusting(roots.clone());
        assert_eq!(fetch(&secure).await.unwrap().mails.len(), 2);
        let unknown = fetch(&settings(servers.password())).await;
        assert!(matches!(unknown, Err(FetchError::Unreachable(_))), "{unknown:?}");
        let wrong = fetch(&settings("wrong").trusting(roots.clone())).await;
        assert_eq!(wrong, Err(FetchError::SignInRefused));
    }
}

/// A server that greets and answers each command with `answer`; what it hears in the clear.
async fn clear_server(answer: &'static str) -> (SocketAddr, Arc<Mutex<String>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(String::new()));
    let hearing = Arc::clone(&heard);
    tokio::spawn(async move {
        let (stream, _peer) = listener.accept().await.unwrap();
        let (reading, mut writing) = stream.into_split();
        writing.write_all(b"* OK ready\r\n").await.unwrap();
        let mut lines = BufReader::new(reading).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            hearing.lock().unwrap().push_str(&line);
            let tag = line.split(' ').next().unwrap();
            let _gone = writing.write_all(format!("{tag} {answer}\r\n").as_bytes()).await;
            if answer.starts_with("OK") {
                // Nothing that it says by itself is TLS.
                break;
            }
        }
    });
    (address, heard)
}

#[tokio::test]
async fn nobody_signs_in_where_starttls_is_not_to_be_had() {
    for answer in ["BAD what?", "NO not today", "OK begin\r\n* PREAUTH welcome"] {
        let (address, heard) = clear_server(answer).await;
        let settings = ImapSettings::parse(&format!("imap://clinic:a-secret@{address}").into()).unwrap();
        let fetched = fetch_new(&settings, After::Now, FetchLimits::default()).await;
        assert!(matches!(fetched, Err(FetchError::Unreachable(_))), "{fetched:?}");
        let heard = heard.lock().unwrap().clone();
        assert!(heard.contains("STARTTLS") && !heard.contains("a-secret"), "{heard}");
    }
}

#[tokio::test]
async fn a_server_that_not_the_operator_named_is_judged_and_the_name_stays_the_one_of_tls() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("judged");
    let roots = Roots::with_own(&servers.authority()).unwrap();
    for (networks, is_reached) in [("127.0.0.1", true), ("10.9.0.0/16", false)] {
        let networks: AllowedNetworks = networks.parse().unwrap();
        let smtp = SmtpSettings::parse(&servers.smtps_url(servers.password()).into()).unwrap();
        let smtp = smtp.trusting(roots.clone()).judged_by(networks.clone());
        let sent = Mailer::new(smtp).unwrap().send(&mail("judged-1", &mailbox, "x")).await;
        let imap = ImapSettings::parse(&mailbox.imaps_url(servers.password()).into()).unwrap();
        let imap = imap.trusting(roots.clone()).judged_by(networks);
        let fetched = fetch_new(&imap, After::Now, FetchLimits::default()).await;
        if is_reached {
            sent.unwrap();
            fetched.unwrap();
        } else {
            let error = sent.unwrap_err();
            assert_eq!(reason(&error), ("rejected", None));
            assert!(error.to_string().contains("not public"), "{error}");
            assert_eq!(fetched, Err(FetchError::OutOfReach(OutOfReach::NotPublic)));
        }
    }
}

#[tokio::test]
async fn a_report_names_the_mail_that_did_not_arrive() {
    let Some(servers) = MailServers::find() else { return };
    let (sender, gone) = (servers.mailbox("bounce-sender"), servers.mailbox("bounce-gone"));
    gone.refuse(Some(Refusal::Bounce));
    let mut sent = mail("bounced-1", &gone, "x");
    sent.from = Mailbox::bare(EmailAddress::parse(&sender.address()).unwrap());
    mailer(&servers.smtp_url()).send(&sent).await.unwrap();
    let report = when_there_are(&sender, 1).await.remove(0);
    let MailKind::Bounce(bounce) = &report.kind else {
        panic!("{report:?}")
    };
    assert_eq!(bounce.original, Some(sent.id));
    assert!(bounce.has_failed());
    assert_eq!(bounce.recipients[0].action, BounceAction::Failed);
    assert_eq!(bounce.recipients[0].address, EmailAddress::parse(&gone.address()).ok());
}

#[tokio::test]
async fn a_mailbox_is_read_in_batches_from_where_one_was() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("batches");
    let settings = imap(&mailbox);
    for number in 0..3 {
        mailbox.put(format!("Subject: {number}\r\n\r\nbody {number}\r\n").as_bytes());
    }
    let now = fetch_new(&settings, After::Now, FetchLimits::default()).await.unwrap();
    assert!(now.mails.is_empty() && !now.has_more);
    for number in 3..8 {
        mailbox.put(format!("Subject: {number}\r\n\r\nbody {number}\r\n").as_bytes());
    }
    let limits = FetchLimits {
        mails: 2,
        ..FetchLimits::default()
    };
    let (mut position, mut subjects, mut rounds) = (now.position, Vec::new(), 0);
    loop {
        let batch = fetch_new(&settings, After::Position(position), limits).await.unwrap();
        assert!(batch.mails.len() <= 2 && !batch.is_renumbered);
        subjects.extend(batch.mails.iter().map(|mail| read(&mail.raw).unwrap().subject));
        position = batch.position;
        rounds += 1;
        if !batch.has_more {
            break;
        }
    }
    assert_eq!(subjects, ["3", "4", "5", "6", "7"]);
    assert_eq!(rounds, 3);
    // Nothing new: not even the last one again.
    let batch = fetch_new(&settings, After::Position(position), limits).await.unwrap();
    assert!(batch.mails.is_empty());
    assert_eq!(batch.position, position);

    mailbox.renumber();
    let again = fetch_new(&settings, After::Position(position), FetchLimits::default())
        .await
        .unwrap();
    assert!(again.is_renumbered);
    assert_eq!(again.mails.len(), 8);
    assert_ne!(again.position.uid_validity, position.uid_validity);
}

#[tokio::test]
async fn of_a_mailbox_that_was_numbered_anew_only_what_came_since_is_read() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("restored");
    let settings = imap(&mailbox);
    let at = |text: &str| text.parse::<kernel::Timestamp>().unwrap();
    let since = at("2026-11-24T12:00:00Z");
    for (subject, delivered) in [
        ("last year", "2025-11-24T12:00:00Z"),
        ("the day before", "2026-11-23T12:00:00Z"),
        ("hours before", "2026-11-24T09:00:00Z"),
    ] {
        mailbox.put_at(format!("Subject: {subject}\r\n\r\nx\r\n").as_bytes(), at(delivered));
    }
    let position = fetch_new(&settings, After::Now, FetchLimits::default())
        .await
        .unwrap()
        .position;
    mailbox.renumber();
    let after = After::PositionOrSince(position, since);
    let nothing = fetch_new(&settings, after, FetchLimits::default()).await.unwrap();
    assert!(nothing.is_renumbered && nothing.mails.is_empty() && !nothing.has_more);
    assert_eq!(nothing.position.last_uid, 3, "the rest lay there before");
    mailbox.put_at(b"Subject: since\r\n\r\nx\r\n", at("2026-11-24T12:05:00Z"));
    let some = fetch_new(&settings, after, FetchLimits::default()).await.unwrap();
    let subjects: Vec<String> = some.mails.iter().map(|mail| read(&mail.raw).unwrap().subject).collect();
    assert_eq!(subjects, ["since"]);
    let then = fetch_new(
        &settings,
        After::PositionOrSince(some.position, since),
        FetchLimits::default(),
    )
    .await;
    assert!(then.unwrap().mails.is_empty());
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_has_brought_what_came_before() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("stalls");
    mailbox.put(b"Subject: one\r\n\r\nx\r\n");
    mailbox.put(b"Subject: two\r\n\r\nit stops here\r\n");
    let (login, server) = mailbox
        .imap_url()
        .trim_start_matches("imap://")
        .rsplit_once('@')
        .map(|(login, server)| (login.to_owned(), server.replace("?tls=none", "")))
        .unwrap();
    let relay = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("imap://{login}@{}?tls=none", relay.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = relay.accept().await {
            let server = tokio::net::TcpStream::connect(&server).await.unwrap();
            tokio::spawn(pass_on_until(client, server, b"it stops here"));
        }
    });
    let settings = ImapSettings::parse(&url.into()).unwrap();
    let limits = FetchLimits {
        time: Duration::from_secs(3),
        ..FetchLimits::default()
    };
    let batch = fetch_new(&settings, After::Everything, limits).await.unwrap();
    assert_eq!(batch.mails.len(), 1);
    assert!(batch.has_more && batch.position.last_uid == batch.mails[0].uid);
    let error = fetch_new(&settings, After::Position(batch.position), limits)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Unreachable(_)), "{error:?}");
}

/// Passes both ways on, and holds back everything from the answer on that has `words` in it.
async fn pass_on_until(client: tokio::net::TcpStream, server: tokio::net::TcpStream, words: &'static [u8]) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut answer = Vec::with_capacity(65_536);
    while let Ok(1..) = from_server.read_buf(&mut answer).await {
        if answer.windows(words.len()).any(|some| some == words) {
            std::future::pending::<()>().await;
        }
        to_client.write_all(&answer).await.unwrap();
        answer.clear();
    }
}

#[tokio::test]
async fn what_is_announced_and_not_handed_over_was_not_sent() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("announced");
    let mailer = mailer(&servers.smtp_url());
    drop(mailer.announce(&mail("never", &mailbox, "never")).await.unwrap());
    mailer.send(&mail("sent", &mailbox, "sent")).await.unwrap();
    let mails = when_there_are(&mailbox, 1).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "sent");
}

#[tokio::test]
async fn of_a_large_mail_the_beginning_is_read() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("large");
    mailbox.put(format!("Subject: large\r\n\r\n{}", "0123456789abcdef\r\n".repeat(50_000)).as_bytes());
    mailbox.put(b"Subject: small\r\n\r\nx\r\n");
    let limits = FetchLimits {
        bytes_each: 300_000,
        ..FetchLimits::default()
    };
    let batch = fetch_new(&imap(&mailbox), After::Everything, limits).await.unwrap();
    assert_eq!(batch.mails.len(), 2);
    assert!(!batch.mails[0].is_whole && batch.mails[0].raw.len() == 262_144);
    assert_eq!(read(&batch.mails[0].raw).unwrap().subject, "large");
    assert!(batch.mails[1].is_whole);
    let few = FetchLimits {
        bytes_in_all: 1,
        ..FetchLimits::default()
    };
    let batch = fetch_new(&imap(&mailbox), After::Everything, few).await.unwrap();
    assert!(batch.mails.len() == 1 && batch.mails[0].is_whole && batch.has_more);
}

#[tokio::test]
async fn nothing_is_marked_as_read_unless_asked() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("seen");
    mailbox.put(b"Subject: one\r\n\r\nx\r\n");
    mailbox.put(b"Subject: two\r\n\r\nx\r\n");
    let settings = imap(&mailbox);
    let batch = fetch_new(&settings, After::Everything, FetchLimits::default())
        .await
        .unwrap();
    assert_eq!(seen(&mailbox).await, Vec::<u32>::new());
    let first = batch.mails[0].uid;
    mark_seen(&settings, batch.position.uid_validity, &[first])
        .await
        .unwrap();
    assert_eq!(seen(&mailbox).await, vec![first]);
    let stale = mark_seen(&settings, batch.position.uid_validity + 1, &[first]).await;
    assert_eq!(stale, Err(FetchError::NoMailbox));
    let nowhere = mailbox.imap_url().replace('?', "/Nowhere?");
    let settings = ImapSettings::parse(&nowhere.into()).unwrap();
    assert_eq!(
        fetch_new(&settings, After::Everything, FetchLimits::default()).await,
        Err(FetchError::NoMailbox)
    );
}

/// Which mails are marked, asked without this crate.
async fn seen(mailbox: &TestMailbox) -> Vec<u32> {
    let url = mailbox.imap_url();
    let (place, _tls) = url.trim_start_matches("imap://").split_once('?').unwrap();
    let (login, address) = place.rsplit_once('@').unwrap();
    let (name, password) = login.split_once(':').unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut client = async_imap::Client::new(stream);
    client.read_response().await.unwrap();
    let mut session = client.login(name, password).await.unwrap();
    session.examine("INBOX").await.unwrap();
    let mut uids: Vec<u32> = session.uid_search("SEEN").await.unwrap().into_iter().collect();
    uids.sort_unstable();
    uids
}

#[test]
fn a_mailer_outlives_the_runtimes_that_it_was_used_on() {
    let Some(servers) = MailServers::find() else { return };
    let mailbox = servers.mailbox("runtimes");
    let mailer = Arc::new(mailer(&servers.smtp_url()));
    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(future)
    }
    for number in 0..3 {
        run(async { mailer.send(&mail(&format!("rt{number}"), &mailbox, "x")).await.unwrap() });
    }
    let elsewhere = Arc::clone(&mailer);
    let of_thread = mail("rt3", &mailbox, "x");
    std::thread::spawn(move || run(async { elsewhere.send(&of_thread).await.unwrap() }))
        .join()
        .unwrap();
    assert_eq!(run(when_there_are(&mailbox, 4)).len(), 4);
}
