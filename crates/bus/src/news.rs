//! What travels over the bus, and under which name.

use kernel::{ClinicId, EventId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Where processes speak of themselves.
pub(crate) const NODES: &str = "node:bus";
/// Where they speak of clinics.
pub(crate) const CLINICS: &str = "clinic:*:bus";

/// What a process tells the others, always of one clinic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// Something was committed.
    Committed(Committed),
    /// Something that is of interest now or never.
    Passing(Passing),
}

/// What a commit made stale, and what it told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Committed {
    /// In which clinic.
    pub clinic: ClinicId,
    /// The tags of what is stale.
    pub tags: Vec<String>,
    /// The events.
    pub events: Vec<Told>,
}

/// An event of the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Its id there.
    pub id: EventId,
    /// What happened.
    pub kind: String,
    /// What is told of it: ids and states.
    pub payload: Value,
}

/// What is shown to those who look at `topic` just now, and never stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passing {
    /// In which clinic.
    pub clinic: ClinicId,
    /// What it is, such as `typing`.
    pub kind: String,
    /// Whom it concerns, such as `conversation:0192…`.
    pub topic: String,
    /// What is told.
    pub data: Value,
}

impl News {
    /// The clinic that it is about.
    #[must_use]
    pub const fn clinic(&self) -> ClinicId {
        match self {
            Self::Committed(committed) => committed.clinic,
            Self::Passing(passing) => passing.clinic,
        }
    }

    /// The name under which it is sent.
    pub(crate) fn channel(&self) -> String {
        format!("clinic:{}:bus", self.clinic())
    }
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Body {
    /// The process has just connected: of what it told before, nothing may have arrived.
    Hello,
    /// The process lives.
    Beat,
    /// The process ends, and will tell nothing more.
    Leaving,
    News(News),
}

impl Body {
    /// The name under which it is sent.
    pub(crate) fn channel(&self) -> String {
        match self {
            Self::News(news) => news.channel(),
            Self::Hello | Self::Beat | Self::Leaving => NODES.to_owned(),
        }
    }
}

/// A message, and who sent it as its how many-eth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) node: Uuid,
    pub(crate) number: u64,
    pub(crate) body: Body,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_starts_with_the_clinic_or_the_node() {
        let clinic = ClinicId::from_uuid(Uuid::from_u128(7));
        let news = News::Committed(Committed {
            clinic,
            tags: vec!["contacts".to_owned()],
            events: Vec::new(),
        });
        assert_eq!(Body::News(news).channel(), format!("clinic:{clinic}:bus"));
        assert_eq!(Body::Beat.channel(), "node:bus");
    }

    #[test]
    fn a_message_reads_back() {
        let envelope = Envelope {
            node: Uuid::from_u128(1),
            number: 3,
            body: Body::News(News::Passing(Passing {
                clinic: ClinicId::from_uuid(Uuid::from_u128(7)),
                kind: "typing".to_owned(),
                topic: "conversation:1".to_owned(),
                data: serde_json::json!({"active": true}),
            })),
        };
        let text = serde_json::to_string(&envelope).unwrap();
        assert_eq!(serde_json::from_str::<Envelope>(&text).unwrap(), envelope);
    }
}
