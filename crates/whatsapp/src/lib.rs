//! A client of the WhatsApp Cloud API: messages out, webhooks in.
