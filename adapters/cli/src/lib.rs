//! Carries a message by running a command that the operator named: `ssh … byway accept`, a gateway's own
//! program, a script.
//!
//! It promises to run the command once for each attempt, to put a message only where the operator
//! said, and to call an attempt failed only where the exit code or the output says so.
//! `docs/adapters/cli.md` is its manual.

mod check;
mod config;
mod input;
mod judge;

use byway_adapter::command::{self, Ending, Input};
use byway_adapter::template::Values;
use byway_adapter::{
    Adapter, Attempt, Description, Envelope, Failure, Finding, Needs, Problems, Readiness, Receipt,
};

use config::Config;

struct Cli;

impl Adapter for Cli {
    type Config = Config;

    fn describe() -> Description {
        Description {
            name: "cli".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "A command that the operator named, such as ssh into another byway.".to_owned(),
            config_schema: include_str!("../config-schema.json").to_owned(),
            max_data_bytes: None,
            idempotent: false,
            owner: false,
        }
    }

    fn check(config: &Config) -> Result<Needs, Problems> {
        check::check(config)
    }

    fn probe(config: &Config) -> Readiness {
        Readiness::from_findings(vec![match &config.probe_command {
            None => Finding::good("command", "Not tried: the configuration has no `probe_command`."),
            Some(name) => probe(name),
        }])
    }

    fn send(config: &Config, envelope: &Envelope, attempt: &Attempt) -> Result<Receipt, Failure> {
        let values = Values::of_attempt(envelope, attempt);
        let parameters = input::parameters(config, &values)?;
        let stdin = input::stdin(config, envelope)?;
        let output = command::run(&config.command, &parameters, &stdin)?;
        judge::judge(config, &output)
    }
}

fn probe(name: &str) -> Finding {
    let line = format!("command {name}");
    let look = || "Run the command by hand, as byway's user.".to_owned();
    match command::run(name, &[], &Input::Nothing) {
        Ok(output) if output.ending == Ending::Exited(0) => Finding::good(line, "It ran, and exited 0."),
        Ok(output) => Finding::bad(line, judge::how_it_ended(name, &output), look()),
        Err(failure) => Finding::bad(line, failure.message, failure.fix.unwrap_or_else(look)),
    }
}

byway_adapter::export!(Cli);
