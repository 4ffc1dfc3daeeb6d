//! The settings of authentication, checked all at once when the server starts.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::SecretString;
use serde::Deserialize;

use crate::sealing::{InvalidMasterKeys, MasterKeys};
use crate::signing_keys::{KeySource, SigningKeys};

/// The settings as they are written: each field is the variable `TASKMED_<FIELD>` in capitals.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct AuthSettings {
    /// Who issues tokens: the `iss` claim; in production the public address.
    pub token_issuer: String,
    /// For whom tokens are: the `aud` claim.
    pub token_audience: String,
    /// How long an access token is good, in minutes (1–60).
    pub access_token_minutes: u32,
    /// How long a sign-in lasts that is not used, in days (1–365).
    pub session_days: u32,
    /// The directory of the signing keys; see [`crate::signing_keys`].
    pub signing_keys_dir: Option<PathBuf>,
    /// The signing keys themselves, where there is no directory: PEM blocks one after the other.
    pub signing_keys_pem: Option<SecretString>,
    /// The master keys: `<base64 of 32 bytes>` or `<name>:<base64>`, several with commas between them. The first seals, all open.
    pub master_key: Option<SecretString>,
    /// The memory of one password hash, in KiB.
    pub password_memory_kib: u32,
    /// How often a password hash goes over its memory.
    pub password_passes: u32,
    /// The lanes of a password hash.
    pub password_lanes: u32,
    /// How many passwords are hashed at once; the others wait.
    pub password_at_once: u32,
}

impl Default for AuthSettings {
    /// Without keys, which have no default. The cost of passwords is the one that OWASP recommends for argon2id.
    fn default() -> Self {
        Self {
            token_issuer: "taskmed".to_owned(),
            token_audience: "taskmed".to_owned(),
            access_token_minutes: 15,
            session_days: 30,
            signing_keys_dir: None,
            signing_keys_pem: None,
            master_key: None,
            password_memory_kib: 19_456,
            password_passes: 2,
            password_lanes: 1,
            password_at_once: 2,
        }
    }
}

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// The variable's name.
    pub setting: &'static str,
    /// What is wrong, never the value of a secret.
    pub problem: String,
}

/// Every setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.0.iter().enumerate() {
            let between = if place == 0 { "" } else { "\n" };
            write!(formatter, "{between}{}: {}", fault.setting, fault.problem)?;
        }
        Ok(())
    }
}

/// What tokens say of themselves, and how long they are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenConfig {
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
    /// How long an access token is good.
    pub access_lifetime: TimeDelta,
    /// How long a sign-in lasts after it was last renewed.
    pub session_lifetime: TimeDelta,
}

/// What hashing one password costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// How many are hashed at once.
    pub at_once: usize,
}

/// The settings, checked, and the keys they name, loaded.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Of tokens.
    pub tokens: TokenConfig,
    /// The keys that sign access tokens.
    pub signing_keys: Arc<SigningKeys>,
    /// The keys that wrap every other key.
    pub master_keys: Arc<MasterKeys>,
    /// Of passwords.
    pub password_cost: PasswordCost,
}

/// Collects faults while values are checked.
#[derive(Default)]
struct Faults(Vec<ConfigFault>);

impl Faults {
    fn note(&mut self, setting: &'static str, problem: impl fmt::Display) {
        self.0.push(ConfigFault {
            setting,
            problem: problem.to_string(),
        });
    }

    fn within(&mut self, setting: &'static str, value: u32, least: u32, most: u32) {
        if !(least..=most).contains(&value) {
            self.note(setting, format_args!("{value} is not between {least} and {most}"));
        }
    }

    fn filled(&mut self, setting: &'static str, value: &str) {
        if value.trim().is_empty() {
            self.note(setting, "is empty");
        }
    }
}

impl AuthSettings {
    /// Checks every setting and loads the keys.
    ///
    /// # Errors
    /// [`ConfigFaults`], all of them, each with the setting's name.
    pub fn load(self) -> Result<AuthConfig, ConfigFaults> {
        let mut faults = Faults::default();
        faults.filled("TASKMED_TOKEN_ISSUER", &self.token_issuer);
        faults.filled("TASKMED_TOKEN_AUDIENCE", &self.token_audience);
        faults.within("TASKMED_ACCESS_TOKEN_MINUTES", self.access_token_minutes, 1, 60);
        faults.within("TASKMED_SESSION_DAYS", self.session_days, 1, 365);
        faults.within("TASKMED_PASSWORD_PASSES", self.password_passes, 1, 100);
        faults.within("TASKMED_PASSWORD_LANES", self.password_lanes, 1, 16);
        faults.within("TASKMED_PASSWORD_AT_ONCE", self.password_at_once, 1, 64);
        // RFC 9106, section 3.1: at least eight KiB for each lane.
        let least_memory = self.password_lanes.clamp(1, 16).saturating_mul(8);
        faults.within(
            "TASKMED_PASSWORD_MEMORY_KIB",
            self.password_memory_kib,
            least_memory,
            1_048_576,
        );
        let signing_keys = load_signing_keys(self.signing_keys_dir, self.signing_keys_pem, &mut faults);
        let master_keys = load_master_keys(self.master_key.as_ref(), &mut faults);
        match (signing_keys, master_keys, usize::try_from(self.password_at_once)) {
            (Some(signing_keys), Some(master_keys), Ok(at_once)) if faults.0.is_empty() => Ok(AuthConfig {
                tokens: TokenConfig {
                    issuer: self.token_issuer,
                    audience: self.token_audience,
                    access_lifetime: TimeDelta::minutes(self.access_token_minutes.into()),
                    session_lifetime: TimeDelta::days(self.session_days.into()),
                },
                signing_keys: Arc::new(signing_keys),
                master_keys: Arc::new(master_keys),
                password_cost: PasswordCost {
                    memory_kib: self.password_memory_kib,
                    passes: self.password_passes,
                    lanes: self.password_lanes,
                    at_once,
                },
            }),
            _ => Err(ConfigFaults(faults.0)),
        }
    }
}

