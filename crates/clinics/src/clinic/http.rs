//! The clinic's settings over HTTP.

use actix_web::{HttpResponse, get, patch};
use kernel::documents::Cnpj;
use kernel::email::EmailAddress;
use kernel::money::Currency;
use kernel::phone::PhoneNumber;
use kernel::text::Slug;
use kernel::{ClinicId, Timestamp, Version, Zone};
use rest::permissions::{ClinicManage, ClinicRead};
use rest::{Authorized, Problem, ReadPlan, Reply, RowQuery, TimeToLive, Valid, View};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::address::Address;
use super::input::PatchClinic;
use super::model::{Clinic, ClinicChanges, ClinicStatus, CompanyName, HoldMinutes, Locale};
use super::service;
use crate::resource::error::RowError;
use crate::services::SlotStepMinutes;
use crate::tags;

/// The clinic's settings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClinicView {
    id: ClinicId,
    /// The short name in addresses; it never changes.
    slug: Slug,
    /// The name in the company register.
    legal_name: CompanyName,
    /// The name on the door.
    trade_name: CompanyName,
    cnpj: Option<Cnpj>,
    /// Where the clinic's days begin and end.
    zone: Zone,
    locale: Locale,
    currency: Currency,
    status: ClinicStatus,
    email: Option<EmailAddress>,
    phone: Option<PhoneNumber>,
    address: Address,
    /// How far apart free slots start, for services without a step of their own.
    #[schema(inline)]
    slot_step_minutes: SlotStepMinutes,
    /// For how long a slot is held while a booking is finished.
    #[schema(inline)]
    hold_minutes: HoldMinutes,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for ClinicView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Clinic> for ClinicView {
    fn from(clinic: Clinic) -> Self {
        let Clinic {
            id,
            slug,
            legal_name,
            trade_name,
            cnpj,
            zone,
            locale,
            currency,
            status,
            email,
            phone,
            address,
            slot_step_minutes,
            hold_minutes,
            version,
            created_at,
            updated_at,
        } = clinic;
        Self {
            id,
            slug,
            legal_name,
            trade_name,
            cnpj,
            zone,
            locale,
            currency,
            status,
            email,
            phone,
            address,
            slot_step_minutes,
            hold_minutes,
            version,
            created_at,
            updated_at,
        }
    }
}

/// Shows the settings of the caller's clinic.
#[utoipa::path(tag = "clinic", summary = "Shows the clinic", operation_id = "get_clinic",
    security(("bearer" = ["clinic:read"])), params(RowQuery), responses((status = 200, body = ClinicView)))]
#[get("/clinic")]
async fn get_clinic(caller: Authorized<ClinicRead>, query: RowQuery) -> Result<HttpResponse, Problem> {
    let plan = ReadPlan::new("clinic.get")
        .tag(tags::clinic())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| service::find(tx).await.map(ClinicView::from))
        .await
}

/// Changes the settings of the caller's clinic. A new zone moves no appointment: only what day it falls on.
#[utoipa::path(tag = "clinic", summary = "Changes the clinic", operation_id = "update_clinic",
    security(("bearer" = ["clinic:manage"])), request_body = PatchClinic,
    responses((status = 200, body = ClinicView)))]
#[patch("/clinic")]
async fn update_clinic(caller: Authorized<ClinicManage>, body: Valid<PatchClinic>) -> Result<HttpResponse, Problem> {
    let changes = ClinicChanges::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let clinic = service::update(tx, &changes, caller.if_match()).await?;
            Ok::<_, RowError>(Reply::ok(ClinicView::from(clinic)))
        })
        .await
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(get_clinic).service(update_clinic);
}
