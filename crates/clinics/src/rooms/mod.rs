//! Rooms: where services take place.

mod error;
mod http;
mod model;
mod service;
mod store;

pub use error::RoomError;
pub(crate) use http::routes;
pub use model::{NewRoom, Room, RoomChanges};
pub use service::{archive as archive_room, create as create_room, update as update_room};
