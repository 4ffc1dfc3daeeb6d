//! The SQL of templates.

use db::schema::functions::oldest_open_transaction;
use db::schema::message_templates;
use db::{DbError, QueryResultExt, TenantRead};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{InboxId, MessageTemplateId, Timestamp, Version};
use rest::Paging;
use serde::{Deserialize, Serialize};

use super::TemplateError;
use super::model::{Category, NewTemplate, Template, TemplateBody, TemplateName, TemplateStatus};
use crate::error::{RowError, check_version, kind};

/// The template `id`, archived or not.
///
/// # Errors
/// [`RowError::NotFound`].
pub async fn find(tx: &TenantRead<'_>, id: MessageTemplateId) -> Result<Template, RowError> {
    message_templates::table
        .filter(
            message_templates::clinic_id
                .eq(tx.clinic())
                .and(message_templates::id.eq(id)),
        )
        .select(Template::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::MESSAGE_TEMPLATE))
}

/// The template, of the expected version, kept from other writers until the transaction ends.
pub(super) async fn lock(
    tx: &TenantRead<'_>,
    id: MessageTemplateId,
    expected: Option<Version>,
) -> Result<Template, RowError> {
    let found = message_templates::table
        .filter(
            message_templates::clinic_id
                .eq(tx.clinic())
                .and(message_templates::id.eq(id)),
        )
        .select(Template::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::MESSAGE_TEMPLATE))?;
    check_version(expected, found.version)?;
    Ok(found)
}

/// The templates of an inbox that may be used, by name.
pub(crate) async fn approved(tx: &TenantRead<'_>, inbox: InboxId) -> Result<Vec<Template>, DbError> {
    message_templates::table
        .filter(message_templates::clinic_id.eq(tx.clinic()))
        .filter(message_templates::inbox_id.eq(inbox))
        .filter(message_templates::archived_at.is_null())
        .filter(message_templates::status.eq(TemplateStatus::Approved))
        .order((message_templates::name, message_templates::language))
        .limit(100)
        .select(Template::as_select())
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// The template `name` of an inbox that may be used, in each language that it has, by language.
pub(super) async fn by_name(tx: &TenantRead<'_>, inbox: InboxId, name: &str) -> Result<Vec<Template>, DbError> {
    message_templates::table
        .filter(message_templates::clinic_id.eq(tx.clinic()))
        .filter(message_templates::inbox_id.eq(inbox))
        .filter(message_templates::name.eq(name))
        .filter(message_templates::archived_at.is_null())
        .filter(message_templates::status.eq(TemplateStatus::Approved))
        .order(message_templates::language)
        .limit(100)
        .select(Template::as_select())
        .load(&mut tx.conn())
        .await
        .or_database()
}

pub(super) async fn insert(tx: &TenantRead<'_>, new: &NewTemplate) -> Result<Template, TemplateError> {
    diesel::insert_into(message_templates::table)
        .values((
            message_templates::clinic_id.eq(tx.clinic()),
            message_templates::id.eq(MessageTemplateId::new_at(tx.now())),
            message_templates::inbox_id.eq(new.inbox),
            message_templates::name.eq(&new.name),
            message_templates::language.eq(&new.language),
            message_templates::category.eq(new.category),
            message_templates::body.eq(&new.body),
            message_templates::parameter_count.eq(new.body.parameter_count()),
            message_templates::status.eq(new.status),
        ))
        .returning(Template::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("message_templates_once", || TemplateError::Exists)
        .or_database()
}

/// What becomes of a template; `None` keeps.
#[derive(Default, AsChangeset)]
#[diesel(table_name = message_templates)]
pub(super) struct Change {
    pub(super) category: Option<Category>,
    pub(super) body: Option<TemplateBody>,
    pub(super) parameter_count: Option<i16>,
    pub(super) status: Option<TemplateStatus>,
    pub(super) archived_at: Option<Timestamp>,
}

/// Writes a change, of which there is something.
pub(super) async fn update(
    tx: &TenantRead<'_>,
    id: MessageTemplateId,
    change: Change,
) -> Result<Template, TemplateError> {
    diesel::update(message_templates::table)
        .filter(
            message_templates::clinic_id
                .eq(tx.clinic())
                .and(message_templates::id.eq(id)),
        )
        .set(change)
        .returning(Template::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Where a page ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) name: TemplateName,
    pub(super) id: MessageTemplateId,
}

/// Which templates to list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Narrowing {
    pub(super) inbox: Option<InboxId>,
    pub(super) status: Option<TemplateStatus>,
    pub(super) archived: bool,
    pub(super) updated_since: Option<Timestamp>,
}

/// One page by name.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    narrowing: Narrowing,
    paging: &Paging<Position>,
) -> Result<Vec<Template>, RowError> {
    use message_templates::{id, name};
    let mut query = message_templates::table
        .filter(message_templates::clinic_id.eq(tx.clinic()))
        .into_boxed::<Pg>();
    query = match (narrowing.archived, narrowing.updated_since) {
        (_, Some(since)) => query
            .filter(message_templates::updated_at.ge(since))
            .filter(message_templates::changed_in.lt(oldest_open_transaction())),
        (true, None) => query.filter(message_templates::archived_at.is_not_null()),
        (false, None) => query.filter(message_templates::archived_at.is_null()),
    };
    if let Some(inbox) = narrowing.inbox {
        query = query.filter(message_templates::inbox_id.eq(inbox));
    }
    if let Some(status) = narrowing.status {
        query = query.filter(message_templates::status.eq(status));
    }
    if let Some(after) = paging.after().cloned() {
        query = query
            .filter(name.ge(after.name.clone()))
            .filter(name.gt(after.name).or(id.gt(after.id)));
    }
    query
        .order((name, id))
        .limit(paging.fetch())
        .select(Template::as_select())
        .load(&mut tx.conn())
        .await
        .or_database()
}
