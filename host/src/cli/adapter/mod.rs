//! `byway adapter`: for those who write adapters, and those who consider using one.

mod given_config;
mod inspect;
mod page;

use clap::Subcommand;

use super::Session;
use super::failure::Failure;

/// Look at an adapter: what it is, what it needs
#[derive(Debug, clap::Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  byway adapter inspect builtin:webhook
  byway adapter inspect ./mine.wasm --adapter-config 'url = \"https://example.org/hook\"'"
)]
pub(super) struct Adapter {
    #[command(subcommand)]
    verb: AdapterVerb,
}

#[derive(Debug, Subcommand)]
enum AdapterVerb {
    Inspect(inspect::Inspect),
}

impl Adapter {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        match self.verb {
            AdapterVerb::Inspect(verb) => verb.run(session.terminal),
        }
    }
}
