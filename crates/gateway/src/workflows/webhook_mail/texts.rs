//! What the mail about a disabled webhook endpoint says, in the language of the clinic.

use clinics::clinic::Locale;
use clinics::staff::Addressee;
use integrations::endpoints::{DisabledEndpoint, DisabledReason};

use crate::config::PublicUrl;
use crate::post::{Draft, Letter, language, moment};

/// The mail to an owner. Of the address it names the host alone: what follows may be a secret.
pub(super) fn endpoint_disabled(owner: &Addressee, endpoint: &DisabledEndpoint, public_url: &PublicUrl) -> Letter {
    let clinic = &owner.clinic;
    let language = language(clinic);
    let (name, place) = (owner.name.as_str(), clinic.trade_name.as_str());
    let when = moment(endpoint.disabled_at, clinic, language);
    let host = endpoint.host.as_str();
    let is_gone = endpoint.reason == DisabledReason::Gone;
    match language {
        Locale::PtBr => {
            let which = endpoint
                .description
                .as_ref()
                .map_or_else(|| host.to_owned(), |description| format!("“{description}” ({host})"));
            let why = if is_gone {
                "o endereço respondeu que não existe mais (410)"
            } else {
                "durante três dias nada do que lhe foi enviado chegou"
            };
            Draft {
                language,
                subject: format!("Webhook desativado em {place}"),
                greeting: format!("Olá, {name}!"),
                before: format!(
                    "O webhook {which} de {place} foi desativado em {when}: {why}. Enquanto isso, o outro sistema não é avisado do que acontece na clínica. Para ver o registro das entregas e ativar o webhook de novo, abra o TaskMed:"
                ),
                button: "Abrir o TaskMed",
                link: public_url.start(),
                after: vec![
                    "Antes, fale com quem cuida do outro sistema. O que ainda não tinha sido entregue espera e segue quando o webhook for ativado de novo; o registro guarda 30 dias.".to_owned(),
                    "Você recebe esta mensagem porque é proprietário(a) da clínica.".to_owned(),
                ],
            }
        }
        Locale::En => {
            let which = endpoint
                .description
                .as_ref()
                .map_or_else(|| host.to_owned(), |description| format!("\"{description}\" ({host})"));
            let why = if is_gone {
                "its address answered that it is no more (410)"
            } else {
                "for three days nothing that was sent to it came through"
            };
            Draft {
                language,
                subject: format!("Webhook disabled at {place}"),
                greeting: format!("Hello {name},"),
                before: format!(
                    "The webhook {which} of {place} was disabled on {when}: {why}. Until it is enabled, the other system is not told what happens at the clinic. To see the log of deliveries and enable the webhook again, open TaskMed:"
                ),
                button: "Open TaskMed",
                link: public_url.start(),
                after: vec![
                    "Talk to who runs the other system first. What had not been delivered waits, and goes out when the webhook is enabled again; the log keeps 30 days.".to_owned(),
                    "You get this message because you are an owner of the clinic.".to_owned(),
                ],
            }
        }
    }
    .finish()
}
