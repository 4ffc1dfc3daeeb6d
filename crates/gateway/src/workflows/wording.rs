//! The words of what the system writes by itself, in Portuguese where the clinic speaks it and in English elsewhere. Pure.
//!
//! Only what the person needs is said: their first name, when, with whom, where. What the appointment is for stays out, since
//! others may see the screen (LGPD, art. 11).

use appointments::outreach::{Answered, VisitFacts, Voice};
use appointments::reminders::ReminderFacts;
use appointments::waitlist::OfferFacts;
use chrono::{Datelike, NaiveDateTime, Weekday};
use kernel::{Timestamp, Zone};

/// The template of WhatsApp that carries a reminder outside its window, by name. Its places: first name, when, with whom, clinic.
pub(super) const REMINDER_TEMPLATE: &str = "appointment_reminder";
/// The one that carries an offer. Its places: first name, when, with whom, clinic, until when it may be taken.
pub(super) const OFFER_TEMPLATE: &str = "waitlist_offer";

/// What is said, in each form that a channel may need.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) text: String,
    /// What a mail is about.
    pub(super) subject: String,
    /// What stands in the places of a template.
    pub(super) parameters: Vec<String>,
}

/// A language that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tongue {
    Portuguese,
    English,
}

impl Tongue {
    /// That of a locale such as `pt-BR` (RFC 5646).
    fn of(locale: &str) -> Self {
        match locale.split(['-', '_']).next() {
            Some(language) if language.eq_ignore_ascii_case("pt") => Self::Portuguese,
            _ => Self::English,
        }
    }

    /// Day and time in words.
    fn moment(self, local: NaiveDateTime) -> String {
        match self {
            Self::Portuguese => format!("{}, {}", weekday(local.weekday()), local.format("%d/%m/%Y, às %H:%M")),
            Self::English => local.format("%A, %-d %B %Y, at %H:%M").to_string(),
        }
    }

    /// How somebody of this name is greeted.
    fn greeting(self, name: Option<&str>) -> String {
        let hello = match self {
            Self::Portuguese => "Olá",
            Self::English => "Hello",
        };
        name.map_or_else(|| format!("{hello}!"), |name| format!("{hello}, {name}!"))
    }
}

const fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "segunda-feira",
        Weekday::Tue => "terça-feira",
        Weekday::Wed => "quarta-feira",
        Weekday::Thu => "quinta-feira",
        Weekday::Fri => "sexta-feira",
        Weekday::Sat => "sábado",
        Weekday::Sun => "domingo",
    }
}

/// By what somebody is called: the first word of the name that they want, unless that is a number, as of a lead who gave none.
fn called<'a>(name: &'a str, social_name: Option<&'a str>) -> Option<&'a str> {
    let first = social_name.unwrap_or(name).split_whitespace().next()?;
    first
        .chars()
        .all(|one| one.is_alphabetic() || "'’-.".contains(one))
        .then_some(first)
}

/// The words of a reminder.
pub(super) fn reminder(facts: &ReminderFacts) -> Words {
    let tongue = Tongue::of(&facts.locale);
    let name = called(&facts.contact_name, facts.contact_social_name.as_deref());
    let when = tongue.moment(facts.local_start());
    let (practitioner, clinic) = (&facts.practitioner_name, &facts.clinic_name);
    let hello = tongue.greeting(name);
    let (text, subject) = match tongue {
        Tongue::Portuguese => (
            format!(
                "{hello} Lembrete de {clinic}: você tem horário com {practitioner}: {when}. \
                 Responda 1 para confirmar ou 2 para cancelar."
            ),
            format!("Lembrete: {when}"),
        ),
        Tongue::English => (
            format!(
                "{hello} A reminder from {clinic}: you have an appointment with {practitioner}: {when}. \
                 Reply 1 to confirm or 2 to cancel."
            ),
            format!("Reminder: {when}"),
        ),
    };
    let name = name.unwrap_or(&facts.contact_name).to_owned();
    Words {
        text,
        subject,
        parameters: vec![name, when, practitioner.clone(), clinic.clone()],
    }
}

