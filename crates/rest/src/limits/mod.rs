//! How often an address, a principal and a clinic may call: the generic cell rate algorithm, decided in process, and counted
//! together with other gateways where there is Redis.

mod counters;
mod exchange;

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock as _, DefaultClock, Reference as _};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota as Rate, RateLimiter};
use kernel::{Actor, Caller, ClinicId, Principal};
use uuid::Uuid;

use self::counters::Counters;
pub use self::exchange::ExchangeError;
use crate::problem::Problem;

/// So many calls a second for long, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Calls per second that may go on for ever.
    pub per_second: NonZeroU32,
    /// Calls that may come at once after a pause.
    pub burst: NonZeroU32,
}

/// The quotas of one gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitConfig {
    /// Of an address, before anyone is authenticated.
    pub address: Quota,
    /// Of an address at the sign-in and its neighbours, where secrets could be guessed.
    pub sign_in: Quota,
    /// Of an address that posts what happened at a provider, who posts much from few addresses and signs it.
    pub hook: Quota,
    /// Of a person or API key.
    pub principal: Quota,
    /// Of a whole clinic.
    pub clinic: Quota,
}

type Keyed<K> = RateLimiter<K, Counters<K>, DefaultClock, StateInformationMiddleware>;

/// The counters behind [`LimitConfig`]; one per process.
pub struct Limits {
    address: Limit<IpAddr>,
    sign_in: Limit<IpAddr>,
    hook: Limit<IpAddr>,
    principal: Limit<(ClinicId, Uuid)>,
    clinic: Limit<ClinicId>,
}

struct Limit<K: Hash + Eq + Clone> {
    limiter: Keyed<K>,
    counters: Counters<K>,
    clock: DefaultClock,
    /// The instant from which the limiter counts its nanoseconds.
    began: <DefaultClock as governor::clock::Clock>::Instant,
    per_second: u32,
    burst: u32,
}

/// What is left of a quota, for the `RateLimit-*` headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    limit: u32,
    remaining: u32,
    reset: Duration,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(quota: Quota) -> Self {
        let rate = Rate::per_second(quota.per_second).allow_burst(quota.burst);
        let clock = DefaultClock::default();
        let began = clock.now();
        let counters = Counters::new();
        Self {
            limiter: RateLimiter::new(rate, counters.clone(), clock.clone()),
            counters,
            clock,
            began,
            per_second: quota.per_second.get(),
            burst: quota.burst.get(),
        }
    }

    /// The time that one call takes of a quota.
    fn interval(&self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }

    /// Now, as the limiter counts.
    fn now(&self) -> u64 {
        self.clock.now().duration_since(self.began).as_u64()
    }

    fn check(&self, key: &K) -> Result<Allowance, Problem> {
        match self.limiter.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = self.burst.saturating_sub(remaining);
                Ok(Allowance {
                    limit: self.burst,
                    remaining,
                    reset: state.quota().replenish_interval() * used,
                })
            }
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                Err(Problem::too_many_requests(
                    "rate_limited",
                    "too many requests; slow down and come again after the time in Retry-After",
                    wait,
                ))
            }
        }
    }

    fn forget_the_idle(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

impl Limits {
    /// Counters that start full.
    #[must_use]
    pub fn new(config: LimitConfig) -> Self {
        Self {
            address: Limit::new(config.address),
            sign_in: Limit::new(config.sign_in),
            hook: Limit::new(config.hook),
            principal: Limit::new(config.principal),
            clinic: Limit::new(config.clinic),
        }
    }

    /// Counts a call of `address`; `guessable` where a secret could be guessed.
    pub(crate) fn check_address(&self, address: IpAddr, guessable: bool) -> Result<Allowance, Problem> {
        let network = network_of(address);
        if guessable {
            self.sign_in.check(&network)
        } else {
            self.address.check(&network)
        }
    }

    /// Counts a post of `address` about what happened at a provider.
    pub(crate) fn check_hook(&self, address: IpAddr) -> Result<Allowance, Problem> {
        self.hook.check(&network_of(address))
    }

    /// Counts a call by which a stranger makes something that stays, as strictly as an attempt at a sign-in.
    ///
    /// # Errors
    /// 429 when the address has made too much.
    pub fn check_stranger(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        match address {
            Some(address) => self.check_address(address, true).map(|_allowance| ()),
            None => Ok(()),
        }
    }

    /// Counts a call of `principal`, for itself and for its clinic.
    pub(crate) fn check_principal(&self, principal: &Principal) -> Result<Allowance, Problem> {
        let key = match principal.actor() {
            Actor::User { membership, .. } => *membership.as_uuid(),
            Actor::ApiKey { key } => *key.as_uuid(),
            Actor::System { .. } => Uuid::nil(),
        };
        let clinic = principal.clinic();
        let own = self.principal.check(&(clinic, key))?;
        let clinic = self.clinic.check(&clinic)?;
        Ok(if clinic.remaining < own.remaining { clinic } else { own })
    }

    /// Drops the counters of those who have not called for long; to be called now and then.
    pub fn forget_the_idle(&self) {
        self.address.forget_the_idle();
        self.sign_in.forget_the_idle();
        self.hook.forget_the_idle();
        self.principal.forget_the_idle();
        self.clinic.forget_the_idle();
    }
}

/// What is counted as one address: in IPv6 the network of 64 bits that one subscriber has to choose from (RFC 6177).
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Allowance {
    /// Writes the allowance into `headers`.
    pub(crate) fn write_to(self, headers: &mut HeaderMap) {
        let seconds = self.reset.as_secs() + u64::from(self.reset.subsec_nanos() > 0);
        for (name, value) in [
            (HeaderName::from_static("ratelimit-limit"), u64::from(self.limit)),
            (
                HeaderName::from_static("ratelimit-remaining"),
                u64::from(self.remaining),
            ),
            (HeaderName::from_static("ratelimit-reset"), seconds),
        ] {
            headers.insert(name, HeaderValue::from(value));
        }
    }
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Limits")
            .field("addresses", &self.address.limiter.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_used_up_is_used_up_here() {
        let quota = Quota {
            per_second: NonZeroU32::MIN,
            burst: NonZeroU32::new(5).unwrap(),
        };
        let limit: Limit<ClinicId> = Limit::new(quota);
        let clinic = ClinicId::from_uuid(Uuid::nil());
        assert_eq!(limit.check(&clinic).unwrap().remaining, 4);
        let counters = limit.counters.clone();
        let taken = counters.take_untold(10);
        assert_eq!(taken, [(clinic, 1)]);
        counters.give_back(&taken);
        assert_eq!(counters.take_untold(10), taken, "what nobody was told of is told again");
        assert!(counters.take_untold(10).is_empty(), "each call is told of once");
        // One here, three elsewhere, and one more here that nobody was told of.
        limit.check(&clinic).unwrap();
        let second = 1_000_000_000;
        counters.learn(&clinic, limit.now() + 4 * second, second);
        assert!(limit.check(&clinic).is_err());
        // What is known already is not counted again.
        counters.learn(&clinic, limit.now(), second);
        assert!(limit.check(&clinic).is_err());
    }

    #[test]
    fn the_addresses_of_one_subscriber_are_counted_as_one() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::3"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::3"), network("2001:db8:1:3::3"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
