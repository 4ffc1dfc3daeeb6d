//! The web chat: what a visitor may do and see. The endpoints are the gateway's, since a visitor's first words make a contact.

use auth::secrets::VisitorToken;

use crate::identities::Identity;

/// The identity of the visitor who holds `token`: its hash, so that who reads the table can be nobody's visitor.
#[must_use]
pub fn identity_of(token: &VisitorToken) -> Identity {
    let hash = token.hash();
    Identity::Visitor(hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}
