//! The operator's own certificate authorities, as lettre takes them.

use fetch::Roots;
use lettre::transport::smtp::client::Certificate;

/// The operator's own; lettre adds the system's itself.
pub(crate) fn for_smtp(roots: &Roots) -> Vec<Certificate> {
    roots
        .own()
        .filter_map(|certificate| Certificate::from_der(certificate.to_vec()).ok())
        .collect()
}
