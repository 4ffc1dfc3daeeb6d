//! What the server knows, and what it makes of a message.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Failure;
use super::answers::{Refusal, refuse};

/// The id of the business number.
pub(super) const PHONE_NUMBER_ID: &str = "106540352242922";

/// What webhooks are signed with.
pub(super) const APP_SECRET: &str = "app-secret-of-the-tests";

/// So many of something in a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) most: usize,
    pub(super) window: Duration,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) token: String,
    /// Names and languages, with the number of blanks.
    pub(super) templates: HashMap<(String, String), usize>,
    pub(super) open_windows: HashSet<String>,
    pub(super) unknown: HashSet<String>,
    pub(super) rate: Option<Rate>,
    pub(super) pair_rate: Option<Rate>,
    pub(super) failures: VecDeque<Failure>,
    pub(super) mark_failures: VecDeque<Failure>,
    pub(super) taken: Vec<Value>,
    pub(super) marked_read: Vec<String>,
    pub(super) media: HashMap<String, (String, Vec<u8>)>,
    pub(super) spoiled: HashSet<String>,
    passed: Vec<(Instant, String)>,
    made: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            token: "EAAtoken".to_owned(),
            templates: HashMap::new(),
            open_windows: HashSet::new(),
            unknown: HashSet::new(),
            rate: None,
            pair_rate: None,
            failures: VecDeque::new(),
            mark_failures: VecDeque::new(),
            taken: Vec::new(),
            marked_read: Vec::new(),
            media: HashMap::new(),
            spoiled: HashSet::new(),
            passed: Vec::new(),
            made: 0,
        }
    }
}

impl State {
    fn next_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    pub(super) fn keep_media(&mut self, content_type: &str, bytes: &[u8]) -> String {
        let id = format!("{:016}", 1_000_000_000_000_000 + self.next_number());
        self.media.insert(id.clone(), (content_type.to_owned(), bytes.to_vec()));
        id
    }

    /// Takes a message, or says why not.
    pub(super) fn take(&mut self, mut message: Value) -> Result<Value, Refusal> {
        let person = recipient(&message)?;
        self.check_content(&message, &person)?;
        self.check_rates(&person)?;
        let wamid = format!("wamid.HBg{:012}", self.next_number());
        message["wamid"] = wamid.clone().into();
        self.taken.push(message);
        let contact = if person.contains('.') {
            serde_json::json!({"input": person, "user_id": person})
        } else {
            serde_json::json!({"input": person, "wa_id": wa_id(&person)})
        };
        Ok(serde_json::json!({
            "messaging_product": "whatsapp",
            "contacts": [contact],
            "messages": [{"id": wamid, "message_status": "accepted"}],
        }))
    }

    fn check_content(&self, message: &Value, person: &str) -> Result<(), Refusal> {
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        let reference = text("/biz_opaque_callback_data").unwrap_or_default();
        if reference.len() > 512 {
            return Err(refuse(
                400,
                100,
                "Invalid parameter",
                "biz_opaque_callback_data is too long",
            ));
        }
        let kind = text("/type").unwrap_or("text");
        if message.get(kind).is_none() {
            return Err(refuse(
                400,
                100,
                "Invalid parameter",
                "the object named by type is missing",
            ));
        }
        if self.unknown.contains(person) {
            return Err(refuse(400, 131_026, "Message undeliverable", "Message Undeliverable."));
        }
        match kind {
            "template" => {
                let name = text("/template/name").unwrap_or_default().to_owned();
                let language = text("/template/language/code").unwrap_or_default().to_owned();
                let Some(blanks) = self.templates.get(&(name, language)) else {
                    return Err(refuse(
                        404,
                        132_001,
                        "Template name does not exist in the translation",
                        "",
                    ));
                };
                let filled = message
                    .pointer("/template/components/0/parameters")
                    .and_then(Value::as_array)
                    .map_or(0, Vec::len);
                if filled == *blanks {
                    Ok(())
                } else {
                    Err(refuse(400, 132_000, "Number of parameters does not match", ""))
                }
            }
            _ if !self.open_windows.contains(person) => {
                let details =
                    "Message failed to send because more than 24 hours have passed since the customer last replied.";
                Err(refuse(400, 131_047, "Re-engagement message", details))
            }
            "text" => match text("/text/body") {
                Some(body) if (1..=4_096).contains(&body.chars().count()) => Ok(()),
                _ => Err(refuse(
                    400,
                    100,
                    "Invalid parameter",
                    "text.body must have 1 to 4096 characters",
                )),
            },
            "image" | "audio" | "video" | "document" | "sticker" => {
                let media = &message[kind];
                let id = media.get("id").and_then(Value::as_str);
                if media.get("link").is_some() || id.is_some_and(|id| self.media.contains_key(id)) {
                    Ok(())
                } else {
                    Err(refuse(400, 131_009, "Parameter value is not valid", "no such media"))
                }
            }
            _ => Err(refuse(400, 131_051, "Unsupported message type", "")),
        }
    }

    fn check_rates(&mut self, person: &str) -> Result<(), Refusal> {
        let now = Instant::now();
        let count = |rate: Rate, of: Option<&str>| {
            let recent = self
                .passed
                .iter()
                .filter(|(at, to)| now.duration_since(*at) < rate.window && of.is_none_or(|person| person == to));
            recent.count() >= rate.most
        };
        if self.rate.is_some_and(|rate| count(rate, None)) {
            return Err(refuse(
                400,
                130_429,
                "Rate limit hit",
                "Cloud API message throughput has been reached.",
            ));
        }
        if self.pair_rate.is_some_and(|rate| count(rate, Some(person))) {
            let details = "Too many messages sent from the sender phone number to the same recipient phone number.";
            return Err(refuse(
                400,
                131_056,
                "(Business Account, Consumer Account) pair rate limit hit",
                details,
            ));
        }
        self.passed.push((now, person.to_owned()));
        Ok(())
    }
}

fn recipient(message: &Value) -> Result<String, Refusal> {
    let text = |name: &str| message.get(name).and_then(Value::as_str);
    if text("messaging_product") != Some("whatsapp") {
        return Err(refuse(
            400,
            100,
            "Invalid parameter",
            "messaging_product must be whatsapp",
        ));
    }
    let phone = text("to").map(|to| to.trim_start_matches('+').to_owned());
    match (phone, text("recipient")) {
        (Some(phone), _) if (7..=15).contains(&phone.len()) && phone.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(phone)
        }
        (None, Some(user_id)) if user_id.contains('.') => Ok(user_id.to_owned()),
        _ => Err(refuse(
            400,
            131_009,
            "Parameter value is not valid",
            "the recipient is not valid",
        )),
    }
}

/// WhatsApp's own spelling: Brazilian accounts from before the ninth digit (area codes above 28) keep their eight digits.
fn wa_id(digits: &str) -> String {
    match digits.strip_prefix("55") {
        Some(national) if national.len() == 11 && national > "29" => {
            let (area, line) = national.split_at(2);
            let (_ninth, short) = line.split_at(1);
            format!("55{area}{short}")
        }
        _ => digits.to_owned(),
    }
}
