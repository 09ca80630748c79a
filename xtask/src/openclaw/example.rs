//! The configurations of `examples/openclaw`, with the real gateway put in for what stands there.
//!
//! What people copy is what is tried: only places, tokens and folders are others.

use std::path::Path;

use crate::failure::Result;

use super::gateway::Gateway;
use super::world::World;

/// Where an example's transports lead, and as whom.
#[derive(Debug)]
pub(crate) struct Places {
    /// The gateway's address, or another.
    pub(crate) gateway: String,
    /// The file of the gateway's token.
    pub(crate) token: String,
    /// The file of the hooks' token.
    pub(crate) hook_token: String,
    /// The file of the A2A peer's token.
    pub(crate) a2a_token: String,
    /// The gateway's own configuration, as its program finds it.
    pub(crate) openclaw_json: String,
    /// The folder of an agent's memory.
    pub(crate) memory: String,
    /// OpenClaw's program as the first arguments of a command.
    pub(crate) program: [String; 2],
    /// What of its environment makes that program find this gateway.
    pub(crate) environment: [(&'static str, String); 10],
}

impl Places {
    /// Those of the gateway that everything is tried at.
    pub(crate) fn right(world: &World) -> Result<Self> {
        Self::of(&world.gateway, world)
    }

    /// Those of this gateway.
    pub(crate) fn of(gateway: &Gateway, world: &World) -> Result<Self> {
        let environment = gateway.environment();
        let [.., (_, openclaw_json), _, _, _, _] = environment.clone();
        let name = gateway.name();
        Ok(Self {
            gateway: gateway.address().to_string(),
            token: world.secret(&format!("{name}-token"), gateway.token())?,
            hook_token: world.secret(&format!("{name}-hook-token"), gateway.hook_token())?,
            a2a_token: world.secret(&format!("{name}-a2a-token"), gateway.a2a_token())?,
            openclaw_json,
            memory: gateway.memory("beta").display().to_string(),
            program: gateway.program(),
            environment,
        })
    }

    /// The same with a token that nobody gave.
    pub(crate) fn stranger(world: &World) -> Result<Self> {
        let wrong = world.secret("wrong-token", &super::gateway::random_token()?)?;
        Ok(Self {
            token: wrong.clone(),
            hook_token: wrong.clone(),
            a2a_token: wrong,
            ..Self::right(world)?
        })
    }

    /// The same where nobody listens.
    pub(crate) fn nobody(world: &World) -> Result<Self> {
        Ok(Self {
            gateway: super::gateway::free_address()?.to_string(),
            openclaw_json: world.gateway.configuration_of_nobody()?.display().to_string(),
            ..Self::right(world)?
        })
    }
}

/// The instance that an example's transports are put beside.
pub(crate) fn instance(world: &World) -> String {
    format!(
        "[instance]\nname = \"a\"\ndata_dir = \"{}\"\n\n[api]\nlisten = \"127.0.0.1:0\"\n\n",
        world.data()
    )
}

/// The transports of an example, their names with this ending.
pub(crate) fn transports(world: &World, example: &str, ending: &str, places: &Places) -> Result<String> {
    let whole = world.example(example)?;
    let from = whole.find("[transports").unwrap_or_default();
    let to = whole.find("[[routes]]").unwrap_or(whole.len());
    let text: String = whole
        .get(from..to)
        .unwrap_or_default()
        .lines()
        .map(|line| format!("{}\n", renamed(line, ending)))
        .collect();
    let of_file = |path: &str| format!("file = \"{path}\"");
    Ok(put_in(&text, places)
        .replace("env = \"OPENCLAW_GATEWAY_TOKEN\"", &of_file(&places.token))
        .replace("env = \"OPENCLAW_HOOK_TOKEN\"", &of_file(&places.hook_token))
        .replace("env = \"OPENCLAW_A2A_TOKEN\"", &of_file(&places.a2a_token)))
}

/// Only these of an example's transports.
pub(crate) fn only(transports: &str, names: &[&str]) -> String {
    let wanted = |table: &&str| names.contains(&transport(table));
    tables(transports).filter(wanted).collect()
}

/// The tables of a text, each from its heading on.
pub(crate) fn tables(text: &str) -> impl Iterator<Item = &str> {
    let mut starts: Vec<usize> = text.match_indices("\n[").map(|(at, _)| at + 1).collect();
    starts.insert(0, 0);
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .filter_map(|(from, to)| text.get(from..to))
}

/// The transport that a table is about.
pub(crate) fn transport(table: &str) -> &str {
    let name = table.strip_prefix("[transports.").unwrap_or_default();
    name.split(['.', ']']).next().unwrap_or_default()
}

fn put_in(text: &str, places: &Places) -> String {
    let [node, program] = &places.program;
    // The program is to find this gateway and leave the person's own alone.
    let environment = places
        .environment
        .each_ref()
        .map(|(name, value)| match *name {
            "OPENCLAW_CONFIG_PATH" => format!("{name} = \"{}\"", places.openclaw_json),
            _ => format!("{name} = \"{value}\""),
        })
        .join(", ");
    let text = text
        .replace("127.0.0.1:18789", &places.gateway)
        .replace("[\"openclaw\", ", &format!("[\"{node}\", \"{program}\", "))
        .replace("/home/agent/workspaces/beta/memory", &places.memory);
    let lines = text.lines().map(|line| {
        if line.starts_with("env_pass") {
            format!("env_pass = [\"PATH\"]\nenv = {{ {environment} }}\n")
        } else if line.starts_with("env ") {
            String::new()
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}

/// The heading of a transport's table with another name in it; any other line as it is.
fn renamed(line: &str, ending: &str) -> String {
    let Some(rest) = line.strip_prefix("[transports.") else {
        return line.to_owned();
    };
    let end = rest.find(['.', ']']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    format!("[transports.{name}{ending}{rest}")
}

/// A route through a chain, to the agents of an instance of this name. `backoff` is the wait between rounds.
pub(crate) fn route(name: &str, chain: &str, backoff: &str, deadline: &str) -> String {
    format!(
        "\n[[routes]]\nto = \"*@{name}\"\nchain = [{chain}]\ndeadline = \"{deadline}\"\n\
         backoff = {{ first = \"{backoff}\", max = \"{backoff}\" }}\n"
    )
}

/// How many notes of an agent have this word.
pub(crate) fn notes(folder: &Path, word: &str) -> usize {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| std::fs::read_to_string(file.path()).ok())
        .map(|text| text.matches(word).count())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_transport_of_several_comes_with_its_tables() {
        let all = "# x\n[transports.a]\nb = 1\n[transports.a.config]\nc = [2]\n[transports.ab]\nd = 3\n";
        assert_eq!(
            only(all, &["a"]),
            "[transports.a]\nb = 1\n[transports.a.config]\nc = [2]\n"
        );
        assert_eq!(tables(all).collect::<String>(), all);
    }

    #[test]
    fn a_transport_gets_another_name_and_its_tables_with_it() {
        assert_eq!(renamed("[transports.hook]", "-x"), "[transports.hook-x]");
        assert_eq!(
            renamed("[transports.hook.config]", "-x"),
            "[transports.hook-x.config]"
        );
        assert_eq!(renamed("url = \"[transports.\"", "-x"), "url = \"[transports.\"");
    }
}
