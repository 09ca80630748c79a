//! The table of hostile guests, a file a kind of attack. Every one has its row in `docs/security.md`.

mod commands;
mod computing;
mod files;
mod floods;
mod lies;
mod memory;
mod reaching;
mod receiving;
mod secrets;
mod wrong_files;

use crate::case::Case;

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    [
        computing::cases(),
        memory::cases(),
        lies::cases(),
        floods::cases(),
        files::cases(),
        reaching::cases(),
        secrets::cases(),
        commands::cases(),
        receiving::cases(),
        wrong_files::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
