//! Opaque secrets: 256 random bits with the place they open written in front, stored only as a hash.
//!
//! The text is `<prefix><clinic or user>_<secret>`: the prefix says what it opens (and lets a scanner find one that leaked), the
//! id says where to look, so that a clinic's secret opens that clinic's transaction at once, and the secret is base64url.

use std::fmt;
use std::marker::PhantomData;

use aws_lc_rs::{constant_time, digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{ClinicId, UserId};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use uuid::Uuid;

use crate::sealing::MasterKeys;

/// The system gave no random bytes; nothing that needs a secret can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct RandomnessError;

/// `N` random bytes from the system, wiped from memory when dropped.
pub(crate) fn random_bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, RandomnessError> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::fill(bytes.as_mut_slice()).or(Err(RandomnessError))?;
    Ok(bytes)
}

/// SHA-256 (FIPS 180-4) of `data`.
pub(crate) fn sha256(data: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
    hash
}

/// The hash of an opaque secret, as tables keep it. 256 random bits need no salt and no slow hash.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash as it is stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether `stored` is this hash, in time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, stored: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.0, stored).is_ok()
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretHash(…)")
    }
}

/// 256 random bits.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// A new secret.
    ///
    /// # Errors
    /// [`RandomnessError`] when the system gives no random bytes.
    pub fn generate() -> Result<Self, RandomnessError> {
        random_bytes().map(Self)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Whose secret it is: what stands in the text between prefix and secret.
pub trait SecretScope: Copy + PartialEq + fmt::Debug {
    /// The scope that `id` stands for.
    fn from_uuid(id: Uuid) -> Self;
    /// The bare id.
    fn as_uuid(&self) -> &Uuid;
}

macro_rules! secret_scopes {
    ($($id:ty),+) => {$(
        impl SecretScope for $id {
            fn from_uuid(id: Uuid) -> Self {
                Self::from_uuid(id)
            }

            fn as_uuid(&self) -> &Uuid {
                self.as_uuid()
            }
        }
    )+};
}

secret_scopes!(ClinicId, UserId);

/// What an opaque token opens.
pub trait TokenKind {
    /// What the text begins with.
    const PREFIX: &'static str;
    /// Whose it is.
    type Scope: SecretScope;
}

macro_rules! token_kinds {
    ($($(#[$doc:meta])* $kind:ident, $alias:ident = $prefix:literal of $scope:ty;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $kind {}

        impl TokenKind for $kind {
            const PREFIX: &'static str = $prefix;
            type Scope = $scope;
        }

        $(#[$doc])*
        pub type $alias = OpaqueToken<$kind>;
    )+};
}

token_kinds! {
    /// The key of an integration.
    ApiKeyKind, ApiKeyToken = "tm_live_" of ClinicId;
    /// Renews a session, once.
    RefreshKind, RefreshToken = "tmr_" of ClinicId;
    /// Lets the invited person join a clinic.
    InvitationKind, InvitationToken = "tmi_" of ClinicId;
    /// Opens one calendar feed for reading.
    CalendarFeedKind, CalendarFeedToken = "tmf_" of ClinicId;
    /// Opens one live connection, once.
    RealtimeTicketKind, RealtimeTicket = "tmw_" of ClinicId;
    /// Opens one inbox to the outside: the address of a webhook, or the page with the web chat in it.
    InboxKind, InboxToken = "tmx_" of ClinicId;
    /// A visitor of the web chat, who has nothing else to be known by.
    VisitorKind, VisitorToken = "tmv_" of ClinicId;
    /// Lets a person set a new password, once.
    PasswordResetKind, PasswordResetToken = "tmp_" of UserId;
}

/// Text that is no token of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this kind")]
pub struct MalformedToken;

/// An opaque token of kind `K`.
pub struct OpaqueToken<K: TokenKind> {
    scope: K::Scope,
    secret: Secret,
    kind: PhantomData<fn() -> K>,
}

/// A UUID without hyphens.
const SCOPE_LENGTH: usize = 32;

impl<K: TokenKind> OpaqueToken<K> {
    /// A new token for `scope`.
    ///
    /// # Errors
    /// [`RandomnessError`] when the system gives no random bytes.
    pub fn generate(scope: K::Scope) -> Result<Self, RandomnessError> {
        Ok(Self {
            scope,
            secret: Secret::generate()?,
            kind: PhantomData,
        })
    }

    /// The token for `scope` that is made on `occasion`, such as the job that mails it: the same each time, so that what is tried
    /// again hands out the same one and nobody keeps it in the clear. While the master key is secret, so is the token; another
    /// master key makes another token.
    #[must_use]
    pub fn derive(keys: &MasterKeys, scope: K::Scope, occasion: &Uuid) -> Self {
        let parts = [K::PREFIX.as_bytes(), scope.as_uuid().as_bytes(), occasion.as_bytes()];
        Self {
            scope,
            secret: Secret(keys.derive(&parts)),
            kind: PhantomData,
        }
    }

    /// The token that `text` is.
    ///
    /// # Errors
    /// [`MalformedToken`] when `text` has another kind's prefix or is no token at all.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        let (scope, secret) = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.split_at_checked(SCOPE_LENGTH))
            .and_then(|(scope, rest)| Some((scope, rest.strip_prefix('_')?)))
            .ok_or(MalformedToken)?;
        let scope = K::Scope::from_uuid(Uuid::try_parse(scope).or(Err(MalformedToken))?);
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(secret).or(Err(MalformedToken))?);
        let bytes = <[u8; 32]>::try_from(decoded.as_slice()).or(Err(MalformedToken))?;
        Ok(Self {
            scope,
            secret: Secret(Zeroizing::new(bytes)),
            kind: PhantomData,
        })
    }

    /// Whose token it is: the clinic, or the user.
    #[must_use]
    pub const fn scope(&self) -> K::Scope {
        self.scope
    }

    /// What tables keep: SHA-256 of the whole text, so that the hash of one kind or clinic never fits another.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(sha256(self.text().as_bytes()))
    }

    /// The token itself, to be shown to its owner once.
    #[must_use]
    pub fn reveal(&self) -> SecretString {
        SecretString::from(self.text().as_str())
    }

    /// The last four characters, by which its owner knows it again.
    #[must_use]
    pub fn hint(&self) -> String {
        let text = self.text();
        text.get(text.len().saturating_sub(4)..).unwrap_or_default().to_owned()
    }

    fn text(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.secret.0.as_slice()));
        Zeroizing::new(format!(
            "{}{}_{}",
            K::PREFIX,
            self.scope.as_uuid().simple(),
            secret.as_str()
        ))
    }
}

