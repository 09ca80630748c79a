//! Which file is the configuration.

use std::path::{Path, PathBuf};

use super::problem::ConfigError;

/// Finds the configuration: what `--config` names, else what `BYWAY_CONFIG` names, else the first
/// that is there of `./byway.toml`, `$XDG_CONFIG_HOME/byway/byway.toml` (`~/.config` where that is
/// not set) and `/etc/byway/byway.toml`.
///
/// A file that was named is not looked for elsewhere; whether it can be read is found by
/// [`super::load`]. `env` gives environment variables.
///
/// # Errors
/// Where none was named and none is there.
pub fn locate(flag: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, ConfigError> {
    if let Some(path) = flag {
        return Ok(path.to_owned());
    }
    if let Some(path) = set(env, "BYWAY_CONFIG") {
        return Ok(path);
    }
    let candidates = candidates(env);
    match candidates.iter().find(|path| path.is_file()) {
        Some(found) => Ok(found.clone()),
        None => Err(ConfigError {
            looked_at: candidates,
        }),
    }
}

fn candidates(env: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    // The XDG base directory specification says that a relative path is to be ignored.
    let xdg = set(env, "XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let user = xdg.or_else(|| set(env, "HOME").map(|home| home.join(".config")));
    let mut candidates = vec![PathBuf::from("byway.toml")];
    candidates.extend(user.map(|folder| folder.join("byway/byway.toml")));
    candidates.push(PathBuf::from("/etc/byway/byway.toml"));
    candidates
}

/// A variable that is set to something.
fn set(env: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<PathBuf> {
    env(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<PathBuf, ConfigError> {
        let env = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        locate(flag.map(Path::new), &env)
    }

    #[test]
    fn what_is_named_is_taken_and_the_flag_comes_first() {
        let variables = [("BYWAY_CONFIG", "/b.toml"), ("HOME", "/nowhere")];
        assert_eq!(look(Some("a.toml"), &variables), Ok(PathBuf::from("a.toml")));
        assert_eq!(look(None, &variables), Ok(PathBuf::from("/b.toml")));
    }

    #[test]
    fn the_users_own_file_is_found() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".config/byway");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("byway.toml"), "").unwrap();
        let path = home.path().to_str().unwrap();
        let config = home.path().join(".config");
        for variables in [
            [("HOME", path), ("XDG_CONFIG_HOME", "relative")],
            [
                ("HOME", "/nowhere"),
                ("XDG_CONFIG_HOME", config.to_str().unwrap()),
            ],
            [("HOME", path), ("BYWAY_CONFIG", "")],
        ] {
            assert_eq!(
                look(None, &variables),
                Ok(folder.join("byway.toml")),
                "{variables:?}"
            );
        }
    }

    #[test]
    fn where_nothing_is_found_every_place_is_named() {
        let error = look(None, &[("HOME", "/nowhere")]).unwrap_err();
        let text = error.to_string();
        for place in [
            "byway.toml",
            "/nowhere/.config/byway/byway.toml",
            "/etc/byway/byway.toml",
            "--config",
        ] {
            assert!(text.contains(place), "{text}");
        }
    }
}
