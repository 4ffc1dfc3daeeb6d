//! The story's line by the web chat.

use gateway::config::Config;
use reqwest::Method;
use serde_json::json;
use test_support::{Actor, Api};

use super::Line;
use crate::app::TestApp;
use crate::channels::make_inbox;

/// The web chat of Aurora.
pub(super) struct Chat {
    nobody: Actor,
    path: String,
}

/// A visitor of the web chat.
pub(super) struct Visitor {
    name: &'static str,
    token: String,
}

impl Line for Chat {
    type Ground = ();
    type Person = Visitor;

    fn ground() -> Option<()> {
        Some(())
    }

    fn connect((): &(), _config: &mut Config) {}

    async fn open((): (), app: &TestApp, doors: &[&Api]) -> Self {
        let body = json!({"channel": "webchat", "name": "Site", "settings": {"allowed_origins": []}});
        let inbox = make_inbox(app, body).await;
        Self {
            nobody: doors[0].nobody(),
            path: format!("/v1/webchat/{}", inbox.token),
        }
    }

    async fn meet(&self, _app: &TestApp, name: &'static str) -> Visitor {
        let begun = self.nobody.post(&format!("{}/visits", self.path), json!({})).await;
        let token = begun.expect_status(200).body["visitor_token"]
            .as_str()
            .unwrap()
            .to_owned();
        Visitor { name, token }
    }

    async fn write(&self, _app: &TestApp, person: &Visitor, text: &str) {
        let body = json!({"id": kernel::MessageId::new_at(kernel::Clock::now(&kernel::SystemClock)), "body": text, "name": person.name});
        for status in [201, 200] {
            self.nobody
                .call(Method::POST, &format!("{}/messages", self.path))
                .header("x-visitor-token", &person.token)
                .json(&body)
                .send()
                .await
                .assert_status(status);
        }
    }

    async fn received(&self, person: &Visitor) -> Vec<String> {
        let seen = self
            .nobody
            .call(Method::GET, &format!("{}/messages", self.path))
            .header("x-visitor-token", &person.token)
            .send()
            .await
            .expect_status(200);
        seen.data()
            .iter()
            .filter(|message| message["direction"] == "outbound")
            .map(|message| message["body"].as_str().unwrap().to_owned())
            .collect()
    }
}
