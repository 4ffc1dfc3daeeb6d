//! `bare`: serves files and nothing else.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use loadtests::bare;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The directory whose files are served by name, read once at the start.
    directory: PathBuf,
    /// Where: address:port.
    #[arg(long)]
    listen: SocketAddr,
    /// Worker threads; as many as the gateway has.
    #[arg(long)]
    workers: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), String> {
    let directory = arguments.directory.display();
    let answers = bare::answers(&arguments.directory).map_err(|error| format!("{directory}: {error}"))?;
    actix_web::rt::System::new()
        .block_on(bare::serve(answers, arguments.listen, arguments.workers))
        .map_err(|error| format!("cannot serve on {}: {error}", arguments.listen))
}
