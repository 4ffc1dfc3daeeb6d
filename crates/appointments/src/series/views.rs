//! Series as clients see them.

use kernel::{ContactId, PractitionerId, RoomId, SeriesId, ServiceId, Timestamp, Version, Zone};
use rest::View;
use serde::Serialize;
use utoipa::ToSchema;

use super::model::{Series, SeriesStatus};
use super::occurrence_view::OccurrenceView;
use super::service::Made;
use crate::booking::Notes;

/// A series.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct SeriesView {
    /// The series.
    pub(super) id: SeriesId,
    /// Who comes.
    pub(super) contact_id: ContactId,
    /// Who sees them.
    pub(super) practitioner_id: PractitionerId,
    /// The room that was named; else one was chosen for each occurrence that needs one.
    pub(super) room_id: Option<RoomId>,
    /// What for.
    pub(super) service_id: Option<ServiceId>,
    /// How it recurs (RFC 5545, 3.3.10), on the wall clock of `zone`.
    #[schema(example = "FREQ=WEEKLY;BYDAY=TU;COUNT=10")]
    pub(super) rule: String,
    /// On whose wall clocks.
    pub(super) zone: Zone,
    /// When the first occurrence begins.
    pub(super) starts_at: Timestamp,
    /// When it is over.
    pub(super) ends_at: Timestamp,
    /// What to remember.
    pub(super) notes: Option<Notes>,
    /// Where it stands.
    pub(super) status: SeriesStatus,
    /// The series of which this one was split off.
    pub(super) previous_id: Option<SeriesId>,
    /// How often it was written.
    #[schema(inline)]
    pub(super) version: Version,
    /// When it was made.
    pub(super) created_at: Timestamp,
    /// When it was last written.
    pub(super) updated_at: Timestamp,
}

impl View for SeriesView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Series> for SeriesView {
    fn from(series: Series) -> Self {
        let Series {
            id,
            contact_id,
            practitioner_id,
            room_id,
            service_id,
            rule,
            zone,
            starts_at,
            ends_at,
            notes,
            status,
            previous_id,
            version,
            created_at,
            updated_at,
        } = series;
        Self {
            id,
            contact_id,
            practitioner_id,
            room_id,
            service_id,
            rule,
            zone,
            starts_at,
            ends_at,
            notes,
            status,
            previous_id,
            version,
            created_at,
            updated_at,
        }
    }
}

/// What would become of a series.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PreviewView {
    /// Whether nothing stands in the way of any occurrence.
    pub(super) free: bool,
    /// Each occurrence that the rule names, in order.
    pub(super) occurrences: Vec<OccurrenceView>,
}

impl View for PreviewView {}

impl From<Vec<OccurrenceView>> for PreviewView {
    fn from(occurrences: Vec<OccurrenceView>) -> Self {
        Self {
            free: occurrences.iter().all(OccurrenceView::is_free),
            occurrences,
        }
    }
}

/// A series that was made or changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeSeriesView {
    /// The series; a new one where an old one was split.
    pub(super) series: SeriesView,
    /// What became of each occurrence that was meant.
    pub(super) occurrences: Vec<OccurrenceView>,
}

impl View for MadeSeriesView {
    fn version(&self) -> Option<Version> {
        Some(self.series.version)
    }
}

impl From<Made> for MadeSeriesView {
    fn from(made: Made) -> Self {
        Self {
            series: made.series.into(),
            occurrences: made.occurrences,
        }
    }
}

/// What was called off.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CancelledSeriesView {
    /// The series.
    pub(super) series: SeriesView,
    /// How many appointments were called off.
    pub(super) cancelled: usize,
}

impl View for CancelledSeriesView {
    fn version(&self) -> Option<Version> {
        Some(self.series.version)
    }
}
