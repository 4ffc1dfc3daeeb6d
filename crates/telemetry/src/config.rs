//! Settings of logs.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// How and how much is logged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TelemetryConfig {
    /// The form of the lines.
    pub format: LogFormat,
    /// Which events become lines.
    pub filter: LogFilter,
}

impl TelemetryConfig {
    /// Lines in `format` of the events that `filter` lets through; see [`LogFilter`].
    ///
    /// # Errors
    /// [`InvalidLogFilter`], which quotes the part that is not understood.
    pub fn new(format: LogFormat, filter: &str) -> Result<Self, InvalidLogFilter> {
        Ok(Self {
            format,
            filter: filter.parse()?,
        })
    }
}

/// The form of log lines: `json` or `text`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object for each line: for production.
    #[default]
    Json,
    /// Text for people: for development.
    Text,
}

/// Which events become log lines: a level, and levels for single targets, such as `info,db=debug`.
///
/// The targets are the crates: `rest`, `db`, `jobs` and so on. The full language is that of
/// [`EnvFilter`](https://docs.rs/tracing-subscriber/0.3/tracing_subscriber/filter/struct.EnvFilter.html#directives), but that a
/// word alone must be a level: a level spelt wrong would otherwise silence everything else.
#[derive(Clone, PartialEq, Eq)]
pub struct LogFilter(String);

/// A filter that says nothing, or nothing that is understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLogFilter {
    /// Nothing but spaces.
    #[error("must not be empty: write a level such as info")]
    Empty,
    /// One of its parts is no directive.
    #[error("'{part}' is neither a level (off, error, warn, info, debug, trace) nor <target>=<level>")]
    Malformed {
        /// The part.
        part: String,
    },
}

impl Default for LogFilter {
    /// Everything from `info` on, without the web server's own words on each start and stop of a thread.
    fn default() -> Self {
        Self("info,actix_server=warn".to_owned())
    }
}

impl FromStr for LogFilter {
    type Err = InvalidLogFilter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            return Err(InvalidLogFilter::Empty);
        }
        for part in &parts {
            let understood = if part.contains(['=', '[']) {
                EnvFilter::builder().parse(part).is_ok()
            } else {
                part.parse::<LevelFilter>().is_ok()
            };
            if !understood {
                return Err(InvalidLogFilter::Malformed {
                    part: (*part).to_owned(),
                });
            }
        }
        Ok(Self(parts.join(",")))
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl LogFilter {
    /// The filter at work; what is wrong in it was told when it was read.
    pub(crate) fn to_env_filter(&self) -> EnvFilter {
        EnvFilter::builder().parse_lossy(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_levels_and_targets_with_levels() {
        for good in [
            "info",
            "WARN",
            "info,db=debug",
            " info , jobs=trace,",
            "off,rest[request]=debug",
        ] {
            assert!(good.parse::<LogFilter>().is_ok(), "{good}");
        }
        assert!(LogFilter::default().to_string().parse::<LogFilter>().is_ok());
    }

    #[test]
    fn a_misspelt_level_is_a_fault_and_not_a_target() {
        let malformed = |part: &str| InvalidLogFilter::Malformed { part: part.to_owned() };
        assert_eq!("inof".parse::<LogFilter>(), Err(malformed("inof")));
        assert_eq!("info,db=loud".parse::<LogFilter>(), Err(malformed("db=loud")));
        assert_eq!(" , ".parse::<LogFilter>(), Err(InvalidLogFilter::Empty));
    }

    #[test]
    fn formats_are_named_in_lower_case() {
        assert_eq!(serde_json::from_str::<LogFormat>("\"json\"").unwrap(), LogFormat::Json);
        assert_eq!(serde_json::from_str::<LogFormat>("\"text\"").unwrap(), LogFormat::Text);
        assert!(serde_json::from_str::<LogFormat>("\"xml\"").is_err());
    }
}
