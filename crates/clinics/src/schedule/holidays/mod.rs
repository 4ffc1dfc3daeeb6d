//! Days on which the clinic is closed.

mod error;
mod http;
mod model;
mod national;
mod service;
mod store;

pub use error::HolidayError;
pub(crate) use http::routes;
pub use model::{Holiday, HolidayChanges, HolidayScope, NewHoliday};
pub use national::{NationalYear, national_holidays};
pub use service::{
    add_all as add_holidays, create as create_holiday, import_national as import_national_holidays,
    remove as remove_holiday, update as update_holiday,
};
