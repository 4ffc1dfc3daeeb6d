//! Invents conversations with people that there are: who wrote what when. The same seed gives the same ones.

use chrono::TimeDelta;
use kernel::{ContactId, ConversationId, InboxId, MessageId, Timestamp};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::vitoria::invented;

/// The inboxes of a clinic: channel and name.
pub const INBOXES: [(&str, &str); 4] = [
    ("whatsapp", "Recepção"),
    ("whatsapp", "Exames"),
    ("whatsapp", "Farmácia"),
    ("webchat", "Página"),
];

/// Conversations began within so many days.
pub const DAYS: i64 = 60;

/// A talk lasts so many hours at most.
const MOST_HOURS: i64 = 36;

/// What people write.
const ASKED: &[&str] = &[
    "Bom dia! Queria remarcar o retorno, pode ser na semana que vem?",
    "Boa tarde, o resultado do exame já está pronto?",
    "Vou me atrasar uns dez minutos, tudo bem?",
    "Preciso de uma segunda via da receita, por favor.",
    "Minha mãe também é paciente de vocês, posso marcar para ela?",
    "Obrigada!",
    "Ok, combinado. Até lá.",
    "Qual o preparo para o exame de sangue? Precisa de jejum de quantas horas?",
    "Vocês atendem no sábado?",
    "Sim",
];

/// What the clinic answers.
const ANSWERED: &[&str] = &[
    "Bom dia! Claro, temos horário na terça às 9h ou na quinta às 15h. Qual fica melhor?",
    "Já está pronto, sim. Pode retirar na recepção das 8h às 18h.",
    "Sem problema, esperamos por você.",
    "A receita fica pronta amanhã depois das 14h. É preciso trazer um documento com foto.",
    "Pode, sim. Qual o nome completo e a data de nascimento dela?",
    "De nada! Qualquer coisa é só chamar.",
    "Marcado! Um dia antes mandamos um lembrete por aqui.",
    "São oito horas de jejum; água pode. Traga o pedido médico e a carteirinha.",
    "No sábado atendemos das 8h às 12h, somente com hora marcada.",
];

/// Somebody who writes.
#[derive(Debug, Clone)]
pub struct Person {
    /// The id.
    pub id: ContactId,
    /// The phone.
    pub phone: Option<String>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id.
    pub id: MessageId,
    /// Whether the person wrote it.
    pub is_inbound: bool,
    /// What it says.
    pub body: String,
    /// When it was written.
    pub sent_at: Timestamp,
}

/// A conversation with its messages, of which there is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The id.
    pub id: ConversationId,
    /// In which inbox.
    pub inbox: InboxId,
    /// With whom.
    pub contact: ContactId,
    /// The person's phone.
    pub address: Option<String>,
    /// `open`, `pending` or `resolved`.
    pub status: &'static str,
    /// Whether somebody looks after it.
    pub is_assigned: bool,
    /// When it began.
    pub begun_at: Timestamp,
    /// What was said, the first first.
    pub messages: Vec<Message>,
}

/// How much is invented.
#[derive(Debug, Clone, Copy)]
pub struct Amounts {
    /// Conversations.
    pub conversations: usize,
    /// Messages of all of them, or nearly so many.
    pub messages: usize,
}

/// Inboxes and what is in them.
#[derive(Debug)]
pub struct Talks {
    /// One of each of [`INBOXES`].
    pub inboxes: Vec<InboxId>,
    /// In no order.
    pub conversations: Vec<Conversation>,
}

impl Talks {
    /// Conversations of `people`, that began before `now`: a fifth are open, of those with somebody who has one already none is.
    /// One in twelve is long. None without people.
    #[must_use]
    pub fn invent(people: &[Person], amounts: Amounts, seed: u64, now: Timestamp) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let first = now.saturating_add(-TimeDelta::days(DAYS));
        let inboxes: Vec<_> = INBOXES
            .iter()
            .map(|_inbox| InboxId::from_uuid(invented::id(first, &mut random)))
            .collect();
        // How many messages each has, as parts of all.
        let parts: Vec<usize> = (0..amounts.conversations)
            .map(|_| {
                if random.random_ratio(1, 12) {
                    32
                } else {
                    random.random_range(3..=12)
                }
            })
            .collect();
        let all: usize = parts.iter().sum();
        let with = people.iter().map(Some).cycle().zip(parts).enumerate();
        let conversations = with.filter_map(|(number, (person, part))| {
            let messages = (amounts.messages * part).checked_div(all)?.max(1);
            let is_first = number < people.len();
            conversation(person?, &inboxes, messages, is_first, now, &mut random)
        });
        Self {
            conversations: conversations.collect(),
            inboxes,
        }
    }

    /// How many messages there are.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.conversations.iter().map(|talk| talk.messages.len()).sum()
    }
}

