//! What live connections, and everything else that remembers, hear of commits: of this process and of the others.

use auth::{Verdicts, subject_of};
use bus::{Bus, Committed, News, Told};
use cache::Cache;
use db::{Commit, CommitListener, CommittedEvent};
use futures_util::future::{BoxFuture, ready};
use kernel::{ClinicId, Tag};

use super::Live;

fn told(event: &CommittedEvent) -> Told {
    Told {
        id: event.id,
        kind: event.kind.to_owned(),
        payload: event.payload.clone(),
    }
}

impl Live {
    /// Whoever's rights hang on what `tags` name hears nothing until they were read again.
    fn doubt(&self, clinic: ClinicId, tags: &[Tag]) {
        let subjects: Vec<_> = tags.iter().filter_map(subject_of).collect();
        if !subjects.is_empty() && self.0.hub.doubt(clinic, &subjects) {
            self.0.keeper.call(clinic);
        }
    }
}

impl CommitListener for Live {
    fn committed<'a>(&'a self, commit: Commit<'a>) -> BoxFuture<'a, ()> {
        if self.0.hub.anybody_in(commit.clinic) {
            self.doubt(commit.clinic, commit.tags);
            for event in commit.events {
                if self.0.topics.kind(event.kind).is_some() {
                    self.tell(commit.clinic, &told(event));
                }
            }
        }
        Box::pin(ready(()))
    }
}

/// Tells the other processes what was committed in this one.
pub(crate) struct Announce {
    bus: Bus,
    live: Live,
}

impl Announce {
    pub(crate) const fn new(bus: Bus, live: Live) -> Self {
        Self { bus, live }
    }
}

impl CommitListener for Announce {
    fn committed<'a>(&'a self, commit: Commit<'a>) -> BoxFuture<'a, ()> {
        if self.bus.is_shared() {
            let public = |event: &&CommittedEvent| self.live.0.topics.kind(event.kind).is_some();
            let events: Vec<_> = commit.events.iter().filter(public).map(told).collect();
            if !(events.is_empty() && commit.tags.is_empty()) {
                self.bus.tell(News::Committed(Committed {
                    clinic: commit.clinic,
                    tags: commit.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
                    events,
                }));
            }
        }
        Box::pin(ready(()))
    }
}

/// Does here what follows from the news of other processes.
pub(crate) struct Remote {
    cache: Cache,
    verdicts: Verdicts,
    live: Live,
}

impl Remote {
    pub(crate) const fn new(cache: Cache, verdicts: Verdicts, live: Live) -> Self {
        Self { cache, verdicts, live }
    }

    async fn committed(&self, committed: &Committed) {
        let Committed { clinic, tags, events } = committed;
        let tags: Vec<_> = tags.iter().cloned().map(Tag::told).collect();
        self.cache.bump(*clinic, &tags).await;
        for subject in tags.iter().filter_map(subject_of) {
            self.verdicts.forget(&subject);
        }
        self.live.doubt(*clinic, &tags);
        for event in events {
            self.live.tell(*clinic, event);
        }
    }
}

impl bus::Listener for Remote {
    fn heard<'a>(&'a self, news: &'a News) -> BoxFuture<'a, ()> {
        match news {
            News::Committed(committed) => Box::pin(self.committed(committed)),
            News::Passing(passing) => {
                self.live.show(passing, None);
                Box::pin(ready(()))
            }
        }
    }

    fn interrupted(&self) {
        // The cache sees it by the link's epoch, and verdicts are old after a second.
        self.live.0.keeper.call_all();
    }
}
