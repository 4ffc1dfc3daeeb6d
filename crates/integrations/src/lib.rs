//! What other systems hear: webhooks and the feed of events.
