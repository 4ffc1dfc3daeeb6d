//! The agenda: lists of appointments and one of them, with the names that were asked for, each by one statement.

use chrono::{NaiveDate, TimeDelta};
use db::schema::functions::oldest_open_transaction;
use db::schema::{appointments, clinics, contacts, practitioners, rooms, services};
use db::{DbError, Literal, QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel::sql_types;
use diesel_async::RunQueryDsl;
use kernel::{AppointmentId, ContactId, FieldErrors, PractitionerId, RoomId, SeriesId, ServiceId, Tag, Timestamp};
use rest::Paging;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::model::{Appointment, AppointmentStatus};
use crate::moment::Moment;
use crate::tags;

/// What can be embedded.
pub(super) const INCLUDES: [&str; 4] = ["contact", "practitioner", "room", "service"];
/// In which orders the list comes.
pub(super) const SORTS: [&str; 4] = ["starts_at", "-starts_at", "updated_at", "-updated_at"];
/// The longest span of one list.
const LONGEST_SPAN: TimeDelta = TimeDelta::days(367);
/// Lists of more days than this are made stale by any write.
const MOST_DAY_TAGS: usize = 42;

diesel::define_sql_function! {
    /// The instant at which a wall clock in the zone shows the time: `AT TIME ZONE`.
    #[sql_name = "timezone"]
    fn at_time_zone(zone: sql_types::Text, shown: sql_types::Timestamp) -> sql_types::Timestamptz;
}

/// Which appointments.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct AppointmentFilter {
    /// Only those that start at this time or later: a time, or a day in the clinic's zone.
    #[param(value_type = Option<String>, example = "2026-11-23")]
    from: Option<Moment>,
    /// Only those that start before this time, or on this day at the latest. At most 366 days after `from`.
    #[param(value_type = Option<String>, example = "2026-11-23")]
    to: Option<Moment>,
    /// Only those of this practitioner.
    practitioner_id: Option<PractitionerId>,
    /// Only those of this contact.
    contact_id: Option<ContactId>,
    /// Only those in this room.
    room_id: Option<RoomId>,
    /// Only those for this service.
    service_id: Option<ServiceId>,
    /// Only those of this series.
    series_id: Option<SeriesId>,
    /// Only those in this status; may be repeated.
    status: Vec<AppointmentStatus>,
}

impl AppointmentFilter {
    /// # Errors
    /// A span that is backwards or too long.
    pub(super) fn check(&self) -> Result<(), FieldErrors> {
        let (Some(from), Some(to)) = (self.from, self.to) else {
            return Ok(());
        };
        let (earliest, latest) = (from.possible_days().0, to.possible_days().1);
        if latest < earliest || matches!((from, to), (Moment::At(from), Moment::At(to)) if to <= from) {
            return Err(FieldErrors::one("to", "before_from", "`to` must come after `from`"));
        }
        if latest.signed_duration_since(earliest) > LONGEST_SPAN + TimeDelta::days(2) {
            return Err(FieldErrors::one("to", "too_long", "a list spans at most 366 days"));
        }
        Ok(())
    }

    /// What makes the list stale: the days that it may show where they are few, else the contact's or all appointments.
    pub(super) fn tags(&self) -> Vec<Tag> {
        if let (Some(from), Some(to)) = (self.from, self.to) {
            let (first, last) = (from.possible_days().0, to.possible_days().1);
            let days: Vec<NaiveDate> = first
                .iter_days()
                .take_while(|day| *day <= last)
                .take(MOST_DAY_TAGS + 1)
                .collect();
            if days.len() <= MOST_DAY_TAGS {
                return days.into_iter().map(tags::agenda).collect();
            }
        }
        vec![self.contact_id.map_or_else(tags::all, tags::of_contact)]
    }
}

