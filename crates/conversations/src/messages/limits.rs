//! What a channel does not take in one message is refused when the message is written.

use kernel::FieldErrors;

use super::send::{Draft, DraftContent};
use crate::channels::ChannelKind;

/// Refuses a draft that `channel` would not take: all that is too much of it at once. A note never leaves, and has no other limits
/// than its own.
///
/// # Errors
/// `too_long` at `/body`, `too_many` at `/attachment_ids`.
pub(super) fn check(channel: ChannelKind, draft: &Draft) -> Result<(), FieldErrors> {
    let limits = channel.limits();
    let files = draft.attachments.len();
    let (words, most_files) = match &draft.content {
        DraftContent::Note(_) => return Ok(()),
        DraftContent::Text(text) => (text.as_str(), limits.files),
        DraftContent::Media => ("", limits.files),
        // What WhatsApp approved is no longer than it takes.
        DraftContent::Template { .. } => ("", limits.files_with_template),
    };
    let mut errors = FieldErrors::new();
    let (most_chars, beside) = if files > 0 {
        (limits.caption, " beside a file")
    } else {
        (limits.text, "")
    };
    if words.chars().count() > most_chars {
        let message = format!("by {channel} a message has at most {most_chars} characters{beside}");
        errors.push("/body", "too_long", message);
    }
    if files > most_files {
        let message = match most_files {
            0 => format!("by {channel} no files go with a template"),
            1 => format!("by {channel} a message has one file"),
            most => format!("by {channel} a message has at most {most} files"),
        };
        errors.push("/attachment_ids", "too_many", message);
    }
    errors.finish(Some(()))
}

#[cfg(test)]
mod tests {
    use kernel::MessageAttachmentId;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::model::MessageText;
    use super::*;

    fn draft(content: DraftContent, files: usize) -> Draft {
        Draft {
            attachments: vec![MessageAttachmentId::from_uuid(Uuid::nil()); files],
            ..Draft::of(content)
        }
    }

    fn faults(channel: ChannelKind, content: DraftContent, files: usize) -> Vec<String> {
        match check(channel, &draft(content, files)) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.iter().map(|error| error.pointer.clone()).collect(),
        }
    }

    proptest! {
        #[test]
        fn whatsapp_takes_what_its_documentation_says(chars in 1..10_000_usize, files in 0..4_usize) {
            // Characters, however many bytes each has.
            let text = || MessageText::parse(&"ã".repeat(chars)).unwrap();
            let found = faults(ChannelKind::Whatsapp, DraftContent::Text(text()), files);
            let is_long = chars > if files == 0 { 4_096 } else { 1_024 };
            prop_assert_eq!(found.contains(&"/body".to_owned()), is_long);
            prop_assert_eq!(found.contains(&"/attachment_ids".to_owned()), files > 1);
            for other in [ChannelKind::Email, ChannelKind::Webchat] {
                prop_assert!(faults(other, DraftContent::Text(text()), files).is_empty());
            }
            prop_assert!(faults(ChannelKind::Whatsapp, DraftContent::Note(text()), files).is_empty());
        }
    }
}
