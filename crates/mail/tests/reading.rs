//! Mails as clients write them, and as nobody should: read whole, or refused within bounds.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so does what they share")]

use base64::Engine as _;
use kernel::email::EmailAddress;
use mail::{BounceAction, MailKind, MessageId, ReadMail, read};
use proptest::prelude::*;

fn fixture(name: &str) -> ReadMail {
    let path = format!("{}/tests/mails/{name}.eml", env!("CARGO_MANIFEST_DIR"));
    read(&std::fs::read(path).unwrap()).unwrap()
}

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

#[test]
fn a_reply_keeps_its_new_words_and_its_thread() {
    let mail = fixture("gmail-reply");
    assert_eq!(mail.text, "Confirmo, obrigada! Posso levar minha mãe?");
    assert!(
        mail.quoted
            .as_deref()
            .unwrap()
            .contains("> Sua consulta é amanhã às 9h.")
    );
    assert_eq!(mail.subject, "Re: Sua consulta amanhã às 9h");
    assert_eq!(mail.in_reply_to, [id("0192f0c1-2a3b@aurora.example")]);
    assert_eq!(mail.references, [id("0192f0c1-2a3b@aurora.example")]);
    let from = mail.from.as_ref().unwrap();
    assert_eq!(from.name.as_deref(), Some("Maria Conceição"));
    assert_eq!(from.address, address("maria.souza@example.com"));
    assert_eq!(mail.date.unwrap().to_string(), "2026-11-24T12:20:00Z");
    assert_eq!(mail.kind, MailKind::Personal);
    assert!(mail.complete && mail.kind.may_be_answered());
    // The HTML that says the same is no file.
    assert_eq!(mail.attachments, []);
}

#[test]
fn portuguese_of_any_age_is_read() {
    let old = fixture("windows-1252");
    assert_eq!(old.from.unwrap().name.as_deref(), Some("Gonçalves, João"));
    assert_eq!(old.subject, "Remarcação");
    assert!(
        old.text
            .contains("Não poderei ir à consulta na terça — peço remarcação."),
        "{}",
        old.text
    );
    assert!(old.text.contains("João “Zé” Gonçalves"));
    let latin = fixture("latin1-quoted-printable");
    assert_eq!(latin.subject, "Dúvida sobre o convênio");
    assert_eq!(
        latin.text,
        "O convênio cobre a sessão de fisioterapia que está marcada para a próxima sexta?"
    );
}

#[test]
fn html_alone_becomes_text_and_files_keep_their_names_without_paths() {
    let mail = fixture("outlook-html");
    assert_eq!(mail.text, "Segue o exame.\nCarlos");
    let quoted = mail.quoted.as_deref().unwrap();
    assert!(
        quoted.starts_with("De:") && quoted.contains("Clínica Aurora"),
        "{quoted}"
    );
    assert_eq!(
        mail.references,
        [id("0192f0c1-2a3a@aurora.example"), id("0192f0c1-2a3c@aurora.example")]
    );
    assert_eq!(mail.cc[0].address, address("ana@example.org"));
    let logo = mail
        .attachments
        .iter()
        .find(|file| file.content_type == "image/png")
        .unwrap();
    assert!(logo.inline);
    assert_eq!(logo.content_id.as_deref(), Some("logo@example.org"));
    let exam = mail
        .attachments
        .iter()
        .find(|file| file.content_type == "application/pdf")
        .unwrap();
    assert!(!exam.inline);
    assert_eq!(exam.name.as_deref(), Some("exame à vista.pdf"));
    assert_eq!(exam.bytes, b"%PDF-1.4");
    assert!(
        !mail.attachments.iter().any(|file| file.content_type == "text/html"),
        "{:?}",
        mail.attachments
    );
}

