//! Passwords of mail servers: whoever signs in has one, and it goes to no other server than the one it was given for.

use kernel::FieldErrors;

use super::secrets::SecretChanges;
use super::settings::{InboxSettings, MailServer};

/// The mail servers of an inbox: under which pointer they stand, and what their password is called.
fn servers(settings: &InboxSettings) -> [(&'static str, &'static str, Option<&MailServer>); 2] {
    let (smtp, imap) = match settings {
        InboxSettings::Email(settings) => (Some(&settings.smtp), settings.imap.as_ref()),
        InboxSettings::Whatsapp(_) | InboxSettings::Webchat(_) | InboxSettings::None(_) => (None, None),
    };
    [("smtp", "smtp_password", smtp), ("imap", "imap_password", imap)]
}

/// Notes where somebody signs in without a password; `stored` are the names of the secrets that the inbox has already.
pub(super) fn check(settings: &InboxSettings, stored: &[String], changes: &SecretChanges, errors: &mut FieldErrors) {
    for (_, password, server) in servers(settings) {
        let is_there = changes
            .sets(password)
            .unwrap_or_else(|| stored.iter().any(|name| name == password));
        if server.is_some_and(|server| server.username.is_some()) && !is_there {
            errors.push(
                format!("/secrets/{password}"),
                "required",
                "who signs in to a mail server needs a password",
            );
        }
    }
}

/// Notes where a password that is stored would go to another server, or in another name, than it was given for: else whoever may
/// change an inbox could have its password sent to a server of their own, which nobody may read otherwise.
pub(super) fn check_moved(
    (before, after): (&InboxSettings, &InboxSettings),
    stored: &[String],
    changes: &SecretChanges,
    errors: &mut FieldErrors,
) {
    for ((server, password, before), (_, _, after)) in servers(before).into_iter().zip(servers(after)) {
        let is_stored = stored.iter().any(|name| name == password);
        if is_stored && after.is_some() && before != after && changes.sets(password).is_none() {
            errors.push(
                format!("/secrets/{password}"),
                "required",
                format!("the {server} server or who signs in to it changes: its password has to be given again, or taken away"),
            );
        }
    }
}
