//! Whether the mail servers of an inbox may be connected to, told when they are named. What is told here is judged again at each
//! connection, since names and the operator's mind change.

use std::time::Duration;

use fetch::AllowedNetworks;
use futures_util::future::join_all;
use kernel::FieldErrors;
use mail::{OutOfReach, Service, reach};
use serde_json::{Map, Value};

use super::settings::{InboxSettings, MailServer};
use crate::channels::ChannelKind;

/// How long a name is looked up while somebody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is wrong with where the servers are, which `settings` name for an inbox of e-mail; nothing, where they are settings of
/// something else or have other faults, which are told elsewhere. Asks the resolver, so not within a transaction.
pub(super) async fn faults(settings: &Map<String, Value>, networks: &AllowedNetworks) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let parsed = InboxSettings::parse(ChannelKind::Email, &Value::Object(settings.clone()), &mut errors);
    let (Some(InboxSettings::Email(email)), true) = (parsed, errors.is_empty()) else {
        return FieldErrors::new();
    };
    let smtp = Some((Service::Smtp, "/settings/smtp", &email.smtp));
    let imap = email
        .imap
        .as_ref()
        .map(|server| (Service::Imap, "/settings/imap", server));
    let judging = smtp.into_iter().chain(imap).map(async |(service, pointer, server)| {
        let judged = judge(service, server, networks).await;
        judged.map_err(|fault| (service, pointer, fault))
    });
    for (service, pointer, fault) in join_all(judging).await.into_iter().filter_map(Result::err) {
        match fault {
            OutOfReach::NotPublic => errors.push(format!("{pointer}/host"), "address_not_allowed", fault),
            OutOfReach::OtherPort => {
                let ports: Vec<String> = service.ports().iter().map(u16::to_string).collect();
                let told = format!("a port of mail is one of {}", ports.join(", "));
                errors.push(format!("{pointer}/port"), "port_not_allowed", told);
            }
            // It may have one tomorrow, and is judged then: until then the inbox says that it cannot be reached.
            OutOfReach::UnknownHost => {}
        }
    }
    errors
}

/// What was read, if neither that nor `more` has faults; all of them otherwise.
pub(super) fn with_faults<T>(read: Result<T, FieldErrors>, more: FieldErrors) -> Result<T, FieldErrors> {
    let (value, mut errors) = match read {
        Ok(value) => (Some(value), FieldErrors::new()),
        Err(errors) => (None, errors),
    };
    errors.nest("", more);
    errors.finish(value)
}

async fn judge(service: Service, server: &MailServer, networks: &AllowedNetworks) -> Result<(), OutOfReach> {
    let looking_up = reach(service, &server.host, server.port, networks);
    match tokio::time::timeout(PATIENCE, looking_up).await {
        Ok(judged) => judged.map(drop),
        Err(_elapsed) => Err(OutOfReach::UnknownHost),
    }
}
