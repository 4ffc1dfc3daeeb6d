//! Where what people write comes in, and what carries answers to them: one folder a channel.

mod email;
mod whatsapp;

use conversations::channels::{ChannelKind, Channels, EmailChannel, WhatsappChannel};
use fetch::Fetcher;
use files::Files;
use jobs::Handlers;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::config::Config;
use crate::shared::Shared;

/// What carries messages, by the settings.
pub(crate) fn of_settings(config: &Config, files: &Files) -> Channels {
    let whatsapp = WhatsappChannel::new(config.whatsapp.clone(), files.clone());
    Channels::new().with(ChannelKind::Whatsapp, whatsapp).with(
        ChannelKind::Email,
        EmailChannel::new(files.clone(), config.outward.clone()),
    )
}

/// Adds the work that channels make for themselves.
pub(crate) fn handlers(handlers: Handlers, shared: &Shared, fetcher: Fetcher) -> Handlers {
    email::handlers(whatsapp::handlers(handlers, shared, fetcher), shared)
}

/// Where providers post what happened.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    whatsapp::routes(config);
}