impl<K: TokenKind> fmt::Debug for OpaqueToken<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{:?}_…", K::PREFIX, self.scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn clinic(number: u128) -> ClinicId {
        ClinicId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn a_token_reads_back_with_its_clinic_and_hash() {
        let token = ApiKeyToken::generate(clinic(7)).unwrap();
        let text = token.reveal();
        assert!(
            text.expose_secret()
                .starts_with("tm_live_00000000000000000000000000000007_")
        );
        let read = ApiKeyToken::parse(text.expose_secret()).unwrap();
        assert_eq!(read.scope(), clinic(7));
        assert_eq!(read.hash(), token.hash());
        assert!(text.expose_secret().ends_with(&token.hint()) && token.hint().len() == 4);
    }

    #[test]
    fn no_token_passes_for_another_kind_or_clinic() {
        let text = RefreshToken::generate(clinic(1)).unwrap().reveal();
        let text = text.expose_secret();
        assert!(InvitationToken::parse(text).is_err());
        assert!(ApiKeyToken::parse(text).is_err());
        let moved = text.replace("00000001_", "00000002_");
        let moved = RefreshToken::parse(&moved).unwrap();
        assert_eq!(moved.scope(), clinic(2));
        assert_ne!(moved.hash(), RefreshToken::parse(text).unwrap().hash());
        let renamed = text.replace("tmr_", "tmi_");
        assert_ne!(
            InvitationToken::parse(&renamed).unwrap().hash(),
            RefreshToken::parse(text).unwrap().hash()
        );
    }

    fn master_keys(byte: u8) -> MasterKeys {
        use base64::engine::general_purpose::STANDARD;
        MasterKeys::parse(&STANDARD.encode([byte; 32]).into()).unwrap()
    }

    #[test]
    fn a_derived_token_is_the_same_on_its_occasion_alone() {
        let (keys, occasion, other) = (master_keys(1), Uuid::from_u128(1), Uuid::from_u128(2));
        let token = InvitationToken::derive(&keys, clinic(1), &occasion);
        let again = InvitationToken::derive(&keys, clinic(1), &occasion);
        assert_eq!(token.reveal().expose_secret(), again.reveal().expose_secret());
        let read = InvitationToken::parse(token.reveal().expose_secret()).unwrap();
        assert_eq!(read.hash(), token.hash());
        for secret in [
            InvitationToken::derive(&keys, clinic(1), &other).secret,
            InvitationToken::derive(&keys, clinic(2), &occasion).secret,
            InvitationToken::derive(&master_keys(2), clinic(1), &occasion).secret,
            ApiKeyToken::derive(&keys, clinic(1), &occasion).secret,
            PasswordResetToken::derive(&keys, UserId::from_uuid(Uuid::from_u128(1)), &occasion).secret,
        ] {
            assert_ne!(secret.0, token.secret.0);
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let token = ApiKeyToken::generate(clinic(1)).unwrap();
        let printed = format!("{token:?} {:?} {:?}", token.hash(), token.secret);
        assert!(!printed.contains(&token.hint()), "{printed}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "(tm_live_|tmr_)?[0-9a-fé]{0,40}_?[A-Za-z0-9_-]{0,50}") {
            if let Ok(token) = RefreshToken::parse(&text) {
                prop_assert_eq!(token.text().to_lowercase(), text.to_lowercase());
            }
        }

        #[test]
        fn two_tokens_are_never_alike(number in any::<u128>()) {
            let one = RefreshToken::generate(clinic(number)).unwrap();
            let other = RefreshToken::generate(clinic(number)).unwrap();
            prop_assert_ne!(one.hash(), other.hash());
        }
    }
}