/// The words of an offer of free time.
pub(super) fn offer(facts: &OfferFacts) -> Words {
    let tongue = Tongue::of(&facts.locale);
    let name = called(&facts.contact_name, facts.contact_social_name.as_deref());
    let when = tongue.moment(facts.starts_at.local_in(facts.zone));
    let until = tongue.moment(facts.expires_at.local_in(facts.zone));
    let (practitioner, clinic) = (&facts.practitioner_name, &facts.clinic_name);
    let hello = tongue.greeting(name);
    let (text, subject) = match tongue {
        Tongue::Portuguese => (
            format!(
                "{hello} Abriu um horário em {clinic} com {practitioner}: {when}. Responda 1 para aceitar ou 2 para \
                 recusar. O horário fica reservado para você até {until}."
            ),
            format!("Horário livre: {when}"),
        ),
        Tongue::English => (
            format!(
                "{hello} A time has become free at {clinic} with {practitioner}: {when}. Reply 1 to take it or 2 to \
                 decline. It is kept for you until {until}."
            ),
            format!("A free time: {when}"),
        ),
    };
    let name = name.unwrap_or(&facts.contact_name).to_owned();
    Words {
        text,
        subject,
        parameters: vec![name, when, practitioner.clone(), clinic.clone(), until],
    }
}

/// What is said to a reply that was followed; `visit` is the appointment that it is about, where there is one.
pub(super) fn answered(voice: &Voice, answered: Answered, visit: Option<&VisitFacts>) -> String {
    let tongue = Tongue::of(&voice.locale);
    let what = visit.map_or_else(String::new, |visit| spoken(tongue, visit, voice.zone));
    match (tongue, answered) {
        (Tongue::Portuguese, Answered::Confirmed(_)) => format!("Obrigado! Seu horário está confirmado{what}."),
        (Tongue::Portuguese, Answered::Cancelled(_)) => {
            format!("Seu horário foi cancelado{what}. Obrigado por avisar.")
        }
        (Tongue::Portuguese, Answered::WantsAnotherTime(_)) => {
            "Certo! Nossa equipe vai falar com você para encontrar outro horário.".to_owned()
        }
        (Tongue::Portuguese, Answered::OfferAccepted(..)) => format!("Combinado! Seu horário está marcado{what}."),
        (Tongue::Portuguese, Answered::OfferDeclined(_)) => {
            "Tudo bem, obrigado por avisar. Você continua na lista de espera.".to_owned()
        }
        (Tongue::Portuguese, Answered::OfferGone(_)) => {
            "Que pena, esse horário já não está disponível. Você continua na lista de espera, e avisaremos quando \
             surgir outro."
                .to_owned()
        }
        (Tongue::English, Answered::Confirmed(_)) => format!("Thank you! Your appointment is confirmed{what}."),
        (Tongue::English, Answered::Cancelled(_)) => {
            format!("Your appointment is cancelled{what}. Thank you for telling us.")
        }
        (Tongue::English, Answered::WantsAnotherTime(_)) => {
            "All right! Our team will get in touch with you to find another time.".to_owned()
        }
        (Tongue::English, Answered::OfferAccepted(..)) => format!("Done! Your appointment is booked{what}."),
        (Tongue::English, Answered::OfferDeclined(_)) => {
            "All right, thank you for telling us. You stay on the waiting list.".to_owned()
        }
        (Tongue::English, Answered::OfferGone(_)) => {
            "We are sorry, that time is no longer free. You stay on the waiting list, and we will tell you of the next."
                .to_owned()
        }
    }
}

/// When and with whom, to be put behind a sentence.
fn spoken(tongue: Tongue, visit: &VisitFacts, zone: Zone) -> String {
    let when = tongue.moment(Timestamp::local_in(visit.starts_at, zone));
    match tongue {
        Tongue::Portuguese => format!(": {when}, com {}", visit.practitioner_name),
        Tongue::English => format!(": {when}, with {}", visit.practitioner_name),
    }
}

