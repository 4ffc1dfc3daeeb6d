//! The rules of endpoints.

use auth::sealing::cell;
use auth::{ClinicKeys, SealingError};
use chrono::TimeDelta;
use db::{AuditRecord, TenantRead, TenantTx};
use kernel::{FieldErrors, Permission, PermissionSet, Principal, Version, WebhookEndpointId};
use serde_json::json;

use super::error::EndpointError;
use super::health::tell_disabled;
use super::model::{DisabledReason, Endpoint, EndpointChange, EndpointEdit, EndpointStatus, NewEndpoint};
use super::store;
use crate::catalogue::EventChoice;
use crate::deliveries;
use crate::settings::Integrations;
use crate::signing::SigningSecret;

/// How long the secret before a rotation signs as well.
pub(super) const OVERLAP: TimeDelta = TimeDelta::hours(24);

const RESOURCE: &str = "webhook_endpoint";

/// Makes an endpoint, enabled, and its secret.
pub(super) async fn create(
    tx: &mut TenantTx<'_>,
    shared: &Integrations,
    caller: &Principal,
    new: &NewEndpoint,
) -> Result<(Endpoint, SigningSecret), EndpointError> {
    check_hearing(shared, caller, &new.events)?;
    let id = new.id.unwrap_or_else(|| WebhookEndpointId::new_at(tx.now()));
    let secret = SigningSecret::generate()?;
    let sealed = shared.keys.seal(tx, &place_of(id), secret.as_bytes()).await?;
    let permissions = shared.catalogue.permissions_among(caller.permissions());
    let row = store::insert(tx, id, new, &permissions, &sealed).await?;
    tx.audit(
        AuditRecord::new("webhook_endpoints.create", RESOURCE, id.as_uuid())
            .with_detail(json!({ "events": new.events.as_slice() })),
    );
    Ok((row, secret))
}

/// Whoever names a kind of event must be permitted to hear of it.
fn check_hearing(shared: &Integrations, caller: &Principal, events: &EventChoice) -> Result<(), EndpointError> {
    check_held(shared.catalogue.named_by(events), caller)
}

/// What an endpoint hears, nobody who may not hear it can have sent elsewhere.
fn check_held(heard: PermissionSet, caller: &Principal) -> Result<(), EndpointError> {
    let lacking: PermissionSet = heard
        .iter()
        .filter(|permission| !caller.permissions().contains(*permission))
        .collect();
    if lacking == PermissionSet::NONE {
        Ok(())
    } else {
        Err(EndpointError::NotGrantable(lacking))
    }
}

/// The table, column and row that a secret is sealed for. It stays the same when a rotation moves it to the column beside.
fn place_of(id: WebhookEndpointId) -> String {
    cell("webhook_endpoints", "secret", id.as_uuid())
}

/// An endpoint in use, locked, of the expected version.
async fn lock(
    tx: &TenantRead<'_>,
    id: WebhookEndpointId,
    expected: Option<Version>,
) -> Result<Endpoint, EndpointError> {
    let row = store::lock(tx, id).await?.ok_or(EndpointError::NotFound)?;
    if expected.is_some_and(|expected| expected != row.version) {
        return Err(EndpointError::VersionMismatch);
    }
    Ok(row)
}

/// As [`lock`]; one that was put away does not change any more.
async fn lock_in_use(
    tx: &TenantRead<'_>,
    id: WebhookEndpointId,
    expected: Option<Version>,
) -> Result<Endpoint, EndpointError> {
    let row = lock(tx, id, expected).await?;
    if row.status == EndpointStatus::Archived {
        return Err(EndpointError::Archived);
    }
    Ok(row)
}

