//! `taskmed clinic`: makes clinics.

use clap::Subcommand;
use clinics::provision::{NewClinic, create_clinic};
use kernel::Zone;
use kernel::documents::Cnpj;
use kernel::money::Currency;
use kernel::text::{Label, Slug};

use super::{Failure, say, session};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a clinic with its own data key. Give it an owner next: `taskmed user create`.
    Create {
        /// Its short name, such as `aurora`: lower-case letters, digits, hyphens.
        #[arg(long)]
        slug: Slug,
        /// Its name, as its patients know it.
        #[arg(long)]
        name: Label,
        /// Its name in the register of companies; as NAME when not given.
        #[arg(long)]
        legal_name: Option<Label>,
        /// Its CNPJ.
        #[arg(long)]
        cnpj: Option<Cnpj>,
        /// Its time zone.
        #[arg(long, default_value = "America/Sao_Paulo")]
        zone: Zone,
        /// Its language and region.
        #[arg(long, default_value = "pt-BR")]
        locale: clinics::clinic::Locale,
        /// Its currency (ISO 4217).
        #[arg(long, default_value = "BRL")]
        currency: Currency,
    },
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    let Command::Create {
        slug,
        name,
        legal_name,
        cnpj,
        zone,
        locale,
        currency,
    } = command;
    let new = NewClinic {
        slug,
        legal_name: legal_name.unwrap_or_else(|| name.clone()),
        trade_name: name,
        cnpj,
        zone,
        locale,
        currency,
    };
    session::with_database(async |shared, db| {
        let id = create_clinic(&db, shared.clinic_keys(), &new)
            .await
            .map_err(Failure::failed)?;
        say(format_args!("made the clinic {} ({id})", new.slug));
        Ok(())
    })
}
