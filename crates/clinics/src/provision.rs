//! What the operator does from the command line and the demo data is made of: clinics, their first people, and a way back in
//! for an owner who has lost the password. No endpoint leads here.

use auth::passwords::{NewPassword, PasswordError, Passwords, WeakPassword};
use auth::{ClinicKeys, SealingError};
use db::schema::clinics;
use db::{AuditRecord, Db, DbError, LookupBy, QueryResultExt as _, TenantTx, TxError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::documents::Cnpj;
use kernel::email::EmailAddress;
use kernel::money::Currency;
use kernel::text::{Label, PersonName, Slug};
use kernel::{ClinicId, MembershipId, Role, System, UserId, Zone};
use secrecy::SecretString;
use serde_json::json;

use crate::account::void_password_resets;

use crate::authority::role_names;
use crate::clinic::Locale;
use crate::credentials;
use crate::password_reset::{self, PasswordResetError};
use crate::places::{self, PlaceError};
use crate::tags;

/// The part of the system that makes clinics and their first people.
const COMPONENT: &str = "provision";

/// Why something could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// Another clinic has the slug.
    #[error("there is a clinic with this slug already")]
    SlugTaken,
    /// The person works in the clinic already.
    #[error("this person works in the clinic already")]
    AlreadyMember,
    /// The account was made by someone else at the same moment.
    #[error("the account was made at this very moment; try again")]
    AccountRace,
    /// Nobody has this e-mail, or they work in no active clinic.
    #[error("there is no account with this e-mail that works in an active clinic")]
    UnknownUser,
    /// The password is not allowed.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The clinic's data key could not be made.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The link could not be made.
    #[error(transparent)]
    PasswordReset(#[from] PasswordResetError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<PlaceError> for ProvisionError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::AccountExists => Self::AccountRace,
            PlaceError::AlreadyMember => Self::AlreadyMember,
            PlaceError::Database(error) => Self::Database(error),
        }
    }
}

impl TxError for ProvisionError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Sealing(error) => error.db_error(),
            Self::PasswordReset(error) => error.db_error(),
            _ => None,
        }
    }
}

/// A clinic to be made.
#[derive(Debug, Clone)]
pub struct NewClinic {
    /// Its short name.
    pub slug: Slug,
    /// Its name in the register of companies.
    pub legal_name: Label,
    /// Its name, as its patients know it.
    pub trade_name: Label,
    /// Its number in the register of companies.
    pub cnpj: Option<Cnpj>,
    /// Its time zone.
    pub zone: Zone,
    /// The language in which it works with patients.
    pub locale: Locale,
    /// Its currency.
    pub currency: Currency,
}

/// Makes a clinic, active at once, with its first data key.
///
/// # Errors
/// [`ProvisionError::SlugTaken`] when another clinic has the slug, [`ProvisionError::Sealing`] or
/// [`ProvisionError::Database`].
pub async fn create_clinic(db: &Db, keys: &ClinicKeys, new: &NewClinic) -> Result<ClinicId, ProvisionError> {
    let id = ClinicId::new_at(db.clock().now());
    db.write(&System::acting_for(id, COMPONENT), async |tx| {
        insert_clinic(tx, new).await?;
        keys.create(tx).await?;
        tx.audit(AuditRecord::new("clinics.create", "clinic", id.as_uuid()));
        Ok::<_, ProvisionError>(())
    })
    .await?;
    Ok(id)
}

async fn insert_clinic(tx: &TenantTx<'_>, new: &NewClinic) -> Result<(), ProvisionError> {
    diesel::insert_into(clinics::table)
        .values((
            clinics::id.eq(tx.clinic()),
            clinics::slug.eq(&new.slug),
            clinics::legal_name.eq(&new.legal_name),
            clinics::trade_name.eq(&new.trade_name),
            clinics::cnpj.eq(&new.cnpj),
            clinics::zone.eq(new.zone),
            clinics::locale.eq(new.locale),
            clinics::currency.eq(new.currency),
            clinics::created_at.eq(tx.now()),
        ))
        .execute(&mut tx.conn())
        .await
        .on_constraint("clinics_slug_key", || ProvisionError::SlugTaken)
        .or_database()?;
    Ok(())
}

/// A person to be given a place in a clinic.
#[derive(Debug)]
pub struct NewMember {
    /// The e-mail to sign in with.
    pub email: EmailAddress,
    /// The name of a new account; one that is there keeps its own.
    pub name: PersonName,
    /// The password of a new account; one that is there keeps its own.
    pub password: SecretString,
    /// The roles to give.
    pub roles: Vec<Role>,
}

/// A person with a place in a clinic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvisionedMember {
    /// The account.
    pub user: UserId,
    /// The place.
    pub membership: MembershipId,
    /// Whether the account was there already, with its own name and password.
    pub had_account: bool,
}

/// Gives a person a place in `clinic`, with a new account where the e-mail has none.
///
/// # Errors
/// [`ProvisionError::WeakPassword`], [`ProvisionError::AlreadyMember`], or what hashing and the database end with.
pub async fn create_user_with_membership(
    db: &Db,
    passwords: &Passwords,
    clinic: ClinicId,
    new: &NewMember,
) -> Result<ProvisionedMember, ProvisionError> {
    let present = credentials::find(db, LookupBy::Email(new.email.clone()))
        .await?
        .user
        .map(|user| user.id);
    let password_hash = match present {
        Some(_) => None,
        None => Some(passwords.hash(NewPassword::choose(&new.password, &new.email)?).await?),
    };
    db.write(&System::acting_for(clinic, COMPONENT), async |tx| {
        tx.open_user(&LookupBy::Email(new.email.clone())).await?;
        let user = match (present, &password_hash) {
            (Some(user), _) => {
                // A link handed out by one clinic must not open another.
                tx.open_user(&LookupBy::User(user)).await?;
                void_password_resets(tx, user).await?;
                user
            }
            (None, Some(hash)) => places::insert_user(tx, &new.email, &new.name, hash).await?,
            (None, None) => return Err(ProvisionError::AccountRace),
        };
        let membership = places::insert_membership(tx, user, &new.roles).await?;
        tx.touch(tags::staff());
        let detail = json!({"user_id": user, "roles": role_names(&new.roles)});
        tx.audit(AuditRecord::new("staff.create", "membership", membership.as_uuid()).with_detail(detail));
        Ok(ProvisionedMember {
            user,
            membership,
            had_account: present.is_some(),
        })
    })
    .await
}

/// Makes the secret of a link by which the person with this e-mail sets a new password: the way back in for an owner, to whom
/// nobody else may hand one out.
///
/// # Errors
/// [`ProvisionError::UnknownUser`], or what randomness and the database end with.
pub async fn issue_password_reset(db: &Db, email: &EmailAddress) -> Result<SecretString, ProvisionError> {
    let person = credentials::find(db, LookupBy::Email(email.clone())).await?;
    let (Some(user), Some(place)) = (person.user, person.places.into_iter().next()) else {
        return Err(ProvisionError::UnknownUser);
    };
    db.write(&System::acting_for(place.clinic.id, COMPONENT), async |tx| {
        tx.open_user(&LookupBy::User(user.id)).await?;
        Ok(password_reset::issue(tx, user.id).await?.token)
    })
    .await
}
