//! Each clinic's data keys: made once, kept wrapped in `clinic_keys`, remembered unwrapped by the process.
//!
//! Form of a blob: version, id of the data key, nonce, ciphertext and tag.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use db::schema::clinic_keys;
use db::{DbError, QueryResultExt as _, TenantRead, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ClinicId, DataKeyId, Timestamp};
use moka::sync::Cache;
use secrecy::zeroize::Zeroizing;
use uuid::Uuid;

use super::aead::{AeadKey, KEY_LENGTH};
use super::master_keys::MasterKeys;
use super::{SealingError, cell};
use crate::secrets::random_bytes;

const VERSION: u8 = 1;
const ID_LENGTH: usize = 16;
const HEADER_LENGTH: usize = 1 + ID_LENGTH;

/// How many clinics' keys are remembered, and how long.
const REMEMBERED_CLINICS: u64 = 10_000;
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// A key younger than this may belong to a transaction that is still open and may be taken back, so it is used and not
/// remembered. Transactions are ended long before.
const SETTLED_AFTER: TimeDelta = TimeDelta::seconds(60);

/// The data keys of all clinics. Cheap to clone; one for the whole process.
#[derive(Debug, Clone)]
pub struct ClinicKeys {
    master: Arc<MasterKeys>,
    remembered: Cache<ClinicId, ClinicSealer>,
}

/// Seals and opens for one clinic. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClinicSealer {
    clinic: ClinicId,
    /// The newest last.
    keys: Arc<[(DataKeyId, AeadKey)]>,
}

/// A data key that is not stored yet: the columns of its row in `clinic_keys`.
#[derive(Debug, Clone)]
pub struct NewDataKey {
    /// The key's id.
    pub id: DataKeyId,
    /// The master key that wraps it.
    pub master_key_id: String,
    /// The key, wrapped for its clinic and id.
    pub wrapped: Vec<u8>,
}

/// A row of `clinic_keys`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = clinic_keys, check_for_backend(diesel::pg::Pg))]
struct KeyRow {
    id: DataKeyId,
    wrapped: Vec<u8>,
    created_at: Timestamp,
}

impl ClinicKeys {
    /// Keys wrapped by `master`.
    #[must_use]
    pub fn new(master: Arc<MasterKeys>) -> Self {
        let remembered = Cache::builder()
            .max_capacity(REMEMBERED_CLINICS)
            .time_to_live(REMEMBERED_FOR)
            .build();
        Self { master, remembered }
    }

    /// The keys that wrap.
    #[must_use]
    pub const fn master(&self) -> &Arc<MasterKeys> {
        &self.master
    }

    /// Gives the clinic a new data key, its first or its next; from now on it seals, and the older ones still open.
    ///
    /// # Errors
    /// [`SealingError::Randomness`] or [`SealingError::Database`].
    pub async fn create(&self, tx: &mut TenantTx<'_>) -> Result<DataKeyId, SealingError> {
        let NewDataKey {
            id,
            master_key_id,
            wrapped,
        } = self.generate(tx.clinic(), tx.now())?;
        diesel::insert_into(clinic_keys::table)
            .values((
                clinic_keys::clinic_id.eq(tx.clinic()),
                clinic_keys::id.eq(id),
                clinic_keys::master_key_id.eq(master_key_id),
                clinic_keys::wrapped.eq(wrapped),
                clinic_keys::created_at.eq(tx.now()),
            ))
            .execute(&mut tx.conn())
            .await
            .or_database::<DbError>()?;
        self.remembered.invalidate(&tx.clinic());
        Ok(id)
    }

    /// A data key for `clinic`, to be stored by the caller: for loads in bulk, which have no unit of work.
    ///
    /// # Errors
    /// [`SealingError::Randomness`].
    pub fn generate(&self, clinic: ClinicId, now: Timestamp) -> Result<NewDataKey, SealingError> {
        let id = DataKeyId::new_at(now);
        let key = random_bytes::<KEY_LENGTH>()?;
        let wrapped = self.master.seal(&context_of(clinic, id), key.as_slice())?;
        Ok(NewDataKey {
            id,
            master_key_id: self.master.sealing_key().to_owned(),
            wrapped,
        })
    }

