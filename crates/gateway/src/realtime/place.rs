//! One socket's place among those who listen.

use std::collections::HashSet;
use std::sync::Arc;

use auth::{SignIn, Still};
use kernel::{Caller as _, ClinicId};
use tokio::sync::{mpsc, watch};

use super::Live;
use super::frames::Frame;
use super::room::{Ears, Listener, Room, Since, Speaker, State};

/// A place in the hub; leaves it when dropped.
pub(super) struct Place {
    live: Live,
    clinic: ClinicId,
    pub(super) speaker: Speaker,
    pub(super) frames: mpsc::Receiver<Arc<Frame>>,
    pub(super) state: watch::Receiver<State>,
}

impl Place {
    /// Lets `who` in, who came in by `sign_in`. A room in which nobody is yet begins at `since`.
    pub(super) fn take(live: &Live, sign_in: SignIn, who: &Still, since: Since) -> Self {
        let clinic = who.principal.clinic();
        let (listener, Ears { frames, state }) = Listener::new(sign_in, who, live.0.config.queue);
        Self {
            live: live.clone(),
            clinic,
            speaker: live.0.hub.enter(clinic, since, listener),
            frames,
            state,
        }
    }

    /// The topics that are subscribed to.
    pub(super) fn topics(&self) -> HashSet<String> {
        let topics = |room: &mut Room| room.topics_of(self.speaker);
        self.live.0.hub.in_room(self.clinic, topics).unwrap_or_default()
    }

    /// Hears `topic` from now on.
    pub(super) fn subscribe(&self, topic: &str) {
        self.live
            .0
            .hub
            .in_room(self.clinic, |room| room.subscribe(self.speaker, topic));
    }

    /// Hears `topic` no longer.
    pub(super) fn unsubscribe(&self, topic: &str) {
        self.live
            .0
            .hub
            .in_room(self.clinic, |room| room.unsubscribe(self.speaker, topic));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.live.0.hub.leave(self.clinic, self.speaker);
    }
}
