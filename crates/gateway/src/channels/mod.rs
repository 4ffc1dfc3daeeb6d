//! Where what people write comes in, and what carries answers to them: one folder a channel.

mod whatsapp;

use conversations::channels::{ChannelKind, Channels, WhatsappChannel};
use files::Files;
use jobs::Handlers;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::config::Config;
use crate::shared::Shared;

/// What carries messages, by the settings.
pub(crate) fn of_settings(config: &Config, files: &Files) -> Channels {
    Channels::new().with(
        ChannelKind::Whatsapp,
        WhatsappChannel::new(config.whatsapp.clone(), files.clone()),
    )
}

/// Adds the work that channels make for themselves.
pub(crate) fn handlers(handlers: Handlers, shared: &Shared) -> Handlers {
    whatsapp::handlers(handlers, shared)
}

/// Where providers post what happened.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    whatsapp::routes(config);
}
