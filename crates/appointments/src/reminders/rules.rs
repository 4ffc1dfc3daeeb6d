//! The rules by which reminders are planned: what may be written, and its SQL.

use db::schema::{reminder_rules, services};
use db::{AuditRecord, DbError, QueryResultExt, TenantRead, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{FieldErrors, ReminderRuleId, ServiceId, Version};
use serde_json::json;

use super::error::ReminderError;
use super::model::{NewRule, Rule, RuleChanges};
use crate::tags;

/// The most rules of a clinic: they are few by nature, and listed on one page.
const MOST: i64 = 100;

/// The rules in use, for all services first, then by service and lead.
pub(super) async fn in_use(tx: &TenantRead<'_>) -> Result<Vec<Rule>, DbError> {
    reminder_rules::table
        .filter(reminder_rules::clinic_id.eq(tx.clinic()))
        .filter(reminder_rules::archived_at.is_null())
        .select(Rule::as_select())
        .order((
            reminder_rules::service_id.asc().nulls_first(),
            reminder_rules::lead_minutes,
        ))
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// One rule, archived or not.
pub(super) async fn find(tx: &TenantRead<'_>, id: ReminderRuleId) -> Result<Rule, ReminderError> {
    reminder_rules::table
        .filter(reminder_rules::clinic_id.eq(tx.clinic()))
        .filter(reminder_rules::id.eq(id))
        .select(Rule::as_select())
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database::<ReminderError>()?
        .ok_or(ReminderError::RuleNotFound)
}

async fn lock(tx: &TenantRead<'_>, id: ReminderRuleId, expected: Option<Version>) -> Result<Rule, ReminderError> {
    let rule: Rule = reminder_rules::table
        .filter(reminder_rules::clinic_id.eq(tx.clinic()))
        .filter(reminder_rules::id.eq(id))
        .select(Rule::as_select())
        .for_update()
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database::<ReminderError>()?
        .ok_or(ReminderError::RuleNotFound)?;
    if expected.is_some_and(|version| version != rule.version) {
        Err(ReminderError::Stale)
    } else {
        Ok(rule)
    }
}

/// Makes a rule. What is planned already stays as it is.
pub(super) async fn create(tx: &mut TenantTx<'_>, new: &NewRule) -> Result<Rule, ReminderError> {
    if let Some(service) = new.service {
        check_service(tx, service).await?;
    }
    let count: i64 = reminder_rules::table
        .filter(reminder_rules::clinic_id.eq(tx.clinic()))
        .filter(reminder_rules::archived_at.is_null())
        .count()
        .get_result(&mut tx.conn())
        .await
        .or_database::<ReminderError>()?;
    if count >= MOST {
        return Err(FieldErrors::one("", "too_many", format!("a clinic has at most {MOST} rules")).into());
    }
    let id = new.id.unwrap_or_else(|| ReminderRuleId::new_at(tx.now()));
    let rule: Rule = diesel::insert_into(reminder_rules::table)
        .values((
            reminder_rules::clinic_id.eq(tx.clinic()),
            reminder_rules::id.eq(id),
            reminder_rules::service_id.eq(new.service),
            reminder_rules::lead_minutes.eq(new.lead_minutes),
            reminder_rules::channel.eq(new.channel),
            reminder_rules::enabled.eq(new.enabled),
        ))
        .returning(Rule::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("reminder_rules_lead_once", || ReminderError::LeadTaken)
        .on_constraint("reminder_rules_pkey", || ReminderError::IdTaken)
        .or_database()?;
    tx.audit(AuditRecord::new("reminder_rules.create", "reminder_rule", id.as_uuid()));
    tx.touch(tags::reminder_rules());
    Ok(rule)
}

async fn check_service(tx: &TenantRead<'_>, service: ServiceId) -> Result<(), ReminderError> {
    let archived: Option<bool> = services::table
        .filter(services::clinic_id.eq(tx.clinic()))
        .filter(services::id.eq(service))
        .select(services::archived_at.is_not_null())
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database::<ReminderError>()?;
    match archived {
        Some(false) => Ok(()),
        Some(true) => Err(FieldErrors::one("/service_id", "archived", "the service is archived").into()),
        None => Err(FieldErrors::one("/service_id", "unknown", "there is no such service").into()),
    }
}

/// Changes a rule in use.
pub(super) async fn update(
    tx: &mut TenantTx<'_>,
    id: ReminderRuleId,
    changes: RuleChanges,
    expected: Option<Version>,
) -> Result<Rule, ReminderError> {
    let current = lock(tx, id, expected).await?;
    if current.archived_at.is_some() {
        return Err(ReminderError::Archived);
    }
    let names = changes.fields();
    if names.is_empty() {
        return Ok(current);
    }
    let rule: Rule = diesel::update(reminder_rules::table)
        .filter(reminder_rules::clinic_id.eq(tx.clinic()))
        .filter(reminder_rules::id.eq(id))
        .set(changes)
        .returning(Rule::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("reminder_rules_lead_once", || ReminderError::LeadTaken)
        .or_database()?;
    tx.audit(
        AuditRecord::new("reminder_rules.update", "reminder_rule", id.as_uuid())
            .with_detail(json!({ "changed": names })),
    );
    tx.touch(tags::reminder_rules());
    Ok(rule)
}

/// Puts a rule away. Doing it twice is doing it once.
pub(super) async fn archive(
    tx: &mut TenantTx<'_>,
    id: ReminderRuleId,
    expected: Option<Version>,
) -> Result<(), ReminderError> {
    if lock(tx, id, expected).await?.archived_at.is_some() {
        return Ok(());
    }
    diesel::update(reminder_rules::table)
        .filter(reminder_rules::clinic_id.eq(tx.clinic()))
        .filter(reminder_rules::id.eq(id))
        .set(reminder_rules::archived_at.eq(tx.now()))
        .execute(&mut tx.conn())
        .await
        .or_database::<ReminderError>()?;
    tx.audit(AuditRecord::new(
        "reminder_rules.archive",
        "reminder_rule",
        id.as_uuid(),
    ));
    tx.touch(tags::reminder_rules());
    Ok(())
}
