//! Where a mail server may be that somebody else named than the operator: on the public internet, at a port of mail, or in a
//! network that the operator named.

use std::net::SocketAddr;

use fetch::{AllowedNetworks, ResolveError, permitted_addresses};

/// What a mail server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// It takes mails.
    Smtp,
    /// It holds mailboxes.
    Imap,
}

impl Service {
    /// The ports at which it is found (RFC 6409, RFC 8314), and 2525, which many providers offer where networks close the others.
    #[must_use]
    pub const fn ports(self) -> &'static [u16] {
        match self {
            Self::Smtp => &[465, 587, 25, 2525],
            Self::Imap => &[993, 143],
        }
    }
}

/// Why a mail server is not connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfReach {
    /// Its name has no address, or none just now.
    #[error("the name of the mail server is not known")]
    UnknownHost,
    /// It is not on the public internet, nor in a network that the operator named.
    #[error("the mail server is not public, and the operator of this installation does not allow it")]
    NotPublic,
    /// Its port is none of mail, which is asked for outside the networks that the operator named.
    #[error("this is no port of mail")]
    OtherPort,
}

impl From<ResolveError> for OutOfReach {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Unknown => Self::UnknownHost,
            ResolveError::NotPermitted => Self::NotPublic,
        }
    }
}

/// Where the server at `host` and `port` may be connected to: connect to these addresses, and to no name.
///
/// # Errors
/// [`OutOfReach`].
pub async fn reach(
    service: Service,
    host: &str,
    port: u16,
    networks: &AllowedNetworks,
) -> Result<Vec<SocketAddr>, OutOfReach> {
    let is_of_mail = service.ports().contains(&port);
    let addresses: Vec<SocketAddr> = permitted_addresses(host, |address| networks.permit(address))
        .await?
        .into_iter()
        .filter(|address| is_of_mail || networks.names(*address))
        .map(|address| SocketAddr::new(address, port))
        .collect();
    if addresses.is_empty() {
        Err(OutOfReach::OtherPort)
    } else {
        Ok(addresses)
    }
}

/// A server, and who answers for where it is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What may be reached besides the public internet; `None` when the operator named the server, who may name any.
    pub(crate) judged_by: Option<AllowedNetworks>,
}

impl Place {
    /// A server that the operator named.
    pub(crate) const fn trusted(host: String, port: u16) -> Self {
        Self {
            host,
            port,
            judged_by: None,
        }
    }

    /// The addresses to connect to.
    pub(crate) async fn addresses(&self, service: Service) -> Result<Vec<SocketAddr>, OutOfReach> {
        match &self.judged_by {
            Some(networks) => reach(service, &self.host, self.port, networks).await,
            None => {
                let found = permitted_addresses(&self.host, |_any| true).await?;
                Ok(found
                    .into_iter()
                    .map(|address| SocketAddr::new(address, self.port))
                    .collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_is_public_and_at_a_port_of_mail_or_where_the_operator_says() {
        let none = AllowedNetworks::default();
        let named: AllowedNetworks = "10.9.0.0/16,127.0.0.1".parse().unwrap();
        use OutOfReach::{NotPublic, OtherPort, UnknownHost};
        use Service::{Imap, Smtp};
        for (service, host, port, networks, expected) in [
            (Smtp, "8.8.8.8", 465, &none, None),
            (Smtp, "8.8.8.8", 587, &none, None),
            (Imap, "8.8.8.8", 993, &none, None),
            (Smtp, "8.8.8.8", 993, &none, Some(OtherPort)),
            (Imap, "8.8.8.8", 6379, &none, Some(OtherPort)),
            (Imap, "8.8.8.8", 6379, &named, Some(OtherPort)),
            (Imap, "2606:4700::1111", 143, &none, None),
            (Smtp, "127.0.0.1", 25, &none, Some(NotPublic)),
            (Smtp, "localhost", 25, &none, Some(NotPublic)),
            (Smtp, "127.1", 25, &none, Some(NotPublic)),
            (Smtp, "::ffff:10.0.0.1", 25, &none, Some(NotPublic)),
            (Imap, "169.254.169.254", 993, &named, Some(NotPublic)),
            (Imap, "10.9.1.1", 10_143, &named, None),
            (Imap, "127.0.0.1", 10_143, &named, None),
            (Imap, "nowhere.invalid", 993, &named, Some(UnknownHost)),
        ] {
            let reached = reach(service, host, port, networks).await;
            assert_eq!(reached.as_ref().err(), expected.as_ref(), "{host}:{port}");
            assert!(reached.iter().flatten().all(|address| address.port() == port));
        }
    }
}
