//! Why a request came to nothing.

use crate::target::InvalidTarget;

/// The client could not be made: its certificates cannot be had, for one.
#[derive(Debug, thiserror::Error)]
#[error("the client for outside addresses could not be made: {0}")]
pub struct FetcherError(#[from] pub(crate) reqwest::Error);

/// Why a request came to nothing. None of them tells the address, which may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address, or one that it leads to, is of a private network, of this machine, or of no network at all.
    #[error("the address leads into a network that is not public")]
    NotPublic,
    /// The name has no address.
    #[error("the name of the host is not known")]
    UnknownHost,
    /// No connection, or no secure one, could be made, or it broke.
    #[error("the host could not be reached, or broke off")]
    Unreachable,
    /// The host's certificate is not trusted: nobody vouches for it, its time is over, or it is another host's.
    #[error("the certificate of the host is not trusted")]
    Untrusted,
    /// It took too long.
    #[error("the answer took too long")]
    TimedOut,
    /// The answer is larger than allowed.
    #[error("the answer is larger than allowed")]
    TooLarge,
    /// It redirects more often than allowed, or to what is no address.
    #[error("it redirects too often, or to an address that cannot be used")]
    BadRedirect,
}

impl FetchError {
    /// The word for it where machines read.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotPublic => "address_not_allowed",
            Self::UnknownHost => "unknown_host",
            Self::Unreachable => "unreachable",
            Self::Untrusted => "certificate_not_trusted",
            Self::TimedOut => "timed_out",
            Self::TooLarge => "too_large",
            Self::BadRedirect => "bad_redirect",
        }
    }
}

/// A redirect to what is no target; where it leads inward, that is what counts.
impl From<InvalidTarget> for FetchError {
    fn from(error: InvalidTarget) -> Self {
        match error {
            InvalidTarget::NotPublic => Self::NotPublic,
            InvalidTarget::NoUrl
            | InvalidTarget::NotHttps
            | InvalidTarget::Credentials
            | InvalidTarget::Fragment
            | InvalidTarget::TooLong => Self::BadRedirect,
        }
    }
}
