//! The conversations of a demo clinic: a web chat with a few visitors, some answered.

use auth::secrets::VisitorToken;
use chrono::TimeDelta;
use conversations::canned::{self, CannedBody, Shortcut};
use conversations::inboxes::{self, InboxSettings, NewInbox, WebchatSettings};
use conversations::messages::{self, Draft, Inbound, MessageText};
use conversations::webchat::identity_of;
use db::schema::inboxes as inbox_rows;
use db::{Db, DbError, QueryResultExt as _};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::text::PersonName;
use kernel::{Caller as _, System, Timestamp};

use super::practice::refused;
use super::{DemoError, value};
use crate::shared::Shared;
use crate::workflows::inbound::{self, Arrival, Claims};

/// Who writes, what they say, and what they are answered.
const TALKS: [(&str, &[&str], Option<&str>); 4] = [
    (
        "Renata Vasques",
        &["Bom dia! Vocês atendem aos sábados?", "Seria para uma avaliação."],
        Some("Bom dia, Renata! Atendemos de segunda a sexta, das 8h às 18h."),
    ),
    (
        "Otávio Lins",
        &["Boa tarde, queria remarcar minha consulta de quinta."],
        None,
    ),
    (
        "Cecília Amaral",
        &["Oi, qual o valor da consulta particular?"],
        Some("Olá, Cecília! A consulta custa R$ 250,00."),
    ),
    ("Davi Rezende", &["Olá", "Preciso da segunda via do meu exame."], None),
];

/// Makes the web chat and its talks, in one transaction, unless there is an inbox; gives how many were made.
pub(super) async fn ensure(db: &Db, shared: &Shared, caller: &System) -> Result<usize, DemoError> {
    let present: i64 = db
        .read(caller, async |tx| {
            inbox_rows::table
                .filter(inbox_rows::clinic_id.eq(tx.clinic()))
                .count()
                .get_result(&mut tx.conn())
                .await
                .or_database::<DbError>()
        })
        .await?;
    if present > 0 {
        return Ok(0);
    }
    let settings = InboxSettings::Webchat(WebchatSettings {
        allowed_origins: vec!["http://localhost:3000".to_owned()],
        greeting: Some("Olá! Como podemos ajudar?".to_owned()),
    });
    let new = NewInbox::named(value("Site")?, settings);
    let shortcut: Shortcut = value("bom-dia")?;
    let body: CannedBody = value("Bom dia, {{contact.first_name}}! Aqui é da {{clinic.name}}. Como posso ajudar?")?;
    db.write(caller, async |tx| {
        let (inbox, _token) = inboxes::create(tx, shared.clinic_keys(), &new).await.map_err(refused)?;
        canned::create(tx, &shortcut, &body).await.map_err(refused)?;
        for (number, (name, words, answer)) in (1..).zip(TALKS) {
            let visitor = VisitorToken::generate(caller.clinic()).map_err(refused)?;
            let begun: Timestamp = tx.now().saturating_add(-TimeDelta::minutes(40 * number));
            let mut conversation = None;
            for (step, text) in (0..).zip(words) {
                let arrival = Arrival {
                    inbox: inbox.clone(),
                    identities: vec![identity_of(&visitor)],
                    claims: Claims {
                        name: Some(value::<PersonName>(name)?),
                        ..Claims::default()
                    },
                    message: Inbound {
                        provider_id: format!("demo/{number}/{step}"),
                        sent_at: begun.saturating_add(TimeDelta::minutes(step)),
                        body: (*text).to_owned(),
                        subject: None,
                        address: None,
                        files: Vec::new(),
                        reply_to: None,
                    },
                    is_automatic: false,
                };
                conversation = Some(inbound::receive(tx, &arrival).await.map_err(refused)?.conversation);
            }
            if let (Some(conversation), Some(answer)) = (conversation, answer) {
                let draft = Draft::text(value::<MessageText>(answer)?);
                messages::send(tx, conversation, &draft).await.map_err(refused)?;
            }
        }
        Ok::<_, DemoError>(TALKS.len())
    })
    .await
}
