//! Reports on what became of a mail (RFC 3464): which one, for whom, and why.

use kernel::email::EmailAddress;

use crate::message_id::MessageId;

/// The most recipients that are read of one report.
const MAX_RECIPIENTS: usize = 100;

/// The longest explanation that is kept.
const MAX_CHARS: usize = 500;

/// What became of a mail that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bounce {
    /// The mail, when the report brings its headers along.
    pub original: Option<MessageId>,
    /// For whom what happened; empty when a server said it in prose only.
    pub recipients: Vec<BouncedRecipient>,
}

impl Bounce {
    /// Whether the mail will not reach somebody: for a report without details this is taken for granted.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.recipients.is_empty() || self.recipients.iter().any(|one| one.action == BounceAction::Failed)
    }

    /// Whether it says that the mail will not reach `address`. A report may come from anybody who knows the id of the mail: one that
    /// does not name the address that the mail went to proves nothing of it. Which a server without details leaves out.
    #[must_use]
    pub fn has_failed_for(&self, address: &EmailAddress) -> bool {
        let mut named = self.recipients.iter().filter(|one| one.address.is_some()).peekable();
        if named.peek().is_none() {
            return self.has_failed();
        }
        named.any(|one| one.action == BounceAction::Failed && one.address.as_ref() == Some(address))
    }
}

/// What a server did for one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BounceAction {
    /// It gave up.
    Failed,
    /// It still tries.
    Delayed,
    /// It delivered, or passed on to one that reports no more.
    Delivered,
}

/// What became of a mail for one recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct BouncedRecipient {
    /// The recipient.
    pub address: Option<EmailAddress>,
    /// What the server did.
    pub action: BounceAction,
    /// The status code (RFC 3463), such as `5.1.1`.
    pub status: Option<String>,
    /// The server's words; they quote addresses.
    pub explanation: Option<String>,
}

impl std::fmt::Debug for BouncedRecipient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("BouncedRecipient")
            .field("action", &self.action)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The recipients in the fields of a report: groups of lines, the first of which is about the mail as a whole.
pub(super) fn recipients(report: &str) -> Vec<BouncedRecipient> {
    let unix = report.replace("\r\n", "\n");
    unix.split("\n\n")
        .filter_map(|group| recipient(&fields(group)))
        .take(MAX_RECIPIENTS)
        .collect()
}

fn recipient(fields: &[(String, String)]) -> Option<BouncedRecipient> {
    let field = |name: &str| {
        fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    };
    let action = match field("action")?.to_lowercase().as_str() {
        "delayed" => BounceAction::Delayed,
        "delivered" | "relayed" | "expanded" => BounceAction::Delivered,
        _ => BounceAction::Failed,
    };
    let address = field("original-recipient")
        .or_else(|| field("final-recipient"))
        .map(|value| value.rsplit_once(';').map_or(value, |(_, address)| address))
        .and_then(|address| EmailAddress::parse(address.trim().trim_matches(['<', '>'])).ok());
    let status = field("status")
        .and_then(|status| status.split_whitespace().next())
        .filter(|status| status.len() <= 11 && status.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
        .map(str::to_owned);
    let explanation = field("diagnostic-code").map(|code| {
        let words = code.split_once(';').map_or(code, |(_, words)| words);
        words.trim().chars().take(MAX_CHARS).collect()
    });
    Some(BouncedRecipient {
        address,
        action,
        status,
        explanation,
    })
}

/// The fields of a group, names in lower case, continued lines joined.
fn fields(group: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in group.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_recipient_has_what_happened_and_why() {
        let report = "Reporting-MTA: dns; mail.aurora.example\r\nArrival-Date: Tue, 24 Nov 2026 09:00:00 -0300\r\n\r\n\
            Final-Recipient: rfc822; Maria@Example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\
            Diagnostic-Code: smtp; 550 5.1.1 no such\r\n mailbox here\r\n\r\n\
            Final-Recipient: rfc822;joao@example.com\r\nAction: delayed\r\nStatus: 4.4.1 (timeout)\r\n";
        let found = recipients(report);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].address, EmailAddress::parse("maria@example.com").ok());
        assert_eq!(found[0].action, BounceAction::Failed);
        assert_eq!(found[0].status.as_deref(), Some("5.1.1"));
        assert_eq!(found[0].explanation.as_deref(), Some("550 5.1.1 no such mailbox here"));
        assert_eq!(found[1].action, BounceAction::Delayed);
        assert_eq!(found[1].status.as_deref(), Some("4.4.1"));
        let bounce = |recipients: &[BouncedRecipient]| Bounce {
            original: None,
            recipients: recipients.to_vec(),
        };
        assert!(bounce(&found).has_failed());
        assert!(!bounce(&found[1..]).has_failed());
    }
}
