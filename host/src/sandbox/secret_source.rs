//! Reads a secret's value where the operator keeps it.
//!
//! Read anew at each attempt, so that a changed secret is used at once; what a command prints is kept for a
//! minute. A file that others can read is refused rather than used: a secret that is not one should be noticed.

use std::path::Path;

use zeroize::Zeroizing;

use super::secret_command;
use crate::config::SecretSource;
use crate::private_file;

/// The value, or why it cannot be had. The reason never has the value in it. Blocks: for a command, up to ten
/// seconds.
///
/// # Errors
/// What is wrong, such as `its environment variable TOKEN is not set`.
pub fn read(source: &SecretSource) -> Result<Zeroizing<String>, String> {
    let value = match source {
        SecretSource::Env(name) => match std::env::var(name) {
            Ok(value) => Zeroizing::new(value),
            Err(std::env::VarError::NotPresent) => {
                return Err(format!("its environment variable {name} is not set"));
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(format!("its environment variable {name} is not UTF-8"));
            }
        },
        SecretSource::Command(argv) => secret_command::read(argv)?,
        SecretSource::File(path) => file(path).map_err(|why| format!("its file {} {why}", path.display()))?,
    };
    if value.is_empty() {
        return Err("it is empty".into());
    }
    Ok(value)
}

fn file(path: &Path) -> Result<Zeroizing<String>, String> {
    let bytes = private_file::read(path).map_err(|error| error.to_string())?;
    let text = std::str::from_utf8(&bytes).map_err(|_| format!("`{}` is not UTF-8", path.display()))?;
    Ok(Zeroizing::new(without_newline(text).to_owned()))
}

/// Files and commands end with a newline that is no part of the secret; a second one may be.
pub(super) fn without_newline(text: &str) -> &str {
    text.strip_suffix('\n')
        .map_or(text, |cut| cut.strip_suffix('\r').unwrap_or(cut))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn secret(text: &str, mode: u32) -> (tempfile::TempDir, SecretSource) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, SecretSource::File(path))
    }

    #[test]
    fn cuts_one_newline_and_nothing_else() {
        let (_folder, source) = secret(" s3cret \n\n", 0o600);
        assert_eq!(read(&source).unwrap().as_str(), " s3cret \n");
    }

    #[test]
    fn refuses_a_file_that_others_can_read() {
        for mode in [0o644, 0o640, 0o604, 0o622] {
            let (_folder, source) = secret("s3cret", mode);
            let why = read(&source).unwrap_err();
            assert!(why.contains("chmod 600") && !why.contains("s3cret"), "{why}");
        }
    }

    #[test]
    fn refuses_a_link_and_a_folder() {
        let (folder, _) = secret("s3cret", 0o600);
        let link = folder.path().join("link");
        symlink(folder.path().join("token"), &link).unwrap();
        assert!(
            read(&SecretSource::File(link))
                .unwrap_err()
                .contains("symbolic link")
        );
        assert!(read(&SecretSource::File(folder.path().into())).is_err());
    }

    #[test]
    fn refuses_an_empty_secret() {
        let (_folder, source) = secret("\n", 0o600);
        assert!(read(&source).unwrap_err().contains("empty"));
    }

    #[test]
    fn names_the_variable_that_is_missing() {
        let why = read(&SecretSource::Env("BYWAY_TEST_NOT_SET_ANYWHERE".into())).unwrap_err();
        assert!(why.contains("BYWAY_TEST_NOT_SET_ANYWHERE"));
    }
}
