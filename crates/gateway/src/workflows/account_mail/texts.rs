//! What mails about accounts say, in the language of the clinic.

use clinics::clinic::Locale;
use clinics::invitations::mailing::InvitationLetter;
use clinics::password_reset::mailing::PasswordResetLetter;

use crate::config::PublicUrl;
use crate::post::{Draft, Letter, language, moment};

/// The page on which an invited person joins.
const JOIN_PAGE: &str = "invitations/accept";
/// The page on which a person sets a new password.
const RESET_PAGE: &str = "password-reset";

/// The mail with an invitation.
pub(super) fn invitation(letter: &InvitationLetter, public_url: &PublicUrl) -> Letter {
    let clinic = &letter.clinic;
    let language = language(clinic);
    let (name, place) = (letter.name.as_str(), clinic.trade_name.as_str());
    let until = moment(letter.expires_at, clinic, language);
    let link = public_url.page_with_token(JOIN_PAGE, &letter.token);
    match language {
        Locale::PtBr => Draft {
            language,
            subject: format!("Convite para {place}"),
            greeting: format!("Olá, {name}!"),
            before: format!("Você foi convidado(a) para a equipe de {place} no TaskMed. Para entrar, abra este endereço:"),
            button: "Aceitar o convite",
            link,
            after: vec![
                format!("O convite vale até {until} e só pode ser usado uma vez. Não o encaminhe: quem tiver o endereço entra no seu lugar."),
                "Se você não esperava este convite, ignore esta mensagem.".to_owned(),
            ],
        },
        Locale::En => Draft {
            language,
            subject: format!("Invitation to {place}"),
            greeting: format!("Hello {name},"),
            before: format!("You are invited to join the staff of {place} on TaskMed. To join, open this address:"),
            button: "Accept the invitation",
            link,
            after: vec![
                format!("The invitation is good until {until}, and once. Do not forward it: whoever has the address joins in your place."),
                "If you did not expect this invitation, ignore this message.".to_owned(),
            ],
        },
    }
    .finish()
}

/// The mail with a link for a new password.
pub(super) fn password_reset(letter: &PasswordResetLetter, public_url: &PublicUrl) -> Letter {
    let language = language(&letter.clinic);
    let name = letter.name.as_str();
    let until = moment(letter.expires_at, &letter.clinic, language);
    let link = public_url.page_with_token(RESET_PAGE, &letter.token);
    match language {
        Locale::PtBr => Draft {
            language,
            subject: "Nova senha do TaskMed".to_owned(),
            greeting: format!("Olá, {name}!"),
            before: "Foi pedida uma nova senha para a sua conta no TaskMed. Para escolhê-la, abra este endereço:"
                .to_owned(),
            button: "Escolher a nova senha",
            link,
            after: vec![
                format!("O endereço vale até {until} e só pode ser usado uma vez. Não o encaminhe."),
                "Se você não pediu uma nova senha, ignore esta mensagem: a sua senha continua a mesma.".to_owned(),
            ],
        },
        Locale::En => Draft {
            language,
            subject: "A new password for TaskMed".to_owned(),
            greeting: format!("Hello {name},"),
            before: "A new password was asked for your TaskMed account. To choose it, open this address:".to_owned(),
            button: "Choose the new password",
            link,
            after: vec![
                format!("The address is good until {until}, and once. Do not forward it."),
                "If you did not ask for a new password, ignore this message: your password stays as it is.".to_owned(),
            ],
        },
    }
    .finish()
}

#[cfg(test)]
mod tests {
    use clinics::credentials::ClinicSummary;
    use kernel::ClinicId;
    use kernel::email::EmailAddress;
    use kernel::money::Currency;
    use kernel::text::{PersonName, Slug};
    use uuid::Uuid;

    use super::*;

    fn clinic(locale: &str) -> ClinicSummary {
        ClinicSummary {
            id: ClinicId::from_uuid(Uuid::from_u128(1)),
            slug: Slug::parse("aurora").unwrap(),
            trade_name: "Sol & <Lua>".to_owned(),
            zone: "America/Sao_Paulo".parse().unwrap(),
            locale: locale.to_owned(),
            currency: Currency::parse("BRL").unwrap(),
        }
    }

    fn invited(locale: &str) -> Letter {
        let letter = InvitationLetter {
            to: EmailAddress::parse("ana@mail.example").unwrap(),
            name: PersonName::parse("Ana \"Aninha\" Souza").unwrap(),
            clinic: clinic(locale),
            token: "tmi_1".into(),
            expires_at: "2026-11-27T02:30:00Z".parse().unwrap(),
        };
        invitation(&letter, &PublicUrl::parse("https://app.example").unwrap())
    }

    #[test]
    fn an_invitation_speaks_the_language_of_the_clinic() {
        let (portuguese, english) = (invited("pt-BR"), invited("en"));
        assert_eq!(portuguese.subject, "Convite para Sol & <Lua>");
        assert!(
            portuguese
                .text
                .contains("vale até 26/11/2026 às 23:30 (America/Sao_Paulo)"),
            "{}",
            portuguese.text
        );
        assert_eq!(english.subject, "Invitation to Sol & <Lua>");
        assert!(
            english
                .text
                .contains("good until 26 November 2026, 23:30 (America/Sao_Paulo)"),
            "{}",
            english.text
        );
        for letter in [&portuguese, &english] {
            assert!(
                letter
                    .text
                    .contains("\nhttps://app.example/#/invitations/accept?token=tmi_1\n")
            );
        }
    }

    #[test]
    fn what_people_typed_is_no_html() {
        let letter = invited("pt-BR");
        assert!(letter.html.contains("Sol &amp; &lt;Lua&gt;") && letter.html.contains("Ana &quot;Aninha&quot; Souza"));
        assert!(!letter.html.contains("<Lua>"));
        assert!(
            letter
                .html
                .contains("<a href=\"https://app.example/#/invitations/accept?token=tmi_1\">")
        );
    }
}
