//! What a clinic is.

use db::schema::clinics;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::documents::Cnpj;
use kernel::email::EmailAddress;
use kernel::money::Currency;
use kernel::phone::PhoneNumber;
use kernel::text::{InvalidText, Slug, bounded};
use kernel::{ClinicId, Timestamp, Version, Zone, text_column, text_enum};

use super::address::Address;
use crate::resource::bounded::Bounded;
use crate::services::SlotStepMinutes;
use rest::changed;

text_enum! {
    /// The language in which a clinic works with its patients.
    pub enum Locale {
        /// Brazilian Portuguese.
        PtBr = "pt-BR",
        /// English.
        En = "en",
    }
    error = InvalidLocale, code = "unknown_locale";
}

text_enum! {
    /// Whether a clinic may be used.
    pub enum ClinicStatus {
        /// It may.
        Active = "active",
        /// Nobody signs in.
        Suspended = "suspended",
    }
    error = InvalidClinicStatus, code = "unknown_status";
}

text_column! {
    /// A name in the register of companies, or on a door: 1 to 200 characters on one line.
    #[schema(min_length = 1, max_length = 200, example = "Clínica Aurora Ltda.")]
    pub struct CompanyName(String);
    error = InvalidText;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| text.to_owned();
}

impl CompanyName {
    /// The name that `text` is, without outer white space.
    ///
    /// # Errors
    /// [`InvalidText`] when it is blank, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        bounded(text, 1, 200).map(Self)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// For how long a slot is held while a booking is finished: 1 to 60 minutes.
pub type HoldMinutes = Bounded<1, 60>;

/// A clinic.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = clinics, check_for_backend(Pg))]
pub struct Clinic {
    /// Its id.
    pub id: ClinicId,
    /// Its short name in addresses; given when it was made.
    pub slug: Slug,
    /// Its name in the company register.
    pub legal_name: CompanyName,
    /// The name on its door.
    pub trade_name: CompanyName,
    /// Its number in the company register.
    pub cnpj: Option<Cnpj>,
    /// Where its days begin and end.
    pub zone: Zone,
    /// The language in which it works with patients.
    pub locale: Locale,
    /// The currency that its new prices are in.
    pub currency: Currency,
    /// Whether it may be used.
    pub status: ClinicStatus,
    /// Where it is written to.
    pub email: Option<EmailAddress>,
    /// Where it is called.
    pub phone: Option<PhoneNumber>,
    /// Where it is.
    pub address: Address,
    /// How far apart free slots start, for services without a step of their own.
    pub slot_step_minutes: SlotStepMinutes,
    /// For how long a slot is held.
    pub hold_minutes: HoldMinutes,
    /// How often the row was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// What changes about a clinic; `None` keeps, an inner `None` clears.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = clinics)]
pub struct ClinicChanges {
    /// Its name in the company register.
    pub legal_name: Option<CompanyName>,
    /// The name on its door.
    pub trade_name: Option<CompanyName>,
    /// Its number in the company register.
    pub cnpj: Option<Option<Cnpj>>,
    /// Where its days begin and end.
    pub zone: Option<Zone>,
    /// The language in which it works with patients.
    pub locale: Option<Locale>,
    /// The currency that its new prices are in.
    pub currency: Option<Currency>,
    /// Where it is written to.
    pub email: Option<Option<EmailAddress>>,
    /// Where it is called.
    pub phone: Option<Option<PhoneNumber>>,
    /// Where it is.
    pub address: Option<Address>,
    /// How far apart free slots start.
    pub slot_step_minutes: Option<SlotStepMinutes>,
    /// For how long a slot is held.
    pub hold_minutes: Option<HoldMinutes>,
}

impl ClinicChanges {
    /// The names of the fields that change.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        changed([
            ("legal_name", self.legal_name.is_some()),
            ("trade_name", self.trade_name.is_some()),
            ("cnpj", self.cnpj.is_some()),
            ("zone", self.zone.is_some()),
            ("locale", self.locale.is_some()),
            ("currency", self.currency.is_some()),
            ("email", self.email.is_some()),
            ("phone", self.phone.is_some()),
            ("address", self.address.is_some()),
            ("slot_step_minutes", self.slot_step_minutes.is_some()),
            ("hold_minutes", self.hold_minutes.is_some()),
        ])
    }
}
