//! Whom a connection trusts.

use std::sync::Arc;

use lettre::transport::smtp::client::Certificate;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// Certificates that could not be read.
#[derive(Debug, thiserror::Error)]
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
    /// [`InvalidRoots`].
    pub fn with_own(pem: &[u8]) -> Result<Self, InvalidRoots> {
        let own: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .or(Err(InvalidRoots))?;
        if own.is_empty() {
            Err(InvalidRoots)
        } else {
            Ok(Self { own })
        }
    }

    /// The operator's own, for lettre, which adds the system's itself.
    pub(crate) fn for_smtp(&self) -> Vec<Certificate> {
        self.own
            .iter()
            .filter_map(|certificate| Certificate::from_der(certificate.to_vec()).ok())
            .collect()
    }

    /// A client of TLS that trusts them.
    pub(crate) fn client_config(&self) -> Result<Arc<ClientConfig>, tokio_rustls::rustls::Error> {
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
