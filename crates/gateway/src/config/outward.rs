//! The settings of what goes out: where it may lead, whom it trusts, how long a webhook waits, and where WhatsApp is.

use std::path::PathBuf;

use conversations::channels::WhatsappApi;
use fetch::{AllowedNetworks, InvalidNetworks, OutwardRules, Roots};
use integrations::WebhookSettings;
use whatsapp::InvalidSettings;

use super::reader::Reader;

/// Where addresses that users name may lead, and whose certificates are believed there: the public internet and the system's
/// authorities, unless the operator says more.
pub(super) fn rules(reader: &mut Reader) -> OutwardRules {
    let networks: Option<String> = reader.optional("allowed_private_networks");
    let networks = networks.map_or_else(AllowedNetworks::default, |networks| {
        networks.parse().unwrap_or_else(|error: InvalidNetworks| {
            reader.fault("allowed_private_networks", error);
            AllowedNetworks::default()
        })
    });
    OutwardRules {
        networks,
        roots: roots(reader),
    }
}

fn roots(reader: &mut Reader) -> Roots {
    let Some(file) = reader.optional::<PathBuf>("extra_root_certificates") else {
        return Roots::default();
    };
    let read = std::fs::read(&file).map_err(|error| format!("{} cannot be read: {error}", file.display()));
    let roots = read.and_then(|pem| Roots::with_own(&pem).map_err(|error| format!("{}: {error}", file.display())));
    roots.unwrap_or_else(|problem| {
        reader.fault("extra_root_certificates", problem);
        Roots::default()
    })
}

/// How long a webhook may take.
pub(super) fn webhooks(reader: &mut Reader) -> WebhookSettings {
    WebhookSettings {
        deadline: reader.seconds("webhook_deadline_seconds", 15, 1..=30),
    }
}

/// Where WhatsApp is, and which version of its API is spoken: Meta's own address unless something else is said.
pub(super) fn whatsapp(reader: &mut Reader) -> Option<WhatsappApi> {
    let url: String = reader.or("whatsapp_url", WhatsappApi::USUAL_URL.to_owned());
    let version: String = reader.or("whatsapp_version", WhatsappApi::USUAL_VERSION.to_owned());
    match WhatsappApi::at(&url, &version) {
        Ok(api) => Some(api),
        Err(error @ InvalidSettings::Version) => {
            reader.fault("whatsapp_version", error);
            None
        }
        Err(error) => {
            reader.fault("whatsapp_url", error);
            None
        }
    }
}
