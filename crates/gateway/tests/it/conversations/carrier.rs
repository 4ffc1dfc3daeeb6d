//! A channel whose answers are written down beforehand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use conversations::channels::{Accepted, Channel, Content, Found, Outgoing, SendError};
use futures_util::future::BoxFuture;

/// What was handed over, and what is answered.
#[derive(Clone, Default)]
pub(crate) struct Carrier(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Result<Accepted, SendError>>,
    found: Option<Found>,
    sent: Vec<(String, String)>,
}

impl Carrier {
    /// Answers in this order; after that everything is taken.
    pub(crate) fn answering(answers: impl IntoIterator<Item = Result<Accepted, SendError>>) -> Self {
        let carrier = Self::default();
        carrier.0.lock().unwrap().answers = answers.into_iter().collect();
        carrier
    }

    /// Says this when it is asked for a message.
    pub(crate) fn knowing(self, found: Found) -> Self {
        self.0.lock().unwrap().found = Some(found);
        self
    }

    /// What was handed over: to whom, and what.
    pub(crate) fn sent(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().sent.clone()
    }
}

impl Channel for Carrier {
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<Accepted, SendError>> {
        let mut script = self.0.lock().unwrap();
        let text = match &outgoing.content {
            Content::Text(text) => text.clone(),
            Content::Template { name, parameters, .. } => format!("{name}({})", parameters.join(", ")),
        };
        script.sent.push((outgoing.to.clone(), text));
        let accepted = Accepted {
            provider_id: format!("wamid.{}", outgoing.reference),
        };
        let answer = script.answers.pop_front().unwrap_or(Ok(accepted));
        Box::pin(async move { answer })
    }

    fn find<'a>(&'a self, _outgoing: &'a Outgoing) -> BoxFuture<'a, Result<Found, SendError>> {
        let found = self.0.lock().unwrap().found.clone().unwrap_or(Found::CannotTell);
        Box::pin(async move { Ok(found) })
    }
}
