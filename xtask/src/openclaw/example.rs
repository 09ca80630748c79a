//! The configurations of `examples/openclaw`, with the real gateway put in for what stands there.
//!
//! What people copy is what is tried: only places, tokens and folders are others.

use std::path::Path;

use crate::failure::Result;

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
}

impl Places {
    /// The real ones.
    pub(crate) fn right(world: &World) -> Result<Self> {
        let gateway = &world.gateway;
        let [.., (_, openclaw_json), _, _, _, _] = gateway.environment();
        Ok(Self {
            gateway: gateway.address().to_string(),
            token: world.secret("token", gateway.token())?,
            hook_token: world.secret("hook-token", gateway.hook_token())?,
            a2a_token: world.secret("a2a-token", gateway.a2a_token())?,
            openclaw_json,
            memory: gateway.memory("beta").display().to_string(),
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
    Ok(put_in(world, &text, places)
        .replace("env = \"OPENCLAW_GATEWAY_TOKEN\"", &of_file(&places.token))
        .replace("env = \"OPENCLAW_HOOK_TOKEN\"", &of_file(&places.hook_token))
        .replace("env = \"OPENCLAW_A2A_TOKEN\"", &of_file(&places.a2a_token)))
}

fn put_in(world: &World, text: &str, places: &Places) -> String {
    let [node, program] = world.gateway.program();
    // The program is to find this gateway and leave the person's own alone.
    let environment = world
        .gateway
        .environment()
        .map(|(name, value)| match name {
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
    fn a_transport_gets_another_name_and_its_tables_with_it() {
        assert_eq!(renamed("[transports.hook]", "-x"), "[transports.hook-x]");
        assert_eq!(
            renamed("[transports.hook.config]", "-x"),
            "[transports.hook-x.config]"
        );
        assert_eq!(renamed("url = \"[transports.\"", "-x"), "url = \"[transports.\"");
    }
}
