//! The recorded appointments of Vitória (Brazil, April to June 2016), as 81 clinics: one for each neighbourhood.
//!
//! The public data set "Medical Appointment No Shows" has no names, no practitioners and no times of day. Those are
//! invented from a seed, so that every load gives the same clinics; everything else stays as it was recorded.

pub mod invented;
pub mod layout;
pub mod plan;
pub mod record;