/// What makes names that are embedded stale.
pub(super) fn name_tags(included: &[&'static str]) -> impl Iterator<Item = Tag> {
    included.iter().filter_map(|name| match *name {
        "contact" => Some(Tag::collection("contacts")),
        "practitioner" => Some(Tag::collection("practitioners")),
        "room" => Some(Tag::collection("rooms")),
        "service" => Some(Tag::collection("services")),
        _ => None,
    })
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct AgendaPosition {
    at: Timestamp,
    id: AppointmentId,
}

/// An appointment with the names that were asked for.
#[derive(Debug, Clone, Queryable)]
pub(super) struct AgendaRow {
    pub(super) appointment: Appointment,
    /// Name and social name.
    pub(super) contact: Option<(String, Option<String>)>,
    pub(super) practitioner: Option<String>,
    pub(super) room: Option<String>,
    pub(super) service: Option<String>,
}

impl AgendaRow {
    /// The row's position in the order `sort`.
    pub(super) fn position(&self, sort: &str) -> AgendaPosition {
        let appointment = &self.appointment;
        let at = if sort.ends_with("updated_at") {
            appointment.updated_at
        } else {
            appointment.starts_at
        };
        AgendaPosition { at, id: appointment.id }
    }
}

/// Appointments of the clinic joined with the names in `included`; a name that was not asked for costs no look-up.
macro_rules! agenda {
    ($tx:expr, $included:expr) => {{
        let included: &[&str] = $included;
        let with = |name: &str| Literal(included.contains(&name));
        appointments::table
            .left_join(
                contacts::table.on(with("contact")
                    .and(contacts::clinic_id.eq(appointments::clinic_id))
                    .and(contacts::id.eq(appointments::contact_id))),
            )
            .left_join(
                practitioners::table.on(with("practitioner")
                    .and(practitioners::clinic_id.eq(appointments::clinic_id))
                    .and(practitioners::id.eq(appointments::practitioner_id))),
            )
            .left_join(
                rooms::table.on(with("room")
                    .and(rooms::clinic_id.eq(appointments::clinic_id))
                    .and(rooms::id.nullable().eq(appointments::room_id))),
            )
            .left_join(
                services::table.on(with("service")
                    .and(services::clinic_id.eq(appointments::clinic_id))
                    .and(services::id.nullable().eq(appointments::service_id))),
            )
            .filter(appointments::clinic_id.eq($tx.clinic()))
            .select((
                Appointment::as_select(),
                (contacts::name, contacts::social_name).nullable(),
                practitioners::name.nullable(),
                rooms::name.nullable(),
                services::name.nullable(),
            ))
    }};
}

/// One appointment.
pub(super) async fn find(
    tx: &TenantRead<'_>,
    id: AppointmentId,
    included: &[&'static str],
) -> Result<Option<AgendaRow>, DbError> {
    agenda!(tx, included)
        .filter(appointments::id.eq(id))
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// One page of appointments.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    filter: &AppointmentFilter,
    updated_since: Option<Timestamp>,
    paging: &Paging<AgendaPosition>,
    included: &[&'static str],
) -> Result<Vec<AgendaRow>, DbError> {
    let mut query = agenda!(tx, included).limit(paging.fetch()).into_boxed();
    let local_midnight = |day: NaiveDate| {
        let zone = clinics::table.filter(clinics::id.eq(tx.clinic()));
        zone.select(at_time_zone(clinics::zone, day.and_time(chrono::NaiveTime::MIN)))
            .single_value()
    };
    query = match filter.from {
        Some(Moment::At(from)) => query.filter(appointments::starts_at.ge(from)),
        Some(Moment::On(day)) => query.filter(appointments::starts_at.nullable().ge(local_midnight(day))),
        None => query,
    };
    query = match filter.to {
        Some(Moment::At(to)) => query.filter(appointments::starts_at.lt(to)),
        Some(Moment::On(day)) => {
            let next = day.succ_opt().unwrap_or(day);
            query.filter(appointments::starts_at.nullable().lt(local_midnight(next)))
        }
        None => query,
    };
    if let Some(practitioner) = filter.practitioner_id {
        query = query.filter(appointments::practitioner_id.eq(practitioner));
    }
    if let Some(contact) = filter.contact_id {
        query = query.filter(appointments::contact_id.eq(contact));
    }
    if let Some(room) = filter.room_id {
        query = query.filter(appointments::room_id.eq(room));
    }
    if let Some(service) = filter.service_id {
        query = query.filter(appointments::service_id.eq(service));
    }
    if let Some(series) = filter.series_id {
        query = query.filter(appointments::series_id.eq(series));
    }
    if !filter.status.is_empty() {
        query = query.filter(appointments::status.eq_any(&filter.status));
    }
    if let Some(since) = updated_since {
        query = query
            .filter(appointments::updated_at.ge(since))
            .filter(appointments::changed_in.lt(oldest_open_transaction()));
    }
    // The bound on the first column alone lets the index begin there; the second decides among equals.
    macro_rules! ordered {
        ($column:path, ascending) => {{
            if let Some(AgendaPosition { at, id }) = paging.after() {
                query = query
                    .filter($column.ge(*at))
                    .filter($column.gt(*at).or(appointments::id.gt(*id)));
            }
            query.order(($column.asc(), appointments::id.asc()))
        }};
        ($column:path, descending) => {{
            if let Some(AgendaPosition { at, id }) = paging.after() {
                query = query
                    .filter($column.le(*at))
                    .filter($column.lt(*at).or(appointments::id.lt(*id)));
            }
            query.order(($column.desc(), appointments::id.desc()))
        }};
    }
    let query = match paging.sort() {
        "-starts_at" => ordered!(appointments::starts_at, descending),
        "updated_at" => ordered!(appointments::updated_at, ascending),
        "-updated_at" => ordered!(appointments::updated_at, descending),
        _ => ordered!(appointments::starts_at, ascending),
    };
    query.load(&mut tx.conn()).await.or_database()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(from: &str, to: &str) -> AppointmentFilter {
        let moment = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        AppointmentFilter {
            from: moment(from),
            to: moment(to),
            ..AppointmentFilter::default()
        }
    }

    #[test]
    fn a_day_depends_on_that_day_alone() {
        let day: NaiveDate = "2026-11-23".parse().unwrap();
        assert_eq!(filter("2026-11-23", "2026-11-23").tags(), [tags::agenda(day)]);
    }

    #[test]
    fn instants_depend_on_every_day_they_may_lie_on() {
        let tags = filter("2026-11-23T03:00:00Z", "2026-11-24T03:00:00Z").tags();
        let days = ["2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25"];
        assert_eq!(tags, days.map(|day| tags::agenda(day.parse().unwrap())));
    }

    #[test]
    fn long_and_open_lists_depend_on_more() {
        assert_eq!(filter("2026-01-01", "2026-12-31").tags(), [tags::all()]);
        assert_eq!(filter("2026-01-01", "").tags(), [tags::all()]);
        let contact = ContactId::from_uuid(uuid::Uuid::from_u128(1));
        let of_contact = AppointmentFilter {
            contact_id: Some(contact),
            ..filter("", "")
        };
        assert_eq!(of_contact.tags(), [tags::of_contact(contact)]);
    }

    #[test]
    fn spans_are_forward_and_at_most_a_year() {
        assert!(filter("2026-11-23", "2026-11-23").check().is_ok());
        assert!(filter("2026-01-01", "2026-12-31").check().is_ok());
        assert!(filter("2026-11-23", "").check().is_ok());
        for (from, to) in [
            ("2026-11-23", "2026-11-22"),
            ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
            ("2026-01-01", "2027-02-01"),
        ] {
            assert!(filter(from, to).check().is_err(), "{from} {to}");
        }
    }
}
