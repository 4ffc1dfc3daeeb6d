//! The web chat, as the pages of a clinic use it for their visitors: open to all who hold the inbox's token, which is public.
//!
//! A visitor is known by a secret that the server makes and the page keeps. Nothing is stored before they say something; their
//! first words make a lead. What they say of themselves is noted and never taken as proof of who they are, so that nobody reads
//! another one's messages by naming their address.

mod chat;
mod http;
mod views;

pub(super) use http::routes;
