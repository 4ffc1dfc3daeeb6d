//! What the system writes by itself says so (RFC 3834), so that no absence note answers it.

use serde_json::json;
use test_support::world;

use super::super::{conversations, say, the_conversation};
use super::{Stage, raw_in};
use crate::agenda::{book, consulta, tuesday, with};
use crate::app::until;
use crate::waitlist::{settled, tuesday_nine, wait};

impl Stage {
    /// The `Auto-Submitted` of each mail that has come to the patient, once there are `mails` of them, with its first words.
    async fn marks(&self, mails: usize) -> Vec<(String, String)> {
        until("another mail", async || raw_in(&self.patient).await.len() >= mails).await;
        let raw = raw_in(&self.patient).await;
        assert_eq!(raw.len(), mails);
        raw.iter()
            .map(|raw| {
                let text = String::from_utf8_lossy(raw);
                let mark = text
                    .lines()
                    .take_while(|line| !line.trim().is_empty())
                    .find_map(|line| line.strip_prefix("Auto-Submitted:"));
                let words = mail::read(raw).unwrap().text;
                let first = words.split(' ').next().unwrap_or_default().to_owned();
                (mark.unwrap_or_default().trim().to_owned(), first)
            })
            .collect()
    }
}

#[tokio::test]
async fn reminders_offers_and_confirmations_say_that_a_machine_wrote_them_and_people_do_not() {
    let Some(stage) = Stage::set("automatic").await else {
        return;
    };
    let mark = |mark: &str, word: &str| (mark.to_owned(), word.to_owned());
    stage.comes_in(&stage.patient.address(), "a1@patient.example", "", "Bom dia");
    stage.look();
    let conversation = the_conversation(&stage.app).await;
    let contact = conversations(&stage.app).await[0]["contact_id"]
        .as_str()
        .unwrap()
        .to_owned();
    say(&stage.app, &conversation, "Olá!").await;
    assert_eq!(stage.marks(1).await, [mark("", "Olá!")]);

    // What they wait for is free, so it is offered.
    wait(&stage.app.actor("reception@aurora"), tuesday_nine(&contact)).await;
    settled(&stage.app).await;
    assert_eq!(stage.marks(2).await[1], mark("auto-generated", "Olá,"));
    let offer = super::delivered_to(&stage.patient).await.remove(1);
    let thread = format!("In-Reply-To: <{}>\r\n", offer.message_id.unwrap().as_str());
    stage.comes_in(&stage.patient.address(), "a2@patient.example", &thread, "2");
    stage.look();
    assert_eq!(stage.marks(3).await[2], mark("auto-replied", "Tudo"));

    let visit = with(consulta(&tuesday("15:00")), json!({ "contact_id": contact }));
    book(&stage.app.actor("reception@aurora"), visit).await;
    settled(&stage.app).await;
    stage.app.clock.set(world::at("2026-11-23T18:00:00Z"));
    settled(&stage.app).await;
    assert_eq!(stage.marks(4).await[3], mark("auto-generated", "Olá,"));
}
