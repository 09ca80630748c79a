//! A folder with a configuration, and the real program run in it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A folder with a configuration, and the program run in it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    /// One instance `a` with two agents, and a route that leads nowhere yet.
    pub(crate) fn new() -> Self {
        Self::with(
            r#"
[instance]
name = "a"
data_dir = "data"
durability = "process"
[api]
listen = "127.0.0.1:0"
[agents]
names = ["planner", "reviewer"]
"#,
        )
    }

    pub(crate) fn with(config: &str) -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(place.path("byway.toml"), config.trim_start()).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, b"", &[])
    }

    pub(crate) fn run_with(&self, args: &[&str], stdin: &[u8], env: &[(&str, &str)]) -> Ran {
        let mut command = self.command(args);
        command.envs(env.iter().copied());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A verb that refuses early does not read to the end.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        let output = child.wait_with_output().unwrap();
        let folder = self.folder.path().to_str().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(folder, "DIR");
        Ran {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The program, to be run here, with nothing of the environment that could change what it does.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_byway"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path());
        for name in [
            "BYWAY_CONFIG",
            "BYWAY_TOKEN",
            "BYWAY_LOG",
            "XDG_CONFIG_HOME",
            "COLUMNS",
        ] {
            command.env_remove(name);
        }
        command
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn is(&self, code: i32, stdout: &str, stderr: &str) {
        assert_eq!(
            (self.code, self.stdout.as_str(), self.stderr.as_str()),
            (code, stdout, stderr)
        );
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(crate) fn problem(&self) -> serde_json::Value {
        assert_eq!(self.stdout, "", "{self:?}");
        serde_json::from_str(&self.stderr).unwrap_or_else(|_| panic!("{self:?}"))
    }
}
