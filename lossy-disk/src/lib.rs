//! A disk that can lose what was not synced, beneath SQLite, for tests.
//!
//! [`install`] puts itself between SQLite and the file system, for the whole process: every file that is opened from then
//! on goes through it, and works as before. Beneath a folder that is [`watch`]ed, everything that SQLite asks of the disk is
//! written down in its order, together with the [marks](Watch::mark) of the test, such as "this was answered". From
//! that, [`Remains`] makes what a disk may hold if the power goes at any moment: what was synced is there; of what was
//! not, any part may be, down to single sectors.
//!
//! What it believes of a disk: a sync of a file reaches all that was written to it before; a sector of
//! [`SECTOR_BYTES`] is written whole or not; a write harms no other sector; what a folder lists changes in the order in
//! which it was changed, and for certain with the sync that SQLite makes of it after a new log.

mod record;
mod remains;
mod vfs;

pub use record::{Event, Watch, watch};
pub use remains::{Remains, SECTOR_BYTES};
pub use vfs::install;
