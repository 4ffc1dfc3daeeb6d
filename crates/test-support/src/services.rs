//! Where the tests' PostgreSQL is, and what to do when there is none.

use std::env;

/// The addresses of the test services, one for each database role, as `make services-test` writes them.
#[derive(Debug, Clone)]
pub struct Services {
    pub(crate) admin: String,
    pub(crate) app: String,
    pub(crate) worker: String,
    pub(crate) maintenance: String,
}

impl Services {
    /// The test services, or `None` with a message when there are none, so that the test can pass over.
    ///
    /// # Panics
    /// When there are none under continuous integration (`CI=true`), where nothing may be passed over.
    #[must_use]
    pub fn find() -> Option<Self> {
        match Self::named() {
            Ok(services) => Some(services),
            Err(missing) => {
                let message = format!(
                    "{missing} is not set: start the test services with `make services-test`, then `. .test/env`"
                );
                assert!(env::var("CI").as_deref() != Ok("true"), "{message}");
                eprintln!("test skipped: {message}");
                None
            }
        }
    }

    fn named() -> Result<Self, &'static str> {
        let variable = |name: &'static str| env::var(name).or(Err(name));
        Ok(Self {
            admin: variable("TASKMED_TEST_ADMIN_URL")?,
            app: variable("TASKMED_TEST_APP_URL")?,
            worker: variable("TASKMED_TEST_WORKER_URL")?,
            maintenance: variable("TASKMED_TEST_MAINTENANCE_URL")?,
        })
    }
}

/// `url` with another database.
pub(crate) fn with_database(url: &str, database: &str) -> String {
    let (before, _) = url.rsplit_once('/').expect("a URL of a database ends with its name");
    format!("{before}/{database}")
}
