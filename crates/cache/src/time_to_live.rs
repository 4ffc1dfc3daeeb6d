//! How long an answer may be kept when nothing makes it stale earlier.

use chrono::TimeDelta;

/// The kinds of answers, by how long they are kept.
///
/// Writes make answers stale through tags at once; the time to live bounds what a change outside the system's sight
/// (a hand in the database) can leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeToLive {
    /// What hardly ever changes, such as services and rooms: 24 hours.
    Reference,
    /// What belongs to a sign-in, such as a user's clinics: 4 hours.
    Session,
    /// Results of searches: 10 minutes.
    Search,
    /// Everything else, clinical data first: 5 minutes.
    Changing,
}

impl TimeToLive {
    /// Every kind there is.
    pub const ALL: &'static [Self] = &[Self::Reference, Self::Session, Self::Search, Self::Changing];

    /// The kind's name in statistics and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Session => "session",
            Self::Search => "search",
            Self::Changing => "changing",
        }
    }

    /// The longest an answer of this kind is kept.
    #[must_use]
    pub const fn longest(self) -> TimeDelta {
        match self {
            Self::Reference => TimeDelta::hours(24),
            Self::Session => TimeDelta::hours(4),
            Self::Search => TimeDelta::minutes(10),
            Self::Changing => TimeDelta::minutes(5),
        }
    }

    /// A random time between nine tenths of the longest and the longest, so that what was filled together does not
    /// expire together.
    pub(crate) fn jittered(self) -> TimeDelta {
        let longest = self.longest().num_milliseconds();
        TimeDelta::milliseconds(rand::random_range(longest - longest / 10..=longest))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn jitter_only_shortens_and_by_a_tenth_at_most() {
        for kind in TimeToLive::ALL {
            let drawn: HashSet<_> = std::iter::repeat_with(|| kind.jittered()).take(200).collect();
            assert!(drawn.len() > 1, "{} all expire together", kind.name());
            assert!(
                drawn
                    .iter()
                    .all(|span| *span <= kind.longest() && *span >= kind.longest() * 9 / 10)
            );
        }
    }
}
