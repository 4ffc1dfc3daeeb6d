//! The frames in which events are told: each is written once, for all who are handed it.

use std::sync::Arc;

use bus::{Passing, Told};
use bytestring::ByteString;
use chrono::DateTime;
use kernel::{EventId, Permission, Timestamp};

use super::protocol::EventFrame;
use super::topics::Topics;

/// A frame, written once.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) id: Option<EventId>,
    /// What one must be permitted to see it.
    pub(super) permission: Permission,
    /// The topics under which it is found.
    pub(super) topics: Vec<String>,
    pub(super) text: ByteString,
}

impl Frame {
    /// The frame of `event`; `None` when it is nobody's business outside, or cannot be written.
    pub(super) fn of_event(topics: &Topics, event: &Told) -> Option<Arc<Self>> {
        let kind = topics.kind(&event.kind)?;
        let told_to = Topics::of_event(kind, &event.payload);
        let text = write(&EventFrame {
            id: Some(event.id),
            kind: &event.kind,
            occurred_at: moment_of(event.id),
            topic: &kind.collection,
            topics: &told_to,
            data: &event.payload,
        })?;
        Some(Arc::new(Self {
            id: Some(event.id),
            permission: kind.permission,
            topics: told_to,
            text,
        }))
    }

    /// The frame of what is shown in passing to those who have `permission`.
    pub(super) fn of_passing(passing: &Passing, permission: Permission) -> Option<Arc<Self>> {
        let topics = vec![passing.topic.clone()];
        let text = write(&EventFrame {
            id: None,
            kind: &passing.kind,
            occurred_at: None,
            topic: &passing.topic,
            topics: &topics,
            data: &passing.data,
        })?;
        Some(Arc::new(Self {
            id: None,
            permission,
            topics,
            text,
        }))
    }
}

fn write(frame: &EventFrame<'_>) -> Option<ByteString> {
    match serde_json::to_string(frame) {
        Ok(text) => Some(text.into()),
        Err(error) => {
            tracing::error!(%error, "a live frame could not be written");
            None
        }
    }
}

/// When an event's unit of work began, to the millisecond: its id says so, on whatever way it comes.
pub(super) fn moment_of(id: EventId) -> Option<Timestamp> {
    let (seconds, nanos) = id.as_uuid().get_timestamp()?.to_unix();
    let moment = DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)?;
    Timestamp::new(moment).ok()
}
