//! Builds the components and puts each where it is looked for, under a short name.
//!
//! Cargo itself says which files it made, so no list of adapters is kept anywhere. A file that
//! has not changed is not touched, so that nothing is built anew for its sake; one that no crate
//! makes any longer is taken away.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::failure::{Doing, Failure, Result};
use crate::layout::{ComponentKind, ComponentWorkspace, Layout};
use crate::terminal::say;
use crate::toolchain::{TARGET, Toolchain};

/// Adapters are crates of this name and are called by the rest of it.
const ADAPTER_PREFIX: &str = "byway-adapter-";

/// A component that Cargo made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    name: String,
    file: PathBuf,
}

/// Builds all components.
pub(crate) fn build(layout: &Layout, toolchain: &Toolchain) -> Result<()> {
    let mut places: BTreeMap<PathBuf, Vec<Made>> = BTreeMap::new();
    for workspace in layout.component_workspaces()? {
        let made = build_workspace(layout, toolchain, &workspace)?;
        let names: Vec<&str> = made.iter().map(|made| made.name.as_str()).collect();
        say(format!(
            "    {}: {}",
            layout.shown(&workspace.folder),
            names.join(", ")
        ));
        places.entry(workspace.to).or_default().extend(made);
    }
    for (folder, made) in places {
        place(&folder, &made)?;
    }
    Ok(())
}

/// Cargo for one workspace of components, in its own build folder.
pub(crate) fn cargo(layout: &Layout, toolchain: &Toolchain, workspace: &Path, verb: &str) -> Command {
    let mut cargo = toolchain.cargo();
    cargo
        .current_dir(workspace)
        .args([verb, "--locked", "--workspace", "--target-dir"])
        .arg(layout.target.join(toolchain.build_folder()));
    cargo
}

fn build_workspace(
    layout: &Layout,
    toolchain: &Toolchain,
    workspace: &ComponentWorkspace,
) -> Result<Vec<Made>> {
    let shown = layout.shown(&workspace.folder);
    let output = cargo(layout, toolchain, &workspace.folder, "build")
        .args([
            "--release",
            "--target",
            TARGET,
            "--message-format=json-render-diagnostics",
        ])
        .stderr(Stdio::inherit())
        .output()
        .doing(format_args!("start cargo in {shown}"))?;
    if !output.status.success() {
        return Err(Failure::new(format!("the components of {shown} do not build"))
            .fix("correct what the compiler names above"));
    }
    let made = made_components(
        &String::from_utf8_lossy(&output.stdout),
        &workspace.folder,
        workspace.kind,
    );
    if made.is_empty() {
        return Err(Failure::new(format!("no crate of {shown} makes a component"))
            .fix("a component is a library with crate-type = [\"cdylib\"]"));
    }
    Ok(made)
}

/// Reads Cargo's messages: the components of the workspace's own crates, sorted by name.
fn made_components(messages: &str, workspace: &Path, kind: ComponentKind) -> Vec<Made> {
    let mut made: Vec<Made> = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| made_component(&message, workspace, kind))
        .collect();
    made.sort_by(|one, other| one.name.cmp(&other.name));
    made
}

