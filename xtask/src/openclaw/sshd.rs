//! A real sshd on loopback with keys of its own, for the way into `byway accept` over ssh.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::demo::leash::Leash;
use crate::failure::{Doing, Failure, Result};
use crate::process;

use super::gateway::free_address;
use super::world::World;

const PROGRAM: &str = "/usr/sbin/sshd";
const READY_WITHIN: Duration = Duration::from_secs(20);
const KEY_MAY_TAKE: Duration = Duration::from_secs(20);

/// The running server. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Sshd {
    port: u16,
    key: PathBuf,
    known_hosts: PathBuf,
    _running: Leash,
}

impl Sshd {
    /// Starts it as the current user, whom one key lets in; nothing where no sshd is installed.
    pub(crate) fn start(world: &World) -> Result<Option<Self>> {
        if !Path::new(PROGRAM).exists() {
            return Ok(None);
        }
        let home = world.folder("sshd")?;
        let (host, user) = (key(&home, "host")?, key(&home, "user")?);
        let port = free_address()?.port();
        let public = |key: &Path| {
            let path = key.with_extension("pub");
            fs::read_to_string(&path).doing(format_args!("read {}", path.display()))
        };
        let known_hosts = home.join("known_hosts");
        let authorized = home.join("authorized_keys");
        fs::write(&authorized, public(&user)?).doing("write a key")?;
        fs::write(&known_hosts, format!("[127.0.0.1]:{port} {}", public(&host)?)).doing("write a key")?;
        let configuration = home.join("sshd_config");
        // StrictModes off, because the folder's parents may be open to all.
        let text = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n",
            host.display(),
            authorized.display()
        );
        fs::write(&configuration, text).doing("write sshd's configuration")?;
        // Run by root, sshd insists on this folder; for others it cannot be made, and need not be.
        drop(fs::create_dir_all("/run/sshd"));
        let mut command = Command::new(PROGRAM);
        command.args(["-D", "-e", "-f"]).arg(&configuration);
        let log = File::create(home.join("log")).doing("open a log")?;
        let (running, mut stdout) = Leash::start(&command, log)?;
        std::thread::spawn(move || drop(stdout.read_to_end(&mut Vec::new())));
        world.deadline.wait_for("sshd", READY_WITHIN, || {
            Ok(TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(()))
        })?;
        Ok(Some(Self {
            port,
            key: user,
            known_hosts,
            _running: running,
        }))
    }

    /// The first arguments of a command that runs something over there.
    pub(crate) fn argv(&self) -> Vec<String> {
        let port = self.port.to_string();
        let known = format!("UserKnownHostsFile={}", self.known_hosts.display());
        let key = self.key.display().to_string();
        let words = [
            "ssh",
            "-F",
            "none",
            "-p",
            &port,
            "-i",
            &key,
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "BatchMode=yes",
            "-o",
            &known,
            "127.0.0.1",
        ];
        words.map(str::to_owned).to_vec()
    }
}

fn key(home: &Path, name: &str) -> Result<PathBuf> {
    let path = home.join(name);
    let program = process::find("ssh-keygen")
        .ok_or_else(|| Failure::new("ssh-keygen is not installed").fix("install openssh-client"))?;
    let mut command = Command::new(program);
    command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path);
    process::output_within(&mut command, KEY_MAY_TAKE, "ssh-keygen")?.success("ssh-keygen")?;
    Ok(path)
}
