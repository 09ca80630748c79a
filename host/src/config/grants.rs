//! `[transports.NAME.grants]`: what a transport's adapter may do. What is not written is denied, and
//! byway's own data folder is nobody's to be granted.

use std::path::Path;

use super::command::read_commands;
use super::http_grant::read_http_grants;
use super::item::Item;
use super::keys;
use super::reader::Table;
use super::rights::{FolderAccess, FolderGrant, Grants};

pub(super) fn read_grants(transport: &Table<'_>, data_dir: Option<&Path>) -> Grants {
    let Some(table) = transport
        .get("grants")
        .and_then(|item| item.table(&keys::GRANTS, "grants = { http = [\"…\"] }"))
    else {
        return Grants::default();
    };
    let http = table.get("http").map(|item| read_http_grants(&item));
    let commands = table.get("commands").map(|item| read_commands(&item));
    let folders = table.get("folders").map(|item| read_folders(&item, data_dir));
    Grants {
        http: http.unwrap_or_default(),
        commands: commands.unwrap_or_default(),
        folders: folders.unwrap_or_default(),
    }
}

fn read_folders(item: &Item<'_>, data_dir: Option<&Path>) -> Vec<FolderGrant> {
    let items = item.list("folders = [{ path = \"/some/folder\", access = \"append\" }]");
    let items = items.unwrap_or_default();
    items
        .iter()
        .filter_map(|item| read_folder(item, data_dir))
        .collect()
}

fn read_folder(item: &Item<'_>, data_dir: Option<&Path>) -> Option<FolderGrant> {
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
    let (path, access) = (path?, access?);
    if data_dir.is_some_and(|data_dir| holds_data(&path, access, data_dir)) {
        item.wrong(
            "the folder would give the adapter byway's own data: its tokens, its key and its messages",
            "grant a folder outside of `data_dir`, and for reading none that `data_dir` is in",
        );
        return None;
    }
    Some(FolderGrant { path, access })
}

/// Whether a grant reaches into the data folder. Reading reaches everything beneath a folder; the other
/// kinds of access reach only the files in it.
fn holds_data(path: &Path, access: FolderAccess, data_dir: &Path) -> bool {
    path.starts_with(data_dir) || (access == FolderAccess::Read && data_dir.starts_with(path))
}