#[cfg(test)]
mod tests {
    use kernel::{AppointmentId, ContactId, ReminderId, WaitlistOfferId};
    use uuid::Uuid;

    use super::*;

    fn facts(locale: &str, name: &str) -> ReminderFacts {
        ReminderFacts {
            reminder_id: ReminderId::from_uuid(Uuid::max()),
            appointment_id: AppointmentId::from_uuid(Uuid::max()),
            contact_id: ContactId::from_uuid(Uuid::max()),
            contact_name: name.to_owned(),
            contact_social_name: None,
            practitioner_name: "Beatriz Lima".to_owned(),
            service_name: Some("Exame de HIV".to_owned()),
            room_name: None,
            clinic_name: "Clínica Aurora".to_owned(),
            starts_at: "2026-11-24T12:00:00Z".parse().unwrap(),
            lead_minutes: 120,
            channel: appointments::reminders::Channel::Preferred,
            zone: "America/Sao_Paulo".parse().unwrap(),
            locale: locale.to_owned(),
        }
    }

    #[test]
    fn a_reminder_speaks_the_clinics_language_on_the_clinics_clock() {
        let words = reminder(&facts("pt-BR", "Maria Silva"));
        assert_eq!(
            words.text,
            "Olá, Maria! Lembrete de Clínica Aurora: você tem horário com Beatriz Lima: terça-feira, 24/11/2026, às 09:00. \
             Responda 1 para confirmar ou 2 para cancelar."
        );
        assert_eq!(
            words.parameters,
            [
                "Maria",
                "terça-feira, 24/11/2026, às 09:00",
                "Beatriz Lima",
                "Clínica Aurora"
            ]
        );
        let words = reminder(&facts("en-US", "Maria Silva"));
        assert!(
            words.text.starts_with("Hello, Maria! A reminder from Clínica Aurora"),
            "{}",
            words.text
        );
        assert!(
            words.text.contains("Tuesday, 24 November 2026, at 09:00"),
            "{}",
            words.text
        );
        assert!(
            words.text.ends_with("Reply 1 to confirm or 2 to cancel."),
            "{}",
            words.text
        );
    }

    #[test]
    fn what_it_is_for_is_not_said_and_a_number_is_no_name() {
        let words = reminder(&facts("pt-BR", "(71) 98123-4567"));
        assert!(words.text.starts_with("Olá! "), "{}", words.text);
        assert!(!words.text.contains("HIV"));
        assert_eq!(words.parameters.first().map(String::as_str), Some("(71) 98123-4567"));
        let wanted = ReminderFacts {
            contact_social_name: Some("Bia Reis".to_owned()),
            ..facts("pt-BR", "Paulo Reis")
        };
        assert!(reminder(&wanted).text.starts_with("Olá, Bia!"));
    }

    #[test]
    fn every_answer_has_words_in_both_languages() {
        let (offer, visit) = (
            WaitlistOfferId::from_uuid(Uuid::max()),
            AppointmentId::from_uuid(Uuid::max()),
        );
        let facts = VisitFacts {
            starts_at: "2026-11-24T12:00:00Z".parse().unwrap(),
            practitioner_name: "Beatriz Lima".to_owned(),
        };
        let mut said = std::collections::BTreeSet::new();
        for locale in ["pt-BR", "en-US"] {
            let voice = Voice {
                zone: "America/Sao_Paulo".parse().unwrap(),
                locale: locale.to_owned(),
            };
            for answer in [
                Answered::Confirmed(visit),
                Answered::Cancelled(visit),
                Answered::WantsAnotherTime(visit),
                Answered::OfferAccepted(offer, visit),
                Answered::OfferDeclined(offer),
                Answered::OfferGone(offer),
            ] {
                said.insert(answered(&voice, answer, Some(&facts)));
            }
        }
        assert_eq!(said.len(), 12);
        assert!(
            said.contains(
                "Obrigado! Seu horário está confirmado: terça-feira, 24/11/2026, às 09:00, com Beatriz Lima."
            )
        );
    }
}
