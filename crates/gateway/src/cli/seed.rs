//! `taskmed seed-demo`: the demo clinics, on a developer's machine only.

use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, say, session};
use crate::config::Environment;
use crate::demo;

pub(super) fn run() -> Result<(), Failure> {
    session::with_database(async |shared, db| {
        if shared.config().environment == Environment::Production {
            return Err(Failure::usage(
                "demo data is for development: its passwords are known to everybody (TASKMED_ENVIRONMENT=development)",
            ));
        }
        for clinic in demo::CLINICS {
            let bar = ProgressBar::new(0).with_style(style());
            bar.set_message(clinic.slug);
            let made = demo::seed(&db, &shared, clinic, |done, of| {
                bar.set_length(of);
                bar.set_position(done);
            })
            .await
            .map_err(|error| Failure::failed(format!("the demo clinic {} could not be made: {error}", clinic.slug)))?;
            bar.finish_and_clear();
            say(format_args!(
                "{}: {} people, {} appointments and {} conversations added",
                clinic.slug, made.contacts, made.appointments, made.conversations
            ));
        }
        Ok(())
    })
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:>12} {wide_bar} {pos}/{len} days")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
