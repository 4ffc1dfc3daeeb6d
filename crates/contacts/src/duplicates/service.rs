//! Looks for people who may be in the books twice.

use db::{DbError, TenantRead};
use kernel::ContactId;

use super::likeness::{Identity, Likeness};
use super::store;
use crate::people::{Contact, ContactError};

/// The most candidates that are shown.
const MOST: usize = 20;

/// The people worth a look beside the person `id`, the likeliest first.
///
/// # Errors
/// [`ContactError::NotFound`], or [`ContactError::Merged`] when they turned out to be another.
pub async fn of(tx: &TenantRead<'_>, id: ContactId) -> Result<Vec<(Likeness, Contact)>, ContactError> {
    let contact = crate::people::service::get(tx, id).await?;
    Ok(find(tx, &Identity::from(&contact), Some(id)).await?)
}

/// The people worth a look beside `identity`, but `except`; the likeliest first.
///
/// # Errors
/// The database's failure.
pub async fn find(
    tx: &TenantRead<'_>,
    identity: &Identity,
    except: Option<ContactId>,
) -> Result<Vec<(Likeness, Contact)>, DbError> {
    let mut found: Vec<_> = store::candidates(tx, identity, except)
        .await?
        .into_iter()
        .map(|contact| (Likeness::of(identity, &Identity::from(&contact)), contact))
        .filter(|(likeness, _)| likeness.score >= Likeness::WORTH_A_LOOK)
        .collect();
    found.sort_by_key(|(likeness, contact)| {
        (
            std::cmp::Reverse((likeness.certain, likeness.score)),
            contact.columns.id,
        )
    });
    found.truncate(MOST);
    Ok(found)
}
