//! Granted folders: appending records, dropping whole files, and taking them out again.
//!
//! Names are single components; the host refuses anything that would leave the folder.

use crate::bindings::byway::transport::files;
use crate::{Denial, Failure};

pub use files::Claimed;

/// Adds one record to the end of a file in the folder, whole or not at all as far as other writers can
/// see. The record should end in a line feed.
///
/// # Errors
/// Where the folder is not granted for it, or the disk fails.
pub fn append_record(folder: &str, name: &str, record: &[u8]) -> Result<(), Failure> {
    files::append_record(folder, name, record).map_err(|denial| failure(folder, denial))
}

/// How a drop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// The file is there, with these bytes.
    There,
    /// A file of that name with other bytes was there already, and was left as it is.
    OtherThere,
}

/// Puts a whole file into the folder, safely on disk when this returns.
///
/// # Errors
/// Where the folder is not granted for it, or the disk fails.
pub fn put(folder: &str, name: &str, bytes: &[u8]) -> Result<Dropped, Failure> {
    match files::drop(folder, name, bytes) {
        Ok(()) => Ok(Dropped::There),
        Err(denial) if denial.code == "exists" => Ok(Dropped::OtherThere),
        Err(denial) => Err(failure(folder, denial)),
    }
}

/// The names of at most `max` files that end with `suffix`, sorted; among them those that this byway
/// claimed and never released.
///
/// # Errors
/// Where the folder is not granted for it, or cannot be read.
pub fn list(folder: &str, suffix: &str, max: u32) -> Result<Vec<String>, Failure> {
    files::list(folder, suffix, max).map_err(|denial| failure(folder, denial))
}

/// Takes a file for this byway alone, and reads it. `None` where another was quicker.
///
/// # Errors
/// Where the folder is not granted for it, or the file cannot be read.
pub fn claim(folder: &str, name: &str) -> Result<Option<Claimed>, Failure> {
    match files::claim(folder, name) {
        Ok(claimed) => Ok(Some(claimed)),
        Err(denial) if denial.code == "unknown-name" => Ok(None),
        Err(denial) => Err(failure(folder, denial)),
    }
}

/// Deletes a claimed file, once what it held is safe. Success if there is none.
///
/// # Errors
/// Where the disk fails.
pub fn release(folder: &str, name: &str) -> Result<(), Failure> {
    files::release(folder, name).map_err(|denial| failure(folder, denial))
}

/// Moves a claimed file to the folder's `rejected` folder, for a person to look at. Success if there is
/// none.
///
/// # Errors
/// Where the disk fails.
pub fn reject(folder: &str, name: &str) -> Result<(), Failure> {
    match files::reject(folder, name) {
        Err(denial) if denial.code != "unknown-name" => Err(failure(folder, denial)),
        _ => Ok(()),
    }
}

fn failure(folder: &str, denial: Denial) -> Failure {
    let told = Failure::from(denial);
    Failure {
        message: format!("The folder {folder}: {}", told.message),
        ..told
    }
}
