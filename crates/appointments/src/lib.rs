//! The agenda: bookings, holds, who is free when, who waits for time, reminders, and calendar feeds. One table, `occupancies`, decides that nothing is booked twice.

pub mod availability;
pub mod booking;
pub mod calendar;
mod events;
pub mod external;
mod freed;
pub mod holds;
pub mod import;
pub mod moment;
pub mod occupancy;
pub mod outreach;
pub mod recurrence;
pub mod reminders;
pub mod series;
pub mod tags;
mod together;
pub mod waitlist;

pub use events::EVENTS;
pub use freed::{FREED, FreedTime};

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers every endpoint of this crate; the caller mounts them under `/v1`.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg
        // Before `/appointments/{id}`, which would take `holds` for an id.
        .service(holds::create_hold)
        .service(holds::list_holds)
        .service(holds::get_hold)
        .service(holds::release_hold)
        .service(booking::list_appointments)
        .service(booking::book_appointment)
        .service(booking::get_appointment)
        .service(booking::edit_appointment)
        .service(booking::appointment_history)
        .service(booking::confirm_appointment)
        .service(booking::check_in_appointment)
        .service(booking::start_appointment)
        .service(booking::complete_appointment)
        .service(booking::mark_no_show)
        .service(booking::cancel_appointment)
        .service(booking::reopen_appointment)
        .service(booking::reschedule_appointment)
        .service(series::preview_series)
        .service(series::create_series)
        .service(series::list_series)
        .service(series::get_series)
        .service(series::change_series)
        .service(series::cancel_series)
        .service(availability::list_slots)
        .service(availability::explain_slot)
        .service(reminders::list_appointment_reminders)
        .service(reminders::list_reminder_rules)
        .service(reminders::create_reminder_rule)
        .service(reminders::get_reminder_rule)
        .service(reminders::update_reminder_rule)
        .service(reminders::archive_reminder_rule)
        .service(outreach::get_outreach_settings)
        .service(outreach::update_outreach_settings)
        // Before `/waitlist/{id}`, which would take `matches` for an id.
        .service(waitlist::waitlist_matches)
        .service(waitlist::list_waitlist)
        .service(waitlist::add_to_waitlist)
        .service(waitlist::get_waitlist_entry)
        .service(waitlist::update_waitlist_entry)
        .service(waitlist::remove_from_waitlist)
        .service(waitlist::list_waitlist_offers)
        .service(waitlist::make_waitlist_offer)
        .service(waitlist::accept_waitlist_offer)
        .service(waitlist::decline_waitlist_offer)
        .service(waitlist::withdraw_waitlist_offer)
        .service(calendar::create_feed)
        .service(calendar::list_feeds)
        .service(calendar::get_feed)
        .service(calendar::revoke_feed)
        .service(external::create_external_calendar)
        .service(external::list_external_calendars)
        .service(external::get_external_calendar)
        .service(external::edit_external_calendar)
        .service(external::refresh_external_calendar)
        .service(external::archive_external_calendar);
}

/// Registers what is open to all who know a secret address, outside `/v1`: calendar feeds.
pub fn public_routes(cfg: &mut ServiceConfig) {
    cfg.service(calendar::read_feed);
}
