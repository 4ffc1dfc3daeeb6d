//! The SQL of services.

use db::schema::{practitioner_services, services};
use db::{QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{PractitionerId, ServiceId};

use super::error::ServiceError;
use super::model::{NewService, PriceColumns, RowChanges, ServiceRow};
use crate::resource::catalogue::catalogue_store;
use crate::resource::error::{ArchiveError, RowError, kind};
use crate::resource::links::links;

catalogue_store!(services, ServiceRow, ServiceId, kind::SERVICE, appointments::service_id);

links!(
    offered, practitioner_services, service_id: ServiceId => practitioner_id: PractitionerId, in practitioners
);

links!(places, service_rooms, service_id: ServiceId => room_id: RoomId, in rooms);

/// Narrows a list to what `practitioner` offers, and by whether patients may book it themselves.
pub(super) fn narrowed(
    query: BoxedQuery<'static>,
    practitioner: Option<PractitionerId>,
    online_bookable: Option<bool>,
) -> BoxedQuery<'static> {
    let query = match practitioner {
        None => query,
        Some(practitioner) => query.filter(diesel::dsl::exists(
            practitioner_services::table
                .filter(practitioner_services::clinic_id.eq(services::clinic_id))
                .filter(practitioner_services::service_id.eq(services::id))
                .filter(practitioner_services::practitioner_id.eq(practitioner)),
        )),
    };
    match online_bookable {
        None => query,
        Some(online_bookable) => query.filter(services::online_bookable.eq(online_bookable)),
    }
}

/// Inserts a service, without links.
pub(super) async fn insert(tx: &TenantRead<'_>, new: &NewService) -> Result<ServiceRow, ServiceError> {
    diesel::insert_into(services::table)
        .values((
            services::clinic_id.eq(tx.clinic()),
            services::id.eq(new.id.unwrap_or_else(|| ServiceId::new_at(tx.now()))),
            services::name.eq(&new.name),
            services::duration_minutes.eq(new.duration_minutes),
            services::buffer_before_minutes.eq(new.buffer_before_minutes),
            services::buffer_after_minutes.eq(new.buffer_after_minutes),
            services::slot_step_minutes.eq(new.slot_step_minutes),
            PriceColumns::from(new.price),
            services::online_bookable.eq(new.online_bookable),
            services::needs_room.eq(new.needs_room),
            services::follow_up_days.eq(new.follow_up_days),
        ))
        .returning(ServiceRow::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("services_name_once", || ServiceError::NameTaken)
        .on_constraint("services_pkey", || RowError::IdTaken.into())
        .or_database()
}

/// Writes `changes`. An empty one counts the version up all the same: the links changed.
pub(super) async fn update(
    tx: &TenantRead<'_>,
    id: ServiceId,
    changes: &RowChanges,
) -> Result<ServiceRow, ServiceError> {
    diesel::update(services::table)
        .filter(services::clinic_id.eq(tx.clinic()).and(services::id.eq(id)))
        .set((changes, services::updated_at.eq(tx.now())))
        .returning(ServiceRow::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("services_name_once", || ServiceError::NameTaken)
        .or_database()
}
