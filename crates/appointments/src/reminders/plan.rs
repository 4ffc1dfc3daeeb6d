//! When the reminders of an appointment are due. Pure.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use kernel::{ServiceId, Timestamp, Zone};

use super::model::{Channel, ReminderReason, Rule};
use crate::outreach::hours::AwakeHours;

/// A reminder to be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// How many minutes before the start.
    pub lead_minutes: i32,
    /// By which channel.
    pub channel: Channel,
    /// When it is due.
    pub due_at: Timestamp,
    /// Why it is not to be sent, when it is not.
    pub skipped: Option<ReminderReason>,
}

/// The rules that hold for an appointment of `service`: the service's own where there is any, else the clinic's.
#[must_use]
pub fn rules_for(rules: &[Rule], service: Option<ServiceId>) -> Vec<Rule> {
    let own = |owner: Option<ServiceId>| rules.iter().copied().filter(move |rule| rule.service_id == owner);
    let chosen: Vec<Rule> = match service {
        Some(_) if own(service).next().is_some() => own(service).collect(),
        _ => own(None).collect(),
    };
    chosen.into_iter().filter(|rule| rule.enabled).collect()
}

/// The reminders of an appointment that begins at `starts_at`, by `rules`, seen at `now`; the shortest lead first.
#[must_use]
pub fn plan(starts_at: Timestamp, rules: &[Rule], awake: AwakeHours, zone: Zone, now: Timestamp) -> Vec<Planned> {
    let mut rules = rules.to_vec();
    rules.sort_unstable_by_key(|rule| rule.lead_minutes);
    let mut taken = BTreeSet::new();
    rules
        .into_iter()
        .map(|rule| {
            let lead = TimeDelta::minutes(i64::from(rule.lead_minutes));
            let due_at = awake.last_until(starts_at.saturating_add(-lead), zone);
            let skipped = if due_at <= now {
                Some(ReminderReason::TooLate)
            } else if taken.insert(due_at) {
                None
            } else {
                Some(ReminderReason::SameTime)
            };
            Planned {
                lead_minutes: rule.lead_minutes,
                channel: rule.channel,
                due_at,
                skipped,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use kernel::{ReminderRuleId, Version, WallTime};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const AWAKE: AwakeHours = AwakeHours {
        from: WallTime::of::<8, 0>(),
        until: WallTime::of::<21, 0>(),
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rule(lead_minutes: i32, service: Option<u128>, enabled: bool) -> Rule {
        Rule {
            id: ReminderRuleId::from_uuid(Uuid::nil()),
            service_id: service.map(|number| ServiceId::from_uuid(Uuid::from_u128(number))),
            lead_minutes,
            channel: Channel::Preferred,
            enabled,
            archived_at: None,
            version: Version::FIRST,
            created_at: at("2026-11-20T12:00:00Z"),
            updated_at: at("2026-11-20T12:00:00Z"),
        }
    }

    fn due(starts_at: &str, leads: &[i32], now: &str) -> Vec<(String, Option<ReminderReason>)> {
        let zone: Zone = "America/Sao_Paulo".parse().unwrap();
        let rules: Vec<_> = leads.iter().map(|lead| rule(*lead, None, true)).collect();
        plan(at(starts_at), &rules, AWAKE, zone, at(now))
            .into_iter()
            .map(|planned| (planned.due_at.to_string(), planned.skipped))
            .collect()
    }

    #[test]
    fn a_day_and_two_hours_before() {
        assert_eq!(
            due("2026-11-25T15:00:00-03:00", &[1440, 120], "2026-11-20T12:00:00Z"),
            [
                ("2026-11-25T16:00:00Z".to_owned(), None),
                ("2026-11-24T18:00:00Z".to_owned(), None)
            ]
        );
    }

    #[test]
    fn what_falls_into_the_night_is_due_the_evening_before_and_what_has_passed_is_skipped() {
        use ReminderReason::{SameTime, TooLate};
        let early = |now| due("2026-11-25T08:00:00-03:00", &[120, 180, 1440], now);
        let (evening, day) = ("2026-11-25T00:00:00Z".to_owned(), "2026-11-24T11:00:00Z".to_owned());
        assert_eq!(
            early("2026-11-20T12:00:00Z"),
            [
                (evening.clone(), None),
                (evening.clone(), Some(SameTime)),
                (day.clone(), None)
            ]
        );
        assert_eq!(
            early("2026-11-24T22:30:00-03:00"),
            [
                (evening.clone(), Some(TooLate)),
                (evening, Some(TooLate)),
                (day, Some(TooLate))
            ]
        );
    }

    #[test]
    fn a_service_with_rules_of_its_own_keeps_to_these() {
        let rules = [
            rule(1440, None, true),
            rule(60, Some(1), true),
            rule(30, Some(2), false),
        ];
        let leads = |service: Option<u128>| -> Vec<i32> {
            let service = service.map(|number| ServiceId::from_uuid(Uuid::from_u128(number)));
            rules_for(&rules, service)
                .iter()
                .map(|rule| rule.lead_minutes)
                .collect()
        };
        assert_eq!(leads(None), [1440]);
        assert_eq!(leads(Some(1)), [60]);
        assert_eq!(leads(Some(2)), Vec::<i32>::new());
        assert_eq!(leads(Some(3)), [1440]);
    }

    proptest! {
        #[test]
        fn nothing_is_due_after_its_lead_nor_twice_at_once(
            start in 0_i64..500_000, leads in prop::collection::btree_set(15_i32..10_000, 0..6), now in 0_i64..500_000,
        ) {
            let zone: Zone = "America/New_York".parse().unwrap();
            let origin = at("2026-01-01T00:00:00Z");
            let (starts_at, now) = (origin.saturating_add(TimeDelta::minutes(start)), origin.saturating_add(TimeDelta::minutes(now)));
            let rules: Vec<_> = leads.iter().map(|lead| rule(*lead, None, true)).collect();
            let planned = plan(starts_at, &rules, AWAKE, zone, now);
            prop_assert_eq!(planned.len(), leads.len());
            let to_send: Vec<_> = planned.iter().filter(|planned| planned.skipped.is_none()).map(|planned| planned.due_at).collect();
            let distinct: BTreeSet<_> = to_send.iter().collect();
            prop_assert_eq!(distinct.len(), to_send.len());
            for planned in &planned {
                prop_assert!(planned.due_at <= starts_at.saturating_add(-TimeDelta::minutes(i64::from(planned.lead_minutes))));
                prop_assert!(planned.skipped.is_some() || planned.due_at > now);
            }
        }
    }
}
