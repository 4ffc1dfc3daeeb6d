//! Settings read one by one, from the environment and an optional file, and what is wrong with them gathered.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use rest::Quota;
use secrecy::SecretString;
use serde::de::DeserializeOwned;

const PREFIX: &str = "TASKMED_";

/// Every setting that cannot be used, one a line.
#[derive(Debug, thiserror::Error)]
#[error("these settings cannot be used:\n{}", .0.join("\n"))]
pub struct ConfigError(Vec<String>);

/// Reads settings one by one and gathers what is wrong with them.
pub(super) struct Reader {
    figment: Figment,
    faults: Vec<String>,
}

impl Reader {
    /// The environment over the file that `TASKMED_CONFIG_FILE` names, when it names one.
    pub(super) fn new() -> Self {
        let mut faults = Vec::new();
        let mut figment = Figment::new();
        if let Some(file) = std::env::var_os("TASKMED_CONFIG_FILE").map(PathBuf::from) {
            if file.is_file() {
                figment = figment.merge(Toml::file(file));
            } else {
                faults.push(format!("  TASKMED_CONFIG_FILE: there is no file {}", file.display()));
            }
        }
        // An empty variable is one that was not set: files of settings list them all.
        let env = Env::prefixed(PREFIX).ignore(&["config_file"]).filter(|name| {
            std::env::var(format!("{PREFIX}{}", name.as_str().to_uppercase())).is_ok_and(|value| !value.is_empty())
        });
        Self {
            figment: figment.merge(env),
            faults,
        }
    }

    pub(super) fn fault(&mut self, setting: &str, problem: impl Display) {
        self.faults
            .push(format!("  {PREFIX}{}: {problem}", setting.to_uppercase()));
    }

    /// The setting, or `None` when it was not set or is at fault.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, setting: &str) -> Option<T> {
        if self.figment.find_value(setting).is_err() {
            return None;
        }
        match self.figment.extract_inner(setting) {
            Ok(value) => Some(value),
            Err(error) => {
                // figment's message may quote the value, which may be a secret; its kind says enough.
                let kind = match error.kind {
                    figment::error::Kind::InvalidType(_, wanted) => format!("this is not {wanted}"),
                    figment::error::Kind::UnknownVariant(_, known) => format!("known are {}", known.join(", ")),
                    _ => "the value has the wrong form".to_owned(),
                };
                self.fault(setting, kind);
                None
            }
        }
    }

    pub(super) fn or<T: DeserializeOwned>(&mut self, setting: &str, default: T) -> T {
        self.optional(setting).unwrap_or(default)
    }

    /// A URL or another text that must be there.
    pub(super) fn required(&mut self, setting: &str, what: &str) -> SecretString {
        match self.optional::<SecretString>(setting) {
            Some(value) => value,
            None => {
                self.fault(setting, format_args!("must be set: {what}"));
                SecretString::default()
            }
        }
    }

    pub(super) fn seconds(&mut self, setting: &str, default: u64, allowed: RangeInclusive<u64>) -> Duration {
        let seconds = self.or(setting, default);
        if !allowed.contains(&seconds) {
            let (least, most) = allowed.into_inner();
            self.fault(
                setting,
                format_args!("{seconds} seconds are not from {least} to {most}"),
            );
        }
        Duration::from_secs(seconds)
    }

    pub(super) fn quota(&mut self, name: &str, per_second: u32, burst: u32) -> Quota {
        let mut part = |setting: String, default: u32| {
            NonZeroU32::new(self.or(&setting, default)).unwrap_or_else(|| {
                self.fault(&setting, "must be at least 1");
                NonZeroU32::MIN
            })
        };
        Quota {
            per_second: part(format!("rate_limit_{name}_per_second"), per_second),
            burst: part(format!("rate_limit_{name}_burst"), burst),
        }
    }

    /// `value`, or every fault.
    pub(super) fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        if self.faults.is_empty() {
            Ok(value)
        } else {
            Err(ConfigError(self.faults))
        }
    }

    /// Every fault, of settings of which nothing can be made.
    pub(super) fn failed(self) -> ConfigError {
        ConfigError(self.faults)
    }

    /// Notes faults that were found by somebody else, each with the whole name of its setting.
    pub(super) fn faults_of(&mut self, named: impl Iterator<Item = (&'static str, String)>) {
        let told = named.map(|(setting, problem)| format!("  {setting}: {problem}"));
        self.faults.extend(told);
    }
}
