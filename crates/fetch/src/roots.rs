//! Whom connections to the outside trust.

use std::error::Error;
use std::io;
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, crypto};

/// Certificates that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these are no certificates in PEM")]
pub struct InvalidRoots;

/// The certificate authorities that are trusted: the system's (or those of `SSL_CERT_FILE`), and the operator's own.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    own: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// The system's, and those in `pem`.
    ///
    /// # Errors
    /// [`InvalidRoots`], also when there is none in it, or one that nobody could be checked by.
    pub fn with_own(pem: &[u8]) -> Result<Self, InvalidRoots> {
        let own: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .or(Err(InvalidRoots))?;
        let (_usable, unusable) = RootCertStore::empty().add_parsable_certificates(own.iter().cloned());
        if own.is_empty() || unusable > 0 {
            Err(InvalidRoots)
        } else {
            Ok(Self { own })
        }
    }

    /// The operator's own, each in DER.
    pub fn own(&self) -> impl Iterator<Item = &[u8]> {
        self.own.iter().map(AsRef::as_ref)
    }

    /// A client of TLS that trusts them.
    ///
    /// # Errors
    /// When there is no such client: the library of cryptography is not complete.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut store = RootCertStore::empty();
        // What cannot be read of the system's is left out: a missing one shows when a certificate is not trusted.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        store.add_parsable_certificates(self.own.iter().cloned());
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

/// Whether `error`, looked at without its causes, says that the other side's certificate was not taken: nobody who is trusted
/// vouches for it, its time is over, or it is another host's.
#[must_use]
pub fn is_about_certificate(error: &(dyn Error + 'static)) -> bool {
    let mut innermost = error;
    // An error of input and output may stand around another, which it does not name as its cause; the layers above TLS add theirs.
    while let Some(within) = innermost.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        innermost = within;
    }
    matches!(
        innermost.downcast_ref(),
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_told() {
        let text = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        for pem in [
            "",
            "no certificate",
            "-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n",
            text,
        ] {
            assert_eq!(Roots::with_own(pem.as_bytes()).err(), Some(InvalidRoots), "{pem}");
        }
    }

    #[test]
    fn a_certificate_that_is_not_taken_is_told_from_other_failures_however_deep_it_lies() {
        let untrusted = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, untrusted.clone());
        let twice = io::Error::other(io::Error::other(untrusted.clone()));
        let not_taken: [&(dyn Error + 'static); 3] = [&untrusted, &wrapped, &twice];
        for error in not_taken {
            assert!(is_about_certificate(error), "{error}");
        }
        let alert = io::Error::other(rustls::Error::General("no common version".to_owned()));
        let plain = io::Error::from(io::ErrorKind::ConnectionReset);
        let others: [&(dyn Error + 'static); 2] = [&alert, &plain];
        for error in others {
            assert!(!is_about_certificate(error), "{error}");
        }
    }
}
