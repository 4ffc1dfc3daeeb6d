//! The story's line by WhatsApp: signed posts come in, and what goes out is taken by a server that behaves as the documented API.

use conversations::channels::WhatsappApi;
use gateway::config::Config;
use kernel::Clock as _;
use serde_json::{Value, json};
use test_support::Api;
use test_support::whatsapp::{VERSION, WhatsAppServer};

use super::Line;
use crate::app::TestApp;
use crate::channels::make_inbox;

/// What WhatsApp has approved for the clinic: who has not written for a day is written to by these alone.
const TEMPLATES: [(&str, &str, usize); 2] = [
    (
        "appointment_reminder",
        "Olá, {{1}}! Lembrete de {{4}}: você tem horário com {{3}}: {{2}}. Responda 1 para confirmar ou 2 para cancelar.",
        4,
    ),
    (
        "waitlist_offer",
        "Olá, {{1}}! Abriu um horário em {{4}} com {{3}}: {{2}}. Responda 1 ou 2 até {{5}}.",
        5,
    ),
];

/// The WhatsApp number of Aurora.
pub(super) struct WhatsApp {
    server: WhatsAppServer,
    /// Where WhatsApp posts, at each gateway.
    hooks: Vec<String>,
}

/// Somebody with a phone.
pub(super) struct Person {
    name: &'static str,
    digits: &'static str,
}

impl Line for WhatsApp {
    type Ground = WhatsAppServer;
    type Person = Person;

    fn ground() -> Option<WhatsAppServer> {
        Some(WhatsAppServer::start())
    }

    fn connect(ground: &WhatsAppServer, config: &mut Config) {
        config.whatsapp = WhatsappApi::at(&ground.base(), VERSION).unwrap();
    }

    async fn open(server: WhatsAppServer, app: &TestApp, doors: &[&Api]) -> Self {
        let inbox = make_inbox(
            app,
            json!({
                "channel": "whatsapp", "name": "WhatsApp",
                "settings": {"phone_number_id": server.phone_number_id()},
                "secrets": {"access_token": server.token(), "app_secret": server.app_secret(), "verify_token": "word"},
            }),
        )
        .await;
        for (name, body, places) in TEMPLATES {
            server.approve(name, "pt_BR", places);
            let template = json!({"inbox_id": inbox.id, "name": name, "language": "pt_BR", "category": "utility",
                                  "body": body, "status": "approved"});
            let made = app.actor("owner@aurora").post("/v1/message-templates", template).await;
            made.assert_status(201);
        }
        let hook = |door: &&Api| format!("http://{}/hooks/whatsapp/{}", door.address(), inbox.token);
        let hooks = doors.iter().map(hook).collect();
        Self { server, hooks }
    }

    async fn meet(&self, _app: &TestApp, name: &'static str) -> Person {
        let digits = if name.starts_with("Clara") {
            "5571981230001"
        } else {
            "5571981230002"
        };
        Person { name, digits }
    }

    async fn write(&self, app: &TestApp, person: &Person, text: &str) {
        let now = app.clock.now();
        let id = format!("wamid.{}", kernel::MessageId::new_at(now));
        let content = json!({"type": "text", "text": {"body": text}});
        let second = now.as_datetime().timestamp();
        let post = self.server.message(person.digits, person.name, &id, second, &content);
        // Again at the other gateway, where there is one.
        for copy in 0..2 {
            let hook = &self.hooks[copy % self.hooks.len()];
            assert_eq!(self.server.post(hook, &post).await, 200);
        }
    }

    fn falls_silent(&self, person: &Person) {
        self.server.close_window(person.digits);
    }

    async fn received(&self, person: &Person) -> Vec<String> {
        let taken = self.server.taken();
        taken
            .iter()
            .filter(|message| message["to"] == person.digits)
            .map(words)
            .collect()
    }
}

/// What the person reads.
fn words(message: &Value) -> String {
    if let Some(text) = message["text"]["body"].as_str() {
        return text.to_owned();
    }
    let template = &message["template"];
    let (_, body, _) = TEMPLATES
        .into_iter()
        .find(|(name, ..)| template["name"] == *name)
        .expect("an approved template");
    let parameters = template["components"][0]["parameters"].as_array().unwrap();
    (1..).zip(parameters).fold(body.to_owned(), |text, (place, parameter)| {
        let value = parameter["text"].as_str().unwrap();
        text.replace(&format!("{{{{{place}}}}}"), value)
    })
}
