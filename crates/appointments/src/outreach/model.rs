//! What a clinic has set about writing to patients.

use chrono::TimeDelta;
use kernel::{Version, WallTime, Zone};

use super::hours::AwakeHours;

/// The settings, or the defaults of a clinic that has set nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, diesel::Queryable)]
pub struct Outreach {
    /// How many minutes an offer to somebody who waits stands.
    pub offer_minutes: i32,
    /// How many minutes ahead time must lie to be offered.
    pub offer_lead_minutes: i32,
    /// The first minute of a day in which patients are written to.
    pub awake_from: WallTime,
    /// The last.
    pub awake_until: WallTime,
    /// For how many hours after a reminder a short reply is taken for its answer.
    pub reply_hours: i32,
    /// How often they were written.
    pub version: Version,
}

impl Outreach {
    /// What holds where nothing was set; the table has the same defaults.
    pub const DEFAULT: Self = Self {
        offer_minutes: 30,
        offer_lead_minutes: 120,
        awake_from: WallTime::of::<8, 0>(),
        awake_until: WallTime::of::<21, 0>(),
        reply_hours: 48,
        version: Version::FIRST,
    };

    /// The hours in which patients are written to.
    #[must_use]
    pub const fn awake(&self) -> AwakeHours {
        AwakeHours {
            from: self.awake_from,
            until: self.awake_until,
        }
    }

    /// How long an offer stands.
    #[must_use]
    pub fn offer_life(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.offer_minutes))
    }

    /// How far ahead time must lie to be offered.
    #[must_use]
    pub fn offer_lead(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.offer_lead_minutes))
    }

    /// For how long a reply is taken for an answer.
    #[must_use]
    pub fn reply_time(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.reply_hours))
    }
}

/// The settings and the clinic's zone, in which they are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutreachHere {
    /// The settings.
    pub settings: Outreach,
    /// The zone.
    pub zone: Zone,
}

/// What changes; `None` keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, diesel::AsChangeset)]
#[diesel(table_name = db::schema::outreach_settings)]
pub struct OutreachChanges {
    /// See [`Outreach::offer_minutes`].
    pub offer_minutes: Option<i32>,
    /// See [`Outreach::offer_lead_minutes`].
    pub offer_lead_minutes: Option<i32>,
    /// See [`Outreach::awake_from`].
    pub awake_from: Option<WallTime>,
    /// See [`Outreach::awake_until`].
    pub awake_until: Option<WallTime>,
    /// See [`Outreach::reply_hours`].
    pub reply_hours: Option<i32>,
}

impl OutreachChanges {
    /// The names of the fields that change.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        [
            ("offer_minutes", self.offer_minutes.is_some()),
            ("offer_lead_minutes", self.offer_lead_minutes.is_some()),
            ("awake_from", self.awake_from.is_some()),
            ("awake_until", self.awake_until.is_some()),
            ("reply_hours", self.reply_hours.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, changes)| changes.then_some(name))
        .collect()
    }
}
