//! A channel whose answers are written down beforehand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use conversations::channels::{Accepted, Channel, Content, Found, HandOver, Outgoing, SendError};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

/// What was handed over, and what is answered.
#[derive(Clone, Default)]
pub(crate) struct Carrier(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Result<Accepted, SendError>>,
    found: Option<Found>,
    stalls: Option<Stall>,
    released: Arc<Notify>,
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

/// Where an attempt does not go on until it is released.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stall {
    /// The first one, before the content leaves.
    BeforeTheContent,
    /// The first one, with the content on its way.
    WithTheContent,
    /// Every one to an address that begins so, before the content leaves.
    To(&'static str),
}

impl Carrier {
    pub(crate) fn stalling(self, stall: Stall) -> Self {
        self.0.lock().unwrap().stalls = Some(stall);
        self
    }

    /// Lets go on whoever stalls; nobody does from now on.
    pub(crate) fn release(&self) {
        let mut script = self.0.lock().unwrap();
        script.stalls = None;
        script.released.notify_waiters();
    }

    /// Waits where `stall` says so.
    async fn wait(&self, stalls: impl Fn(Stall) -> bool) {
        let released = {
            let mut script = self.0.lock().unwrap();
            let Some(stall) = script.stalls.filter(|stall| stalls(*stall)) else {
                return;
            };
            if !matches!(stall, Stall::To(_)) {
                script.stalls = None;
            }
            Arc::clone(&script.released).notified_owned()
        };
        released.await;
    }
}

impl Channel for Carrier {
    fn prepare<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<HandOver<'a>, SendError>> {
        Box::pin(async move {
            self.wait(|stall| match stall {
                Stall::BeforeTheContent => true,
                Stall::To(beginning) => outgoing.to.starts_with(beginning),
                Stall::WithTheContent => false,
            })
            .await;
            let hand_over: HandOver<'a> = Box::pin(async move {
                let sent = self.send(outgoing).await;
                self.wait(|stall| stall == Stall::WithTheContent).await;
                sent
            });
            Ok(hand_over)
        })
    }

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
