//! What a holiday is.

use chrono::NaiveDate;
use db::schema::holidays;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::text::Label;
use kernel::{HolidayId, Timestamp, Version, text_enum};

use rest::changed;

text_enum! {
    /// Who keeps a holiday.
    pub enum HolidayScope {
        /// The whole country.
        National = "national",
        /// A state.
        State = "state",
        /// A municipality.
        Municipal = "municipal",
        /// The clinic alone.
        Clinic = "clinic",
    }
    error = InvalidHolidayScope, code = "unknown_scope";
}

/// A day on which the clinic is closed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = holidays, check_for_backend(Pg))]
pub struct Holiday {
    /// Its id.
    pub id: HolidayId,
    /// Which day, in the clinic's zone; one holiday a day.
    pub date: NaiveDate,
    /// What it is called.
    pub name: Label,
    /// Who keeps it.
    pub scope: HolidayScope,
    /// How often the row was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// A holiday to be made.
#[derive(Debug, Clone)]
pub struct NewHoliday {
    /// Its id, when the caller chose one.
    pub id: Option<HolidayId>,
    /// Which day, in the clinic's zone.
    pub date: NaiveDate,
    /// What it is called.
    pub name: Label,
    /// Who keeps it.
    pub scope: HolidayScope,
}

/// What changes about a holiday; `None` keeps.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = holidays)]
pub struct HolidayChanges {
    /// Which day.
    pub date: Option<NaiveDate>,
    /// What it is called.
    pub name: Option<Label>,
    /// Who keeps it.
    pub scope: Option<HolidayScope>,
}

impl HolidayChanges {
    /// The names of the fields that change.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        changed([
            ("date", self.date.is_some()),
            ("name", self.name.is_some()),
            ("scope", self.scope.is_some()),
        ])
    }
}
