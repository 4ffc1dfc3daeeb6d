//! Conversations: inboxes, threads, messages, and the channels that carry them.
