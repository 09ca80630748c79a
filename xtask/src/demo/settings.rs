//! The configurations of the demo's two byways, as a person would write them.

use std::net::SocketAddr;
use std::path::Path;

/// A transport of the chain, in the words of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    /// Its name.
    pub(crate) transport: &'static str,
    /// The adapter.
    pub(crate) adapter: &'static str,
    /// What it is, and what is wrong with it.
    pub(crate) what: &'static str,
}

/// The chain from a to b, in its order.
pub(crate) const CHAIN: [Choice; 5] = [
    Choice {
        transport: "gateway",
        adapter: "webhook",
        what: "b's agent gateway, where nobody listens",
    },
    Choice {
        transport: "remote-cli",
        adapter: "cli",
        what: "a command that exits with 69, service unavailable",
    },
    Choice {
        transport: "relay-hook",
        adapter: "webhook",
        what: "a relay that answers 503",
    },
    Choice {
        transport: "peer-webhook",
        adapter: "webhook",
        what: "the byway on b",
    },
    Choice {
        transport: "shared-folder",
        adapter: "file",
        what: "a folder that both machines see",
    },
];

/// Where everything is that a's transports lead to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    /// Closed.
    pub(crate) gateway: SocketAddr,
    /// Answers 503.
    pub(crate) relay: SocketAddr,
    /// b's API.
    pub(crate) peer: SocketAddr,
    /// Seen by both.
    pub(crate) folder: &'a Path,
}

/// What an instance needs to have an identity: all that can be written before the keys are known.
pub(crate) fn bare(name: &str, listen: Option<SocketAddr>) -> String {
    // Port 0 is any free one.
    let listen = listen.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
    format!("[instance]\nname = \"{name}\"\ndata_dir = \"data\"\n\n[api]\nlisten = \"{listen}\"\n")
}

/// The sender's: five ways to b.
pub(crate) fn of_sender(key_of_b: &str, places: Places<'_>) -> String {
    let Places {
        gateway,
        relay,
        peer,
        folder,
    } = places;
    let chain = CHAIN.map(|choice| quoted(choice.transport)).join(", ");
    [
        bare("a", None),
        format!("[peers.b]\nkey = {}\n", quoted(key_of_b)),
        webhook("gateway", &format!("http://{gateway}/hooks/agent"), ""),
        "[transports.remote-cli]\nadapter = \"builtin:cli\"\nconfig  = { command = \"notify\" }\n\
         [transports.remote-cli.grants.commands.notify]\nargv  = [\"sh\", \"-c\", \"cat >/dev/null; exit 69\"]\n\
         stdin = \"envelope\"\nenv_pass = [\"PATH\"]\n"
            .to_owned(),
        webhook("relay-hook", &format!("http://{relay}/relay"), ""),
        // Two ways into one inbox, which takes a message in once.
        webhook("peer-webhook", &format!("http://{peer}/v1/inbound"), "dedupe  = \"inbox:b\"\n"),
        shared_folder(folder, "drop", false, "dedupe  = \"inbox:b\"\n"),
        format!("[[routes]]\nto       = \"*@b\"\nchain    = [{chain}]\ndeadline = \"1h\"\ndone_at  = \"accepted\"\n"),
    ]
    .join("\n")
}

/// The receiver's: its API, and the folder.
pub(crate) fn of_receiver(key_of_a: &str, listen: Option<SocketAddr>, folder: &Path) -> String {
    [
        bare("b", listen),
        format!("[peers.a]\nkey = {}\n", quoted(key_of_a)),
        shared_folder(folder, "receive", true, "receive = \"500ms\"\n"),
    ]
    .join("\n")
}

fn webhook(name: &str, url: &str, more: &str) -> String {
    let (url, grant) = (quoted(url), quoted(&format!("POST {url}")));
    format!(
        "[transports.{name}]\nadapter = \"builtin:webhook\"\n\
         config  = {{ url = {url}, format = \"cloudevents\" }}\ngrants  = {{ http = [{grant}] }}\n{more}"
    )
}

fn shared_folder(folder: &Path, access: &str, receive: bool, more: &str) -> String {
    let folder = quoted(&folder.display().to_string());
    let receive = if receive { ", receive = true" } else { "" };
    format!(
        "[transports.shared-folder]\nadapter = \"builtin:file\"\n\
         config  = {{ mode = \"drop\", folder = {folder}{receive} }}\n\
         grants  = {{ folders = [{{ path = {folder}, access = \"{access}\" }}] }}\n{more}"
    )
}

/// A TOML string. What JSON escapes, TOML reads.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(folder: &Path) -> Places<'_> {
        Places {
            gateway: "127.0.0.1:1".parse().unwrap(),
            relay: "127.0.0.1:2".parse().unwrap(),
            peer: "127.0.0.1:3".parse().unwrap(),
            folder,
        }
    }

    #[test]
    fn every_step_of_the_chain_is_a_transport_of_its_adapter() {
        let toml = of_sender("ed25519:AAAA", places(Path::new("/shared")));
        for Choice {
            transport, adapter, ..
        } in CHAIN
        {
            assert!(
                toml.contains(&format!(
                    "[transports.{transport}]\nadapter = \"builtin:{adapter}\"\n"
                )),
                "{toml}"
            );
        }
        assert!(toml.contains(
            r#"chain    = ["gateway", "remote-cli", "relay-hook", "peer-webhook", "shared-folder"]"#
        ));
    }

    #[test]
    fn a_transport_is_granted_what_it_needs_and_no_more() {
        let toml = of_sender("ed25519:AAAA", places(Path::new("/shared")));
        assert!(
            toml.contains(r#"grants  = { http = ["POST http://127.0.0.1:3/v1/inbound"] }"#),
            "{toml}"
        );
        assert!(
            toml.contains(r#"grants  = { folders = [{ path = "/shared", access = "drop" }] }"#),
            "{toml}"
        );
    }

    #[test]
    fn a_strange_path_stays_one_string() {
        let toml = of_receiver("ed25519:AAAA", None, Path::new("/tmp/a \"b\"\\c"));
        assert!(
            toml.contains(r#"folder = "/tmp/a \"b\"\\c", receive = true"#),
            "{toml}"
        );
    }
}
