//! People: made, shown, listed, searched, changed, archived and brought back.

pub mod address;
mod criteria;
pub mod custom_fields;
pub mod dto;
pub mod error;
pub(crate) mod fields;
mod http;
mod list;
pub mod model;
pub mod phones;
mod search;
pub mod senders;
pub mod service;
pub(crate) mod store;
pub(crate) mod validation;
mod view;

pub(crate) use http::routes;

pub use dto::{CreateContact, UpdateContact};
pub use error::ContactError;
pub use model::{Contact, ContactKind, ContactStatus, NewContact, Sex};
pub use phones::{Phone, PhoneList, PhoneUse};
pub use view::ContactView;
