//! Those at the desk, who watch the story live.

use serde_json::json;
use test_support::Actor;

use crate::live::Socket;

/// Somebody at the desk, who watches.
pub(super) struct Desk {
    socket: Socket,
    heard: Vec<String>,
}

impl Desk {
    pub(super) async fn watching(actor: &Actor) -> Self {
        let topics = ["appointments", "conversations", "contacts", "waitlist"];
        Self {
            socket: Socket::hearing(actor, &topics).await,
            heard: Vec::new(),
        }
    }

    fn times(&self, kind: &str) -> usize {
        self.heard.iter().filter(|heard| *heard == kind).count()
    }

    /// Waits until each of `kinds` was heard.
    async fn hears(&mut self, kinds: &[&str]) {
        while kinds.iter().any(|kind| self.times(kind) == 0) {
            let frame = self.socket.frame().await;
            self.heard.push(frame["type"].as_str().unwrap().to_owned());
        }
    }

    /// Whatever else has been told by now.
    async fn rest(&mut self) {
        self.socket.say(json!({ "unsubscribe": ["nothing"] })).await;
        loop {
            let frame = self.socket.frame().await;
            match frame["type"].as_str().unwrap() {
                "unsubscribed" => return,
                kind => self.heard.push(kind.to_owned()),
            }
        }
    }

    /// Asserts how often each kind was told, all in all.
    pub(super) async fn assert_heard(mut self, counts: &[(&str, usize)]) {
        let kinds: Vec<&str> = counts
            .iter()
            .filter(|(_, times)| *times > 0)
            .map(|(kind, _)| *kind)
            .collect();
        self.hears(&kinds).await;
        for (kind, times) in counts {
            while self.times(kind) < *times {
                let frame = self.socket.frame().await;
                self.heard.push(frame["type"].as_str().unwrap().to_owned());
            }
        }
        self.rest().await;
        for (kind, times) in counts {
            assert_eq!(self.times(kind), *times, "{kind} of {:?}", self.heard);
        }
    }
}
