//! Holds what `wit/VERSIONING.md` promises: the contract resolves, every item of it tells what it is
//! for, and a version that was frozen has not changed by a byte.

#![allow(
    clippy::indexing_slicing,
    reason = "an id comes from the very tables it points into"
)]

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wit_parser::{Docs, Interface, Resolve, Type, TypeDef, TypeDefKind, World};

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")
}

#[test]
fn every_item_of_the_contract_is_documented() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit()).expect("wit/ resolves");
    let faults = undocumented(&resolve, package);
    assert!(
        faults.is_empty(),
        "without documentation:\n  {}",
        faults.join("\n  ")
    );
}

#[test]
fn an_item_without_documentation_is_found_wherever_it_is() {
    let text = "
        package test:bare@0.1.0;
        interface things {
            record pair { left: u32 }
            variant choice { one }
            enum kind { small }
            flags marks { red }
            type number = u32;
            act: func();
        }
        interface borrower { use things.{pair}; }
        world all { import things; }
    ";
    let mut resolve = Resolve::default();
    let package = resolve.push_source("bare.wit", text).unwrap();
    let names = [
        "package test:bare",
        "interface things",
        "function things.act",
        "type things.pair",
        "field things.pair.left",
        "type things.choice",
        "case things.choice.one",
        "type things.kind",
        "case things.kind.small",
        "type things.marks",
        "flag things.marks.red",
        "type things.number",
        "interface borrower",
        "world all",
    ];
    let mut expected = names.map(str::to_owned).to_vec();
    expected.sort();
    let mut found = undocumented(&resolve, package);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_frozen_version_is_as_it_was_frozen() {
    let page = std::fs::read_to_string(wit().join("VERSIONING.md")).unwrap();
    let faults = frozen_faults(&page, |file| std::fs::read(wit().join(file)).ok());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_change_of_a_frozen_version_is_found() {
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // of "abc"
    let page = format!("# Words\n\n- elsewhere\n\n## Frozen\n\n- `transport.wit` sha256 `{digest}`\n");
    let faults = |bytes: Option<&str>| frozen_faults(&page, |_| bytes.map(|text| text.as_bytes().to_vec()));
    assert!(faults(Some("abc")).is_empty());
    assert!(faults(Some("abd"))[0].contains("transport.wit has changed"));
    assert!(faults(None)[0].contains("transport.wit is gone"));
}

#[test]
fn a_page_whose_frozen_list_cannot_be_read_is_a_fault() {
    for page in [
        "# no such section",
        "## Frozen\n",
        "## Frozen\n\n- transport.wit, more or less\n",
    ] {
        assert!(
            !frozen_faults(page, |_| None).is_empty(),
            "{page:?} was taken for a list"
        );
    }
    assert!(frozen_faults("## Frozen\n\nNone yet.\n", |_| None).is_empty());
}

/// Kind and name of each item of the package that has no words.
fn undocumented(resolve: &Resolve, package: wit_parser::PackageId) -> Vec<String> {
    let package = &resolve.packages[package];
    let mut faults = Vec::new();
    note(
        &mut faults,
        &package.docs,
        "package",
        &format!("{}:{}", package.name.namespace, package.name.name),
    );
    for (name, id) in &package.interfaces {
        of_interface(resolve, name, &resolve.interfaces[*id], &mut faults);
    }
    for (name, id) in &package.worlds {
        let World { docs, .. } = &resolve.worlds[*id];
        note(&mut faults, docs, "world", name);
    }
    faults
}

fn of_interface(resolve: &Resolve, name: &str, interface: &Interface, faults: &mut Vec<String>) {
    note(faults, &interface.docs, "interface", name);
    for (function, item) in &interface.functions {
        note(faults, &item.docs, "function", &format!("{name}.{function}"));
    }
    for (type_name, id) in &interface.types {
        let definition = &resolve.types[*id];
        if !is_used_from_elsewhere(resolve, definition) {
            of_type(&format!("{name}.{type_name}"), definition, faults);
        }
    }
}

/// `use other.{name}` shows as a type of its own; its words are over there.
fn is_used_from_elsewhere(resolve: &Resolve, definition: &TypeDef) -> bool {
    matches!(definition.kind, TypeDefKind::Type(Type::Id(id)) if resolve.types[id].owner != definition.owner)
}

fn of_type(name: &str, definition: &TypeDef, faults: &mut Vec<String>) {
    note(faults, &definition.docs, "type", name);
    let parts: Vec<(&str, &str, &Docs)> = match &definition.kind {
        TypeDefKind::Record(record) => record
            .fields
            .iter()
            .map(|part| ("field", part.name.as_str(), &part.docs))
            .collect(),
        TypeDefKind::Variant(variant) => variant
            .cases
            .iter()
            .map(|part| ("case", part.name.as_str(), &part.docs))
            .collect(),
        TypeDefKind::Enum(list) => list
            .cases
            .iter()
            .map(|part| ("case", part.name.as_str(), &part.docs))
            .collect(),
        TypeDefKind::Flags(flags) => flags
            .flags
            .iter()
            .map(|part| ("flag", part.name.as_str(), &part.docs))
            .collect(),
        _ => Vec::new(),
    };
    for (kind, part, docs) in parts {
        note(faults, docs, kind, &format!("{name}.{part}"));
    }
}

fn note(faults: &mut Vec<String>, docs: &Docs, kind: &str, name: &str) {
    if docs.contents.as_ref().is_none_or(|words| words.trim().is_empty()) {
        faults.push(format!("{kind} {name}"));
    }
}

/// Compares the list under *Frozen* with the files: one line each, `` - `file` sha256 `digest` ``,
/// or the words "None yet.".
fn frozen_faults(page: &str, read: impl Fn(&str) -> Option<Vec<u8>>) -> Vec<String> {
    let Some((_, section)) = page.split_once("## Frozen") else {
        return vec!["VERSIONING.md has no section \"Frozen\"".to_owned()];
    };
    let lines: Vec<&str> = section
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    if lines.is_empty() {
        return vec!["the list under \"Frozen\" is empty; write \"None yet.\" if that is so".to_owned()];
    }
    lines
        .into_iter()
        .filter(|line| *line != "None yet.")
        .filter_map(|line| frozen_fault(line, &read))
        .collect()
}

fn frozen_fault(line: &str, read: impl Fn(&str) -> Option<Vec<u8>>) -> Option<String> {
    let parts: Vec<&str> = line.split('`').collect();
    let ["- ", file, " sha256 ", digest, ""] = parts[..] else {
        return Some(format!("not a line of the list of frozen files: {line}"));
    };
    let Some(bytes) = read(file) else {
        return Some(format!("wit/{file} is gone, but it is frozen"));
    };
    let now: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    (now != digest).then(|| {
        format!("wit/{file} has changed, but it is frozen: put the change into a new version beside it")
    })
}
