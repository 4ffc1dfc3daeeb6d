//! The settings of live connections.

use super::reader::Reader;
use crate::realtime::RealtimeConfig;

/// What live connections may cost.
pub(super) fn read(reader: &mut Reader) -> RealtimeConfig {
    let defaults = RealtimeConfig::default();
    let ticket = reader.seconds("realtime_ticket_seconds", 30, 5..=300);
    let origins: Option<String> = reader.optional("realtime_origins");
    let origins = origins.unwrap_or_default();
    RealtimeConfig {
        ticket: chrono::TimeDelta::from_std(ticket).unwrap_or(defaults.ticket),
        sockets: reader.or("realtime_sockets", defaults.sockets),
        sockets_per_principal: reader.or("realtime_sockets_per_principal", defaults.sockets_per_principal),
        queue: reader.or("realtime_queue", defaults.queue).clamp(1, 1 << 16),
        heartbeat: reader.seconds("realtime_heartbeat_seconds", defaults.heartbeat.as_secs(), 1..=300),
        origins: origins
            .split(',')
            .map(|origin| origin.trim().to_owned())
            .filter(|origin| !origin.is_empty())
            .collect(),
    }
}
