//! SQL of open sign-ins.

use db::schema::{memberships, sessions};
use db::{DbError, QueryResultExt as _, TenantRead, TenantTx, named_by};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{SessionId, UserId};
use rest::Paging;

use super::model::{EndReason, OpenSession, SessionHolder, SessionPosition, Whose};
use crate::tags;

/// A page of the open sign-ins of `whose`, the newest first.
pub(super) async fn list(
    tx: &TenantRead<'_>,
    whose: Whose,
    paging: &Paging<SessionPosition>,
) -> Result<Vec<OpenSession>, DbError> {
    let mut query = sessions::table
        .filter(sessions::clinic_id.eq(tx.clinic()))
        .filter(sessions::ended_at.is_null().and(sessions::expires_at.gt(tx.now())))
        .order(sessions::id.desc())
        .limit(paging.fetch())
        .select(OpenSession::as_select())
        .into_boxed();
    if let Some(user) = whose.user {
        query = query.filter(sessions::user_id.eq(user));
    }
    if let Some(membership) = whose.membership {
        query = query.filter(sessions::membership_id.eq(membership));
    }
    if let Some(after) = paging.after() {
        query = query.filter(sessions::id.lt(after.id));
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// Whose open sign-in it is.
pub(super) async fn holder(tx: &TenantRead<'_>, session: SessionId) -> Result<Option<SessionHolder>, DbError> {
    sessions::table
        .inner_join(named_by!(memberships, sessions::membership_id))
        .filter(sessions::clinic_id.eq(tx.clinic()).and(sessions::id.eq(session)))
        .filter(sessions::ended_at.is_null())
        .select(SessionHolder::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Ends the sign-in, unless it has ended; says whether it did.
pub(crate) async fn end(tx: &mut TenantTx<'_>, session: SessionId, reason: EndReason) -> Result<bool, DbError> {
    let rows = diesel::update(sessions::table)
        .filter(sessions::clinic_id.eq(tx.clinic()).and(sessions::id.eq(session)))
        .filter(sessions::ended_at.is_null())
        .set((sessions::ended_at.eq(tx.now()), sessions::ended_reason.eq(reason)))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    tx.touch(tags::session(session));
    Ok(rows == 1)
}

/// Ends every open sign-in of `user` but `kept`. In all their clinics, where the user is open to the
/// transaction: a password is one for all, so this statement alone names no clinic.
pub(crate) async fn end_of_user(
    tx: &mut TenantTx<'_>,
    user: UserId,
    kept: Option<SessionId>,
    reason: EndReason,
) -> Result<(), DbError> {
    let ended: Vec<SessionId> = diesel::update(sessions::table)
        .filter(sessions::user_id.eq(user).and(sessions::ended_at.is_null()))
        .filter(sessions::id.nullable().is_distinct_from(kept))
        .set((sessions::ended_at.eq(tx.now()), sessions::ended_reason.eq(reason)))
        .returning(sessions::id)
        .get_results(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    ended.into_iter().for_each(|session| tx.touch(tags::session(session)));
    Ok(())
}
