//! The settings of secrets: the master key and what is made from it, signing keys, tokens and passwords.

use auth::{AuthConfig, AuthSettings};
use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};

use super::reader::Reader;

/// Cursors are signed by a key of their own, made from the master key so that there is one secret less to keep.
pub(super) fn cursor_secret(reader: &mut Reader) -> SecretString {
    let master: SecretString = reader.optional("master_key").unwrap_or_default();
    let key = hmac::Key::new(hmac::HMAC_SHA256, master.expose_secret().as_bytes());
    let derived = hmac::sign(&key, b"taskmed cursors");
    derived
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into()
}

/// Keys, tokens and passwords.
pub(super) fn read(reader: &mut Reader) -> Option<AuthConfig> {
    let defaults = AuthSettings::default();
    let settings = AuthSettings {
        token_issuer: reader.or("token_issuer", defaults.token_issuer),
        token_audience: reader.or("token_audience", defaults.token_audience),
        access_token_minutes: reader.or("access_token_minutes", defaults.access_token_minutes),
        session_days: reader.or("session_days", defaults.session_days),
        signing_keys_dir: reader.optional("signing_keys_dir"),
        signing_keys_pem: reader.optional("signing_keys_pem"),
        master_key: reader.optional("master_key"),
        password_memory_kib: reader.or("password_memory_kib", defaults.password_memory_kib),
        password_passes: reader.or("password_passes", defaults.password_passes),
        password_lanes: reader.or("password_lanes", defaults.password_lanes),
        password_at_once: reader.or("password_at_once", defaults.password_at_once),
    };
    match settings.load() {
        Ok(config) => Some(config),
        Err(faults) => {
            let named = faults.0.into_iter().map(|fault| (fault.setting, fault.problem));
            reader.faults_of(named);
            None
        }
    }
}
