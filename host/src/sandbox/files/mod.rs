//! `files`: records added to a file, whole files put into a folder, files taken out of one.
//!
//! Everything happens beneath a granted folder that is opened first; names are single components
//! and links are never followed. The calls block, so they run on threads of their own; they ask
//! before each step that could deliver something whether the attempt is still going on.

mod append;
mod claim;
mod drop_in;
mod folder;
mod host;

pub(super) use claim::Claims;
