//! What happens to every request around its endpoint, outermost first: [`observe`], [`guard`], then, under `/v1`,
//! [`authenticate`].

mod authenticate;
mod guard;
mod observe;

pub use authenticate::authenticate;
pub use guard::{GuardConfig, guard};
pub use observe::observe;
