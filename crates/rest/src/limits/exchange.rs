//! The quotas of several gateways, counted together in Redis.
//!
//! A request never waits for Redis: each gateway decides by its own counters, and some times a second tells Redis how many calls
//! it has let through, by one round trip for all of them, and learns how far all gateways together have used each quota up.
//! So N gateways may let through N bursts, once, before they know of one another; all of it is counted, and is paid back
//! before more is let through. Over a longer time the rate is that of one gateway. While Redis does not answer, each
//! gateway's own counters hold.

use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use deadpool_redis::Pool;
use deadpool_redis::redis::pipe;
use kernel::ClinicId;
use uuid::Uuid;

use super::counters::Counters;
use super::{Limit, Limits};

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_millis(100);
/// So many keys of each quota are told of at a time; the rest the next time.
const AT_ONCE: usize = 2_000;

/// Adds calls to a key's theoretical arrival time, and answers how far that lies ahead, in microseconds. Never further than twice
/// the burst, so that a mistake is forgotten.
const ADD: &str = "local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
if arrival < now then arrival = now end
arrival = math.min(arrival + ARGV[1] * ARGV[2], now + 2 * ARGV[3])
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000) + 1000)
return arrival - now";

/// Why nothing was exchanged.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// There was no connection.
    #[error("no connection to Redis: {0}")]
    Connection(#[from] deadpool_redis::PoolError),
    /// Redis refused.
    #[error("Redis: {0}")]
    Redis(#[from] deadpool_redis::redis::RedisError),
    /// It took too long.
    #[error("Redis did not answer in time")]
    Late,
}

/// What is counted, as Redis knows it.
pub(super) trait Named {
    /// The key's name, which begins with the clinic where it is a clinic's.
    fn name(&self, quota: &str) -> String;
}

impl Named for IpAddr {
    fn name(&self, quota: &str) -> String {
        format!("node:limit:{quota}:{self}")
    }
}

impl Named for ClinicId {
    fn name(&self, quota: &str) -> String {
        format!("clinic:{self}:limit:{quota}")
    }
}

impl Named for (ClinicId, Uuid) {
    fn name(&self, quota: &str) -> String {
        let (clinic, principal) = self;
        format!("clinic:{clinic}:limit:{quota}:{principal}")
    }
}

impl Limits {
    /// Tells the other gateways what was let through here, and learns what they have let through.
    ///
    /// # Errors
    /// [`ExchangeError`]; what was let through meanwhile is told the next time then.
    pub async fn exchange(&self, redis: &Pool) -> Result<(), ExchangeError> {
        let all = async {
            self.address.exchange("address", redis).await?;
            self.sign_in.exchange("sign-in", redis).await?;
            self.hook.exchange("hook", redis).await?;
            self.principal.exchange("principal", redis).await?;
            self.clinic.exchange("clinic", redis).await
        };
        tokio::time::timeout(PATIENCE, all).await.or(Err(ExchangeError::Late))?
    }
}

impl<K: Hash + Eq + Clone + Named> Limit<K> {
    async fn exchange(&self, quota: &str, redis: &Pool) -> Result<(), ExchangeError> {
        let mut taken = Taken {
            counters: &self.counters,
            untold: self.counters.take_untold(AT_ONCE),
        };
        if taken.untold.is_empty() {
            return Ok(());
        }
        let interval = self.interval();
        let in_microseconds = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX).max(1);
        let burst = in_microseconds.saturating_mul(u64::from(self.burst));
        let mut additions = pipe();
        for (key, calls) in &taken.untold {
            additions
                .cmd("EVAL")
                .arg(ADD)
                .arg(1)
                .arg(key.name(quota))
                .arg(*calls)
                .arg(in_microseconds)
                .arg(burst);
        }
        let ahead: Vec<u64> = additions.query_async(&mut redis.get().await?).await?;
        let untold = std::mem::take(&mut taken.untold);
        let now = self.now();
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        for ((key, _), ahead) in untold.iter().zip(ahead) {
            let arrival = now.saturating_add(ahead.saturating_mul(1_000));
            self.counters.learn(key, arrival, interval);
        }
        Ok(())
    }
}

/// Calls that are being told. Given back unless they were told: also when the exchange is cut off for taking too long. Where Redis
/// had counted them already they count twice, which only lets less through.
struct Taken<'c, K: Hash + Eq + Clone> {
    counters: &'c Counters<K>,
    untold: Vec<(K, u32)>,
}

impl<K: Hash + Eq + Clone> Drop for Taken<'_, K> {
    fn drop(&mut self) {
        self.counters.give_back(&self.untold);
    }
}