fn conversation(
    person: &Person,
    inboxes: &[InboxId],
    messages: usize,
    is_first: bool,
    now: Timestamp,
    random: &mut StdRng,
) -> Option<Conversation> {
    let age = random.random_range(TimeDelta::hours(1).num_milliseconds()..TimeDelta::days(DAYS).num_milliseconds());
    let begun_at = now.saturating_add(-TimeDelta::milliseconds(age));
    let lasted = random.random_range(1..=age.min(TimeDelta::hours(MOST_HOURS).num_milliseconds()));
    let status = match random.random_range(0..20_u8) {
        0..4 if is_first => "open",
        4 if is_first => "pending",
        _ => "resolved",
    };
    let messages = (0..messages).map(|number| message(number, messages, begun_at, lasted, random));
    let messages: Vec<_> = messages.collect();
    Some(Conversation {
        id: ConversationId::from_uuid(invented::id(begun_at, random)),
        inbox: *inboxes.choose(random)?,
        contact: person.id,
        address: person.phone.clone(),
        status,
        is_assigned: random.random_bool(0.5),
        begun_at,
        messages,
    })
}

/// The message number `number` of `all`, spread evenly over the time that the talk `lasted`.
fn message(number: usize, all: usize, begun_at: Timestamp, lasted: i64, random: &mut StdRng) -> Message {
    let place = |place: usize| i64::try_from(place).unwrap_or(i64::MAX);
    let since = lasted.saturating_mul(place(number)) / place(all).max(1);
    let sent_at = begun_at.saturating_add(TimeDelta::milliseconds(since));
    // The person begins.
    let is_inbound = number == 0 || random.random_bool(0.5);
    let said = if is_inbound { ASKED } else { ANSWERED };
    Message {
        id: MessageId::from_uuid(invented::id(sent_at, random)),
        is_inbound,
        body: (*said.choose(random).unwrap_or(&"Sim")).to_owned(),
        sent_at,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn people(count: usize) -> Vec<Person> {
        let person = |_| Person {
            id: ContactId::new_at(now()),
            phone: Some("+5527999990000".to_owned()),
        };
        (0..count).map(person).collect()
    }

    proptest! {
        #[test]
        fn what_is_invented_fits_the_tables(people_there in 0..40_usize, conversations in 0..60_usize, messages in 0..900_usize, seed: u64) {
            let people = people(people_there);
            let talks = Talks::invent(&people, Amounts { conversations, messages }, seed, now());
            prop_assert_eq!(talks.conversations.len(), if people_there == 0 { 0 } else { conversations });
            prop_assert!(talks.messages() <= messages.max(conversations) + conversations);
            let mut unresolved = HashSet::new();
            for talk in &talks.conversations {
                prop_assert!(talk.status == "resolved" || unresolved.insert(talk.contact), "two talks with one person");
                prop_assert!(talks.inboxes.contains(&talk.inbox));
                let times: Vec<_> = talk.messages.iter().map(|message| message.sent_at).collect();
                prop_assert!(times.is_sorted() && times.first() == Some(&talk.begun_at) && times.last() < Some(&now()));
                prop_assert!(talk.messages[0].is_inbound);
            }
        }
    }

    #[test]
    fn one_seed_gives_the_same_talks_of_which_some_are_long() {
        let people = people(100);
        let amounts = Amounts {
            conversations: 200,
            messages: 4_000,
        };
        let talks = |seed| Talks::invent(&people, amounts, seed, now()).conversations;
        assert_eq!(talks(7), talks(7));
        assert_ne!(talks(7), talks(8));
        assert!(talks(7).iter().any(|talk| talk.messages.len() > 50));
        let all: usize = talks(7).iter().map(|talk| talk.messages.len()).sum();
        assert!((3_700..=4_000).contains(&all), "{all}");
    }
}