fn load_signing_keys(
    directory: Option<PathBuf>,
    pem: Option<SecretString>,
    faults: &mut Faults,
) -> Option<SigningKeys> {
    let (setting, source) = match (directory, pem) {
        (Some(directory), None) => ("TASKMED_SIGNING_KEYS_DIR", KeySource::Directory(directory)),
        (None, Some(pem)) => ("TASKMED_SIGNING_KEYS_PEM", KeySource::Inline(pem)),
        (None, None) => {
            faults.note(
                "TASKMED_SIGNING_KEYS_DIR",
                "is not set, nor is TASKMED_SIGNING_KEYS_PEM; one of them is needed",
            );
            return None;
        }
        (Some(_), Some(_)) => {
            faults.note(
                "TASKMED_SIGNING_KEYS_DIR",
                "is set, and so is TASKMED_SIGNING_KEYS_PEM; only one may be",
            );
            return None;
        }
    };
    SigningKeys::load(source)
        .map_err(|error| faults.note(setting, error))
        .ok()
}

fn load_master_keys(text: Option<&SecretString>, faults: &mut Faults) -> Option<MasterKeys> {
    text.ok_or(InvalidMasterKeys::Missing)
        .and_then(MasterKeys::parse)
        .map_err(|error| faults.note("TASKMED_MASTER_KEY", error))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing_keys::tests::pem;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn good() -> AuthSettings {
        AuthSettings {
            signing_keys_pem: Some(pem(&[1; 32]).into()),
            master_key: Some(STANDARD.encode([7; 32]).into()),
            ..AuthSettings::default()
        }
    }

    fn settings_at_fault(settings: AuthSettings) -> Vec<&'static str> {
        settings
            .load()
            .unwrap_err()
            .0
            .iter()
            .map(|fault| fault.setting)
            .collect()
    }

    #[test]
    fn the_defaults_need_only_keys() {
        let config = good().load().unwrap();
        assert_eq!(config.tokens.access_lifetime, TimeDelta::minutes(15));
        assert_eq!(config.tokens.session_lifetime, TimeDelta::days(30));
        assert_eq!(
            settings_at_fault(AuthSettings::default()),
            ["TASKMED_SIGNING_KEYS_DIR", "TASKMED_MASTER_KEY"]
        );
    }

    #[test]
    fn all_faults_are_told_at_once_and_no_secret_with_them() {
        let settings = AuthSettings {
            token_issuer: " ".to_owned(),
            access_token_minutes: 0,
            session_days: 400,
            password_memory_kib: 7,
            password_passes: 0,
            password_lanes: 0,
            password_at_once: 0,
            signing_keys_pem: Some("secret-signing".into()),
            master_key: Some("secret-master".into()),
            ..AuthSettings::default()
        };
        let faults = settings.load().unwrap_err();
        assert_eq!(faults.0.len(), 9, "{faults}");
        assert!(!faults.to_string().contains("secret-"), "{faults}");
        assert_eq!(faults.to_string().lines().count(), 9);
    }

    #[test]
    fn keys_come_from_one_place() {
        let both = AuthSettings {
            signing_keys_dir: Some("/tmp".into()),
            ..good()
        };
        assert_eq!(settings_at_fault(both), ["TASKMED_SIGNING_KEYS_DIR"]);
        let missing = AuthSettings {
            signing_keys_dir: Some("/nonexistent/keys".into()),
            signing_keys_pem: None,
            ..good()
        };
        let faults = missing.load().unwrap_err().to_string();
        assert!(
            faults.starts_with("TASKMED_SIGNING_KEYS_DIR: cannot read /nonexistent/keys: "),
            "{faults}"
        );
    }

    #[test]
    fn nothing_secret_is_printed() {
        let settings = AuthSettings {
            master_key: Some("secret-master".into()),
            ..good()
        };
        let printed = format!("{settings:?}");
        assert!(
            !printed.contains("secret-master") && !printed.contains("PRIVATE KEY"),
            "{printed}"
        );
    }
}
