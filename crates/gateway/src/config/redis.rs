//! The setting of Redis.

use deadpool_redis::Runtime;
use deadpool_redis::redis::{Client, RedisError};
use secrecy::{ExposeSecret, SecretString};

use super::reader::Reader;

/// The ways to Redis.
#[derive(Clone)]
pub struct Redis {
    /// Connections for questions.
    pub pool: deadpool_redis::Pool,
    /// What makes connections for listening.
    pub client: Client,
}

impl Redis {
    /// The Redis at `url`, such as `redis://:password@host:port/number`. Does not connect yet.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn at(url: &str) -> Result<Self, InvalidRedisUrl> {
        let client = Client::open(url).map_err(InvalidRedisUrl)?;
        let pool = deadpool_redis::Config::from_url(url)
            .create_pool(Some(Runtime::Tokio1))
            .or(Err(InvalidRedisUrl(RedisError::from((
                deadpool_redis::redis::ErrorKind::InvalidClientConfig,
                "no pool",
            )))))?;
        Ok(Self { pool, client })
    }
}

/// Text that is no URL of Redis.
#[derive(Debug, thiserror::Error)]
#[error("is no Redis URL: write redis://:password@host:port/number")]
pub struct InvalidRedisUrl(#[source] RedisError);

/// Redis, where it is named.
pub(super) fn read(reader: &mut Reader) -> Option<Redis> {
    let url: SecretString = reader.optional("redis_url")?;
    match Redis::at(url.expose_secret()) {
        Ok(redis) => Some(redis),
        Err(error) => {
            reader.fault("redis_url", error);
            None
        }
    }
}
