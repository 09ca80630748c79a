//! `[transports.NAME.grants]`: what a transport's adapter may do. What is not written is denied.

use super::command::read_commands;
use super::http_grant::read_http_grants;
use super::item::Item;
use super::keys;
use super::reader::Table;
use super::rights::{FolderAccess, FolderGrant, Grants};

pub(super) fn read_grants(transport: &Table<'_>) -> Grants {
    let Some(table) = transport
        .get("grants")
        .and_then(|item| item.table(&keys::GRANTS, "grants = { http = [\"…\"] }"))
    else {
        return Grants::default();
    };
    let http = table.get("http").map(|item| read_http_grants(&item));
    let commands = table.get("commands").map(|item| read_commands(&item));
    let folders = table.get("folders").map(|item| read_folders(&item));
    Grants {
        http: http.unwrap_or_default(),
        commands: commands.unwrap_or_default(),
        folders: folders.unwrap_or_default(),
    }
}

fn read_folders(item: &Item<'_>) -> Vec<FolderGrant> {
    let items = item.list("folders = [{ path = \"/some/folder\", access = \"append\" }]");
    let items = items.unwrap_or_default();
    items.iter().filter_map(read_folder).collect()
}

fn read_folder(item: &Item<'_>) -> Option<FolderGrant> {
    let table = item.table(&keys::FOLDER, "{ path = \"/some/folder\", access = \"append\" }")?;
    let path = table
        .need("path", "path = \"/some/folder\"")
        .and_then(|item| item.path());
    let access = table.need("access", "access = \"append\"").and_then(|item| {
        item.word(&[
            ("read", FolderAccess::Read),
            ("append", FolderAccess::Append),
            ("drop", FolderAccess::Drop),
            ("receive", FolderAccess::Receive),
        ])
    });
    Some(FolderGrant {
        path: path?,
        access: access?,
    })
}
