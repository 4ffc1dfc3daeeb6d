//! `taskmed user`: makes people who sign in, and ways back in for those who lost their password.

use auth::InvitationToken;
use clap::Subcommand;
use clinics::provision::{NewMember, create_user_with_membership, issue_password_reset};
use kernel::Role;
use kernel::email::EmailAddress;
use kernel::text::{PersonName, Slug};
use secrecy::ExposeSecret;

use super::{Failure, say, session};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Gives a person a place in a clinic, and prints the secret by which they set their password.
    Create {
        /// The clinic's slug.
        #[arg(long)]
        clinic: Slug,
        /// The e-mail to sign in with.
        #[arg(long)]
        email: EmailAddress,
        /// The person's name.
        #[arg(long)]
        name: PersonName,
        /// The roles, separated by commas: owner, admin, practitioner, receptionist, billing, auditor.
        #[arg(long, value_delimiter = ',', default_value = "owner")]
        roles: Vec<Role>,
    },
    /// Prints the secret by which a person sets a new password: the way back in for an owner.
    ResetPassword {
        /// The e-mail they sign in with.
        #[arg(long)]
        email: EmailAddress,
    },
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create {
            clinic,
            email,
            name,
            roles,
        } => create(clinic, email, name, roles),
        Command::ResetPassword { email } => session::with_database(async |_shared, db| print_reset(&db, &email).await),
    }
}

fn create(clinic: Slug, email: EmailAddress, name: PersonName, roles: Vec<Role>) -> Result<(), Failure> {
    session::with_database(async |shared, db| {
        let clinic = session::clinic_named(&db, clinic).await?.id;
        // A secret that nobody is told: the person sets their own by the one printed below.
        let password = InvitationToken::generate(clinic).map_err(Failure::failed)?.reveal();
        let new = NewMember {
            email: email.clone(),
            name,
            password,
            roles,
        };
        let passwords = shared.accounts().passwords();
        let made = create_user_with_membership(&db, passwords, clinic, &new)
            .await
            .map_err(Failure::failed)?;
        if made.had_account {
            say(format_args!(
                "{email} has an account already and signs in with its own password"
            ));
            return Ok(());
        }
        say(format_args!("made the account {email}"));
        print_reset(&db, &email).await
    })
}

async fn print_reset(db: &db::Db, email: &EmailAddress) -> Result<(), Failure> {
    let secret = issue_password_reset(db, email).await.map_err(Failure::failed)?;
    say("They set their password with this secret, once, by POST /v1/auth/password-resets/complete:");
    say(secret.expose_secret());
    Ok(())
}