fn made_component(message: &Value, workspace: &Path, kind: ComponentKind) -> Option<Made> {
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    let list = |pointer: &str| {
        message
            .pointer(pointer)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    if text("/reason") != Some("compiler-artifact")
        || !list("/target/kind").any(|kind| kind == "cdylib")
        || !Path::new(text("/manifest_path")?).starts_with(workspace)
    {
        return None;
    }
    let file = list("/filenames")
        .filter_map(Value::as_str)
        .find(|file| file.ends_with(".wasm"))?;
    let name = match kind {
        ComponentKind::Adapter | ComponentKind::Example => {
            let name = text("/target/name")?.replace('_', "-");
            name.strip_prefix(ADAPTER_PREFIX).unwrap_or(&name).to_owned()
        }
        // The tests know it by the name that Cargo gave the file.
        ComponentKind::Guest => Path::new(file).file_stem()?.to_str()?.to_owned(),
    };
    Some(Made {
        name,
        file: file.into(),
    })
}

fn place(folder: &Path, made: &[Made]) -> Result<()> {
    fs::create_dir_all(folder).doing(format_args!("make {}", folder.display()))?;
    for Made { name, file } in made {
        let bytes = fs::read(file).doing(format_args!("read {}", file.display()))?;
        let to = folder.join(format!("{name}.wasm"));
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        // Renamed into place, so that nobody reads half of one.
        let part = folder.join(format!(".{name}.part"));
        fs::write(&part, bytes).doing(format_args!("write {}", part.display()))?;
        fs::rename(&part, &to).doing(format_args!("write {}", to.display()))?;
    }
    let entries = fs::read_dir(folder).doing(format_args!("read {}", folder.display()))?;
    for file in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let is_component = file.extension().is_some_and(|extension| extension == "wasm");
        if is_component
            && !made
                .iter()
                .any(|made| file.file_stem().is_some_and(|stem| stem == made.name.as_str()))
        {
            fs::remove_file(&file).doing(format_args!("remove {}", file.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(manifest: &str, kind: &str, name: &str, file: &str) -> String {
        serde_json::json!({
            "reason": "compiler-artifact",
            "manifest_path": manifest,
            "target": { "kind": [kind], "name": name },
            "filenames": [file],
        })
        .to_string()
    }

    #[test]
    fn only_components_of_the_workspace_count() {
        let messages = [
            artifact(
                "/w/webhook/Cargo.toml",
                "cdylib",
                "byway_adapter_webhook",
                "/t/byway_adapter_webhook.wasm",
            ),
            artifact(
                "/w/cli/Cargo.toml",
                "cdylib",
                "byway_adapter_cli",
                "/t/byway_adapter_cli.wasm",
            ),
            artifact("/w/sdk/Cargo.toml", "lib", "byway_sdk", "/t/libbyway_sdk.rlib"),
            artifact("/registry/x/Cargo.toml", "cdylib", "x", "/t/x.wasm"),
            "not a message".to_owned(),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ]
        .join("\n");
        let made = made_components(&messages, Path::new("/w"), ComponentKind::Adapter);
        let names: Vec<&str> = made.iter().map(|made| made.name.as_str()).collect();
        assert_eq!(names, ["cli", "webhook"]);
    }

    #[test]
    fn a_guest_keeps_the_name_of_its_file() {
        let message = artifact("/g/a/Cargo.toml", "cdylib", "guest_loops", "/t/guest_loops.wasm");
        let made = made_components(&message, Path::new("/g"), ComponentKind::Guest);
        assert_eq!(
            made,
            [Made {
                name: "guest_loops".into(),
                file: "/t/guest_loops.wasm".into()
            }]
        );
    }

    #[test]
    fn a_component_that_is_as_it_was_is_not_touched_and_an_old_one_goes() {
        let folder = std::env::temp_dir().join(format!("byway-xtask-place-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let source = folder.join("built");
        fs::write(&source, b"one").unwrap();
        let to = folder.join("to");
        place(
            &to,
            &[Made {
                name: "a".into(),
                file: source.clone(),
            }],
        )
        .unwrap();
        let first = fs::metadata(to.join("a.wasm")).unwrap().modified().unwrap();
        fs::write(to.join("gone.wasm"), b"old").unwrap();
        place(
            &to,
            &[Made {
                name: "a".into(),
                file: source.clone(),
            }],
        )
        .unwrap();
        assert_eq!(
            fs::metadata(to.join("a.wasm")).unwrap().modified().unwrap(),
            first
        );
        assert!(!to.join("gone.wasm").exists());
        fs::write(&source, b"two").unwrap();
        place(
            &to,
            &[Made {
                name: "a".into(),
                file: source,
            }],
        )
        .unwrap();
        assert_eq!(fs::read(to.join("a.wasm")).unwrap(), b"two");
        fs::remove_dir_all(&folder).unwrap();
    }
}