/// Changes an endpoint. Whoever changes its events, and nobody else, decides anew what it may hear; whoever sends it to another
/// address must be permitted to hear all of it. Enabling it has what waited delivered.
pub(super) async fn update(
    tx: &mut TenantTx<'_>,
    shared: &Integrations,
    caller: &Principal,
    id: WebhookEndpointId,
    edit: &EndpointEdit,
    expected: Option<Version>,
) -> Result<Endpoint, EndpointError> {
    let current = lock_in_use(tx, id, expected).await?;
    let was_enabled = current.status == EndpointStatus::Enabled;
    let enabled = edit.enabled.filter(|enabled| *enabled != was_enabled);
    let mut change = match enabled {
        Some(true) => EndpointChange::enabled(),
        Some(false) => EndpointChange::disabled(DisabledReason::Person, tx.now()),
        None => EndpointChange::default(),
    };
    let mut changed = Vec::new();
    changed.extend(enabled.map(|_| "status"));
    if let Some(url) = edit.url.as_ref().filter(|url| url.reveal() != current.url) {
        // Whoever names the address may be whoever listens there.
        let heard = current
            .permissions
            .iter()
            .filter_map(|name| name.parse::<Permission>().ok());
        check_held(heard.collect(), caller)?;
        change.url = Some(url.reveal().to_owned());
        // What failed was another address.
        change.failing_since = Some(None);
        changed.push("url");
    }
    if let Some(description) = edit
        .description
        .as_ref()
        .filter(|wanted| **wanted != current.description)
    {
        change.description = Some(description.clone());
        changed.push("description");
    }
    if let Some(events) = &edit.events {
        check_hearing(shared, caller, events)?;
        let permissions = shared.catalogue.permissions_among(caller.permissions());
        change.events = Some(events.as_slice().to_vec());
        change.permissions = Some(permissions.into_iter().map(str::to_owned).collect());
        changed.push("events");
    }
    if changed.is_empty() {
        return Ok(current);
    }
    let row = store::update(tx, id, change).await?;
    tx.audit(
        AuditRecord::new("webhook_endpoints.update", RESOURCE, id.as_uuid()).with_detail(json!({ "changed": changed })),
    );
    match enabled {
        Some(true) => deliveries::ring(tx, id, tx.now()),
        Some(false) => tell_disabled(tx, id, DisabledReason::Person),
        None => {}
    }
    Ok(row)
}

/// Gives an endpoint a new secret. The one before it signs as well for [`OVERLAP`], the one before that no more.
pub(super) async fn rotate(
    tx: &mut TenantTx<'_>,
    shared: &Integrations,
    id: WebhookEndpointId,
    expected: Option<Version>,
) -> Result<(Endpoint, SigningSecret), EndpointError> {
    let current = lock_in_use(tx, id, expected).await?;
    let secret = SigningSecret::generate()?;
    let sealed = shared.keys.seal(tx, &place_of(id), secret.as_bytes()).await?;
    let change = EndpointChange {
        secret: Some(Some(sealed)),
        previous_secret_until: Some(current.secret.as_ref().map(|_| tx.now().saturating_add(OVERLAP))),
        previous_secret: Some(current.secret),
        ..EndpointChange::default()
    };
    let row = store::update(tx, id, change).await?;
    tx.audit(AuditRecord::new(
        "webhook_endpoints.rotate_secret",
        RESOURCE,
        id.as_uuid(),
    ));
    Ok((row, secret))
}

/// Puts an endpoint away: it is told nothing more, and its secret is forgotten. Doing it twice is doing it once.
pub(super) async fn archive(
    tx: &mut TenantTx<'_>,
    id: WebhookEndpointId,
    expected: Option<Version>,
) -> Result<(), EndpointError> {
    let current = lock(tx, id, expected).await?;
    if current.status == EndpointStatus::Archived {
        return Ok(());
    }
    let change = EndpointChange {
        status: Some(EndpointStatus::Archived),
        archived_at: Some(Some(tx.now())),
        disabled_reason: Some(None),
        disabled_at: Some(None),
        secret: Some(None),
        previous_secret: Some(None),
        previous_secret_until: Some(None),
        ..EndpointChange::default()
    };
    store::update(tx, id, change).await?;
    tx.audit(AuditRecord::new("webhook_endpoints.archive", RESOURCE, id.as_uuid()));
    Ok(())
}

/// What the endpoint's deliveries are signed with at this moment; the newest first.
pub(crate) async fn signing_secrets(
    tx: &TenantRead<'_>,
    keys: &ClinicKeys,
    row: &Endpoint,
) -> Result<Vec<SigningSecret>, SealingError> {
    let previous = row
        .previous_secret
        .as_ref()
        .filter(|_| row.previous_secret_until > Some(tx.now()));
    let mut secrets = Vec::new();
    for sealed in row.secret.iter().chain(previous) {
        let opened = keys.open(tx, &place_of(row.id), sealed).await?;
        secrets.push(SigningSecret::from_bytes(&opened));
    }
    Ok(secrets)
}

/// The endpoint.
pub(super) async fn get(tx: &TenantRead<'_>, id: WebhookEndpointId) -> Result<Endpoint, EndpointError> {
    store::find(tx, id).await?.ok_or(EndpointError::NotFound)
}

/// The status that a client may set.
pub(super) fn wanted_status(status: EndpointStatus) -> Result<bool, FieldErrors> {
    match status {
        EndpointStatus::Enabled => Ok(true),
        EndpointStatus::Disabled => Ok(false),
        EndpointStatus::Archived => Err(FieldErrors::one(
            "/status",
            "not_settable",
            "an endpoint is archived by DELETE",
        )),
    }
}
