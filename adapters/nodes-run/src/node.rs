//! Which node a name stands for, and whether a command can run there now. Pure.
//!
//! Asked to run something, the gateway says the same of a node that it never knew, of one that was never
//! approved, and of one that was removed. Its list says which it is, so that is read first.

use byway_adapter::Failure;
use serde_json::Value;

/// The node's command that runs a list of arguments.
pub(crate) const SYSTEM_RUN: &str = "system.run";

/// The id of the node of this name or id, where a command can run there.
///
/// # Errors
/// Unavailable, with what a person can do.
pub(crate) fn find<'a>(list: &'a Value, name: &str) -> Result<&'a str, Failure> {
    let nodes = list.pointer("/nodes").and_then(Value::as_array);
    let Some(nodes) = nodes else {
        return Err(Failure::retryable(
            "bad-answer",
            "The gateway's list of nodes is none.",
        ));
    };
    let by_id = nodes.iter().find(|node| text(node, "nodeId") == name);
    // Anybody may ask to be paired under any name.
    let mut by_name = nodes
        .iter()
        .filter(|node| text(node, "displayName") == name && flag(node, "paired"));
    let node = match (by_id.or_else(|| by_name.next()), by_name.next()) {
        (Some(_), Some(_)) if by_id.is_none() => return Err(several(name)),
        (Some(node), _) if flag(node, "paired") => node,
        _ => return Err(not_paired(name)),
    };
    usable(node, name).map(|()| text(node, "nodeId"))
}

fn usable(node: &Value, name: &str) -> Result<(), Failure> {
    let approval = text(node, "approvalState");
    if approval != "approved" {
        return Err(Failure::unavailable(
            "node-not-approved",
            format!(
                "The node `{name}` is paired, and what it may do is not approved yet ({}).",
                shown(approval)
            ),
        )
        .with_fix(
            "Approve it at its gateway: `openclaw nodes pending`, then `openclaw nodes approve <request>`.",
        ));
    }
    if !flag(node, "connected") {
        return Err(offline(format!(
            "The node `{name}` is not connected to its gateway."
        )));
    }
    let commands = node.get("commands").and_then(Value::as_array);
    let mut commands = commands.into_iter().flatten().filter_map(Value::as_str);
    if !commands.any(|command| command == SYSTEM_RUN) {
        return Err(Failure::unavailable(
            "node-runs-nothing",
            format!("The node `{name}` does not offer {SYSTEM_RUN}."),
        )
        .with_fix("Use a node host (`openclaw node run`), and approve all that it offers."));
    }
    Ok(())
}

/// The node is away.
pub(crate) fn offline(what: impl Into<String>) -> Failure {
    Failure::unavailable("node-offline", what).with_fix(
        "Look whether the machine is up and its `openclaw node` runs; the transport comes back by itself.",
    )
}

fn not_paired(name: &str) -> Failure {
    Failure::unavailable("node-not-paired", format!("The gateway has no paired node `{name}`."))
        .with_fix("Look at `openclaw nodes list` for its name or id; pair the node by running `openclaw node run` there.")
}

fn several(name: &str) -> Failure {
    Failure::unavailable(
        "node-ambiguous",
        format!("The gateway has several nodes named `{name}`."),
    )
    .with_fix("Write the node's id as `node`: `openclaw nodes list` shows it.")
}

fn text<'a>(node: &'a Value, name: &str) -> &'a str {
    node.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn flag(node: &Value, name: &str) -> bool {
    node.get(name) == Some(&Value::Bool(true))
}

fn shown(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use byway_adapter::FailureKind;
    use serde_json::json;

    use super::*;

    fn node(changes: Value) -> Value {
        let mut node = json!({"nodeId": "80ab", "displayName": "pi-nxp", "paired": true, "connected": true,
            "approvalState": "approved", "commands": ["system.which", "system.run"]});
        for (name, value) in changes.as_object().unwrap() {
            node[name] = value.clone();
        }
        node
    }

    fn told(nodes: Value, name: &str) -> String {
        match find(&json!({ "ts": 1, "nodes": nodes }), name) {
            Ok(id) => id.to_owned(),
            Err(failure) => {
                assert_eq!(failure.kind, FailureKind::Unavailable, "{}", failure.code);
                assert!(failure.fix.is_some());
                failure.code
            }
        }
    }

    #[test]
    fn a_node_is_found_by_its_name_and_by_its_id() {
        assert_eq!(told(json!([node(json!({}))]), "pi-nxp"), "80ab");
        assert_eq!(told(json!([node(json!({}))]), "80ab"), "80ab");
        // Who only asks to be paired under the name is in nobody's way.
        let asks = node(json!({"nodeId": "ffff", "paired": false}));
        assert_eq!(told(json!([asks, node(json!({}))]), "pi-nxp"), "80ab");
        // An id means one node, whatever others call themselves.
        let named_so = node(json!({"nodeId": "90cd", "displayName": "80ab"}));
        assert_eq!(told(json!([named_so, node(json!({}))]), "80ab"), "80ab");
    }

    #[test]
    fn what_stands_in_the_way_has_its_own_code() {
        for (changes, code) in [
            (json!({"displayName": "other"}), "node-not-paired"),
            (json!({"paired": false}), "node-not-paired"),
            (
                json!({"approvalState": "pending-approval", "commands": []}),
                "node-not-approved",
            ),
            (
                json!({"approvalState": "pending-approval", "connected": false}),
                "node-not-approved",
            ),
            (json!({"approvalState": null}), "node-not-approved"),
            (json!({"connected": false}), "node-offline"),
            (json!({"commands": ["canvas.snapshot"]}), "node-runs-nothing"),
            (json!({"commands": null}), "node-runs-nothing"),
        ] {
            assert_eq!(told(json!([node(changes.clone())]), "pi-nxp"), code, "{changes}");
        }
        let twins = json!([node(json!({})), node(json!({"nodeId": "90cd"}))]);
        assert_eq!(told(twins.clone(), "pi-nxp"), "node-ambiguous");
        assert_eq!(told(twins, "90cd"), "90cd");
        assert_eq!(told(json!([]), "pi-nxp"), "node-not-paired");
    }

    #[test]
    fn an_answer_without_a_list_says_nothing_of_the_node() {
        assert_eq!(find(&json!({}), "n").unwrap_err().kind, FailureKind::Retryable);
    }
}