#[test]
fn machines_are_told_from_people() {
    let bounce = fixture("bounce");
    let MailKind::Bounce(report) = &bounce.kind else {
        panic!("{bounce:?}")
    };
    assert_eq!(report.original, Some(id("0192f0c1-bounced@aurora.example")));
    assert_eq!(report.recipients[0].action, BounceAction::Failed);
    assert_eq!(report.recipients[0].status.as_deref(), Some("5.1.1"));
    let away = fixture("out-of-office");
    assert_eq!(away.kind, MailKind::Automatic);
    assert_eq!(away.text, "Estou de férias até dia 10.");
    assert!(!away.kind.may_be_answered());
    let kind = |headers: &str| {
        read(format!("From: a@b.example\n{headers}\n\nx").as_bytes())
            .unwrap()
            .kind
    };
    assert_eq!(kind("Auto-Submitted: no"), MailKind::Personal);
    assert_eq!(kind("Precedence: Bulk"), MailKind::Bulk);
    assert_eq!(kind("List-Id: <news.example.com>"), MailKind::Bulk);
    assert_eq!(kind("Precedence: auto_reply"), MailKind::Automatic);
    assert_eq!(kind("X-Autoreply: yes"), MailKind::Automatic);
    // Services put it on whatever they carry, also on what people write.
    assert_eq!(kind("Feedback-ID: 1.sa-east-1:AmazonSES"), MailKind::Personal);
    assert_eq!(kind("Return-Path: <>"), MailKind::Automatic);
    assert_eq!(kind("Return-Path: <a@b.example>"), MailKind::Personal);
    assert_eq!(
        kind(&"Received: from a by b; Tue, 24 Nov 2026 09:15:00 -0300\n".repeat(60)),
        MailKind::Looping
    );
    let complaint = read(b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\n\nsorry")
        .unwrap()
        .kind;
    assert!(matches!(complaint, MailKind::Bounce(report) if report.has_failed() && report.recipients.is_empty()));
}

#[test]
fn a_mail_in_a_mail_is_a_file() {
    let inner = "Subject: inner\nContent-Type: message/rfc822\n\nSubject: innermost\n\nx\n";
    let raw = format!(
        "Subject: outer\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n--b\nContent-Type: message/rfc822\n\n{inner}\n--b--\n"
    );
    let mail = read(raw.as_bytes()).unwrap();
    assert_eq!(mail.text, "hello");
    assert_eq!(mail.attachments.len(), 1);
    assert_eq!(mail.attachments[0].content_type, "message/rfc822");
    assert!(mail.attachments[0].bytes.starts_with(b"Subject: inner"));
}

#[test]
fn hostile_mails_cost_little() {
    let nested = format!("Subject: deep\n{}", "Content-Type: message/rfc822\n\n".repeat(200_000));
    let encoded = base64::engine::general_purpose::STANDARD.encode(&nested);
    let in_base64 =
        format!("Subject: deep\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{encoded}\n");
    let multiparts = (0..5_000)
        .map(|number| format!("Content-Type: multipart/mixed; boundary=b{number}\n\n--b{number}\n"))
        .collect::<String>();
    let multiparts = format!("Subject: deep\n{multiparts}");
    let headers = format!("Subject: deep\n{}\nx", "a:b\n".repeat(2_000_000));
    let parts = format!(
        "Subject: deep\nContent-Type: multipart/mixed; boundary=b\n\n{}",
        "--b\na:b\na:b\na:b\n\nx\n".repeat(500_000)
    );
    for (raw, complete) in [
        (nested, false),
        (in_base64, true),
        (multiparts, false),
        (headers, false),
        (parts, false),
    ] {
        let mail = read(raw.as_bytes()).unwrap();
        assert_eq!((mail.subject.as_str(), mail.complete), ("deep", complete));
    }
    let long = read(format!("Subject: x\n\n{}", "linha\n".repeat(1_000_000)).as_bytes()).unwrap();
    assert!(!long.complete && long.text.len() <= 512 << 10);
}

#[test]
fn nothing_is_no_mail() {
    for raw in [&b""[..], b"\n\n", b"\n"] {
        assert!(read(raw).is_err(), "{raw:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(raw in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = read(&raw);
    }

    #[test]
    fn no_structure_makes_it_panic(
        parts in proptest::collection::vec(prop::sample::select(vec![
            "Content-Type: multipart/mixed; boundary=b\n", "Content-Type: multipart/alternative; boundary=\"c\"\n",
            "Content-Type: message/rfc822\n", "Content-Type: multipart/digest; boundary=b\n", "Content-Type: text/html; charset=x\n",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n", "Content-Type: message/delivery-status\n",
            "Content-Transfer-Encoding: base64\n", "Content-Transfer-Encoding: quoted-printable\n", "Content-Disposition: attachment; filename*=utf-8''%e9\n",
            "From: =?utf-8?q?=e9?= <a@b.example>\n", "Message-ID: <a@b>\n", "References: <a@b> <c@d>\n", "Date: Tue, 99 Nov 2026\n",
            "\n", "--b\n", "--c\n", "--b--\n", "--c--\n", "texto\n", "=E9=\n", "aGk=\n", "<p>x</p\n", "> x\n", "\u{0}\n", "Action: failed\n",
        ]), 0..40),
    ) {
        let _ = read(parts.concat().as_bytes());
    }
}
