//! byway against the real OpenClaw gateway: what is claimed of it in `docs/adapters` is provoked, and compared
//! with what happens.
//!
//! A real gateway from npm runs on loopback with a model that gives fixed answers and counts what it was
//! asked, so "one message is one turn" is counted where it matters. A byway runs beside it, killed now and then; and where
//! messages go from one instance to another, a second gateway, with a model and a byway of its own. Each transport has a
//! file with its rows; a new transport is a new file and a line in [`PARTS`].
//!
//! Not a part of the tests, because it installs 800 MB and takes minutes. It is bounded in time, and whatever
//! it starts ends with it. The adapters' recorded frames (`tests/cases/gateway-…`, `tests/cases/node-…`) are what every
//! test run has.

mod across;
mod chain;
mod example;
mod gateway;
mod model;
mod node;
mod nodes_run;
mod presets;
mod relay;
mod runtime;
mod sessions_send;
mod sshd;
mod table;
mod wire;
mod world;

use std::fs;
use std::time::Duration;

use crate::build;
use crate::demo;
use crate::demo::deadline::Deadline;
use crate::failure::{Doing, Failure, Result};
use crate::layout::Layout;
use crate::terminal::{say, time};

use runtime::Runtime;
use world::World;

/// How long all rows together may take, the installation apart.
const WHOLE_MAY_TAKE: Duration = Duration::from_secs(40 * 60);

/// A part of the table. Each starts the gateways that it needs and ends them, so that any of them can be had alone.
type Part = (&'static str, fn(&mut World) -> Result<()>);

const PARTS: [Part; 5] = [
    ("sessions-send", sessions_send::prove),
    ("nodes-run", with_a_node),
    ("presets", presets::prove),
    ("chain", chain::prove),
    ("across", across::prove),
];

fn with_a_node(world: &mut World) -> Result<()> {
    let (program, runtime, folder) = world.ground();
    nodes_run::prove(world, &program, &runtime, &folder)
}

/// Builds and installs what is needed, and fills the table, or only these parts of it.
pub(crate) fn prove(layout: &Layout, only: &[String]) -> Result<()> {
    if let Some(unknown) = only
        .iter()
        .find(|name| PARTS.iter().all(|(part, _)| part != name))
    {
        let known: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        return Err(Failure::new(format!("there is no part `{unknown}`"))
            .fix(format!("name one of {}", known.join(", "))));
    }
    let parts = PARTS
        .iter()
        .filter(|(name, _)| only.is_empty() || only.iter().any(|wanted| wanted == name));
    let program = build::build(layout)?;
    let home = layout.target.join("openclaw");
    say("==> OpenClaw");
    let runtime = Runtime::install(&home)?;
    let folder = demo::throw_away_folder(&home.join("runs"))?;
    let deadline = Deadline::in_time(WHOLE_MAY_TAKE);
    let kept = format!("the configurations and logs are in {}", folder.display());
    let proved = World::new(
        &program,
        &runtime,
        &layout.root.join("examples"),
        &folder,
        deadline,
    )
    .and_then(|mut world| {
        for (_, part) in parts {
            part(&mut world)?;
        }
        world.table.verdict()
    });
    say(format!("    it took {}", time(deadline.so_far())));
    proved.map_err(|failure| failure.within(format_args!("the proof failed ({kept})")))?;
    fs::remove_dir_all(&folder).doing(format_args!("remove {}", folder.display()))
}