    /// Seals and opens with the clinic's keys as they are now, or were some minutes ago. For many values at once; for one,
    /// [`Self::seal`] and [`Self::open`].
    ///
    /// # Errors
    /// [`SealingError::NoKey`] when the clinic has none, or why one cannot be unwrapped.
    pub async fn sealer(&self, tx: &TenantRead<'_>) -> Result<ClinicSealer, SealingError> {
        match self.remembered.get(&tx.clinic()) {
            Some(sealer) => Ok(sealer),
            None => self.load(tx).await,
        }
    }

    /// Seals `plaintext` for the place `context` of the clinic.
    ///
    /// # Errors
    /// As [`Self::sealer`] and [`ClinicSealer::seal`].
    pub async fn seal(&self, tx: &TenantRead<'_>, context: &str, plaintext: &[u8]) -> Result<Vec<u8>, SealingError> {
        self.sealer(tx).await?.seal(context, plaintext)
    }

    /// What `sealed` holds, if it was sealed for the place `context` of the clinic; also with a key that another node made a
    /// moment ago.
    ///
    /// # Errors
    /// As [`Self::sealer`] and [`ClinicSealer::open`].
    pub async fn open(
        &self,
        tx: &TenantRead<'_>,
        context: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealingError> {
        match self.sealer(tx).await?.open(context, sealed) {
            Err(SealingError::UnknownKey(_)) => self.load(tx).await?.open(context, sealed),
            result => result,
        }
    }

    /// Wraps the clinic's data keys with the newest master key, where they are not yet. For the rotation of master keys; says
    /// how many were wrapped anew. What they sealed stays as it is.
    ///
    /// # Errors
    /// [`SealingError::UnknownKey`] when a key was wrapped by a master key that is gone.
    pub async fn rewrap(&self, tx: &mut TenantTx<'_>) -> Result<usize, SealingError> {
        let mut count = 0_usize;
        for row in rows(tx).await? {
            let Some(wrapped) = self.master.rewrap(&context_of(tx.clinic(), row.id), &row.wrapped)? else {
                continue;
            };
            diesel::update(clinic_keys::table)
                .filter(clinic_keys::clinic_id.eq(tx.clinic()).and(clinic_keys::id.eq(row.id)))
                .set((
                    clinic_keys::master_key_id.eq(self.master.sealing_key()),
                    clinic_keys::wrapped.eq(wrapped),
                ))
                .execute(&mut tx.conn())
                .await
                .or_database::<DbError>()?;
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    async fn load(&self, tx: &TenantRead<'_>) -> Result<ClinicSealer, SealingError> {
        let rows = rows(tx).await?;
        let newest = rows.last().ok_or(SealingError::NoKey)?.created_at;
        let keys = rows
            .iter()
            .map(|row| self.unwrap_key(tx.clinic(), row))
            .collect::<Result<_, _>>()?;
        let sealer = ClinicSealer {
            clinic: tx.clinic(),
            keys,
        };
        if tx.now().since(newest) >= SETTLED_AFTER {
            self.remembered.insert(tx.clinic(), sealer.clone());
        }
        Ok(sealer)
    }

    fn unwrap_key(&self, clinic: ClinicId, row: &KeyRow) -> Result<(DataKeyId, AeadKey), SealingError> {
        let bytes = self.master.open(&context_of(clinic, row.id), &row.wrapped)?;
        let bytes = <&[u8; KEY_LENGTH]>::try_from(bytes.as_slice()).or(Err(SealingError::Damaged))?;
        Ok((row.id, AeadKey::new(bytes)?))
    }
}

/// The clinic's keys, the newest last.
async fn rows(tx: &TenantRead<'_>) -> Result<Vec<KeyRow>, DbError> {
    clinic_keys::table
        .filter(clinic_keys::clinic_id.eq(tx.clinic()))
        .order((clinic_keys::created_at, clinic_keys::id))
        .select(KeyRow::as_select())
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// What a wrapped data key is bound to: a key moved to another clinic's row does not open.
fn context_of(clinic: ClinicId, id: DataKeyId) -> String {
    format!("{}/{clinic}", cell("clinic_keys", "wrapped", id.as_uuid()))
}

impl ClinicSealer {
    /// Seals `plaintext` for the place `context` of the clinic, with its newest key.
    ///
    /// # Errors
    /// [`SealingError::Randomness`].
    pub fn seal(&self, context: &str, plaintext: &[u8]) -> Result<Vec<u8>, SealingError> {
        let (id, key) = self.keys.last().ok_or(SealingError::NoKey)?;
        let header = [&[VERSION], id.as_uuid().as_bytes().as_slice()].concat();
        key.seal(&header, self.place(context).as_bytes(), plaintext)
    }

    /// What `sealed` holds, if it was sealed for the place `context` of the clinic.
    ///
    /// # Errors
    /// [`SealingError::UnknownKey`] or [`SealingError::Damaged`].
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealingError> {
        let (header, rest) = sealed
            .split_first_chunk::<HEADER_LENGTH>()
            .ok_or(SealingError::Damaged)?;
        let [VERSION, id @ ..] = header else {
            return Err(SealingError::Damaged);
        };
        let id = DataKeyId::from_uuid(Uuid::from_bytes(*id));
        let known = self.keys.iter().find(|(known, _)| *known == id);
        let (_, key) = known.ok_or_else(|| SealingError::UnknownKey(id.to_string()))?;
        key.open(header, self.place(context).as_bytes(), rest)
    }

    fn place(&self, context: &str) -> String {
        format!("taskmed/clinic/{}/{context}", self.clinic)
    }
}

#[cfg(test)]
mod tests {
    use super::super::master_keys::tests::keys as master_keys;
    use super::*;
    use proptest::prelude::*;

    fn clinic(number: u128) -> ClinicId {
        ClinicId::from_uuid(Uuid::from_u128(number))
    }

    fn sealer(clinic: ClinicId, keys: &[(u128, u8)]) -> ClinicSealer {
        let keys = keys.iter().map(|(id, byte)| {
            (
                DataKeyId::from_uuid(Uuid::from_u128(*id)),
                AeadKey::new(&[*byte; KEY_LENGTH]).unwrap(),
            )
        });
        ClinicSealer {
            clinic,
            keys: keys.collect(),
        }
    }

    #[test]
    fn a_value_opens_in_its_clinic_and_place_alone() {
        let own = sealer(clinic(1), &[(1, 1)]);
        let sealed = own.seal("idempotency_keys.sealed_body/1", b"secret").unwrap();
        assert_eq!(
            own.open("idempotency_keys.sealed_body/1", &sealed).unwrap().as_slice(),
            b"secret"
        );
        assert!(matches!(
            own.open("idempotency_keys.sealed_body/2", &sealed),
            Err(SealingError::Damaged)
        ));
        let other = sealer(clinic(2), &[(1, 1)]);
        assert!(matches!(
            other.open("idempotency_keys.sealed_body/1", &sealed),
            Err(SealingError::Damaged)
        ));
    }

    #[test]
    fn the_newest_key_seals_and_older_ones_open() {
        let before = sealer(clinic(1), &[(1, 1)]);
        let after = sealer(clinic(1), &[(1, 1), (2, 2)]);
        let old = before.seal("x", b"old").unwrap();
        let new = after.seal("x", b"new").unwrap();
        assert_eq!(after.open("x", &old).unwrap().as_slice(), b"old");
        assert_eq!(after.open("x", &new).unwrap().as_slice(), b"new");
        assert!(matches!(before.open("x", &new), Err(SealingError::UnknownKey(_))));
    }

    #[test]
    fn a_key_is_wrapped_for_its_own_row() {
        let keys = ClinicKeys::new(Arc::new(master_keys(&[("a", 1)])));
        let id = DataKeyId::from_uuid(Uuid::from_u128(1));
        let wrapped = keys
            .master()
            .seal(&context_of(clinic(1), id), &[7; KEY_LENGTH])
            .unwrap();
        let row = KeyRow {
            id,
            wrapped,
            created_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        };
        assert!(keys.unwrap_key(clinic(1), &row).is_ok());
        assert!(matches!(keys.unwrap_key(clinic(2), &row), Err(SealingError::Damaged)));
        let moved = KeyRow {
            id: DataKeyId::from_uuid(Uuid::from_u128(2)),
            ..row
        };
        assert!(matches!(keys.unwrap_key(clinic(1), &moved), Err(SealingError::Damaged)));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_any_change_is_noticed(
            plaintext in proptest::collection::vec(any::<u8>(), 0..200),
            place in any::<proptest::sample::Index>(),
            change in 1_u8..,
        ) {
            let sealer = sealer(clinic(1), &[(1, 1), (2, 2)]);
            let mut sealed = sealer.seal("x", &plaintext).unwrap();
            let opened = sealer.open("x", &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
            let place = place.index(sealed.len());
            prop_assert!(sealer.open("x", &sealed[..place]).is_err());
            sealed[place] ^= change;
            prop_assert!(sealer.open("x", &sealed).is_err());
        }
    }
}
