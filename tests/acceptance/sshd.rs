//! A real sshd on loopback, with keys and a configuration of its own, for one case.
//!
//! It shows that a message survives what ssh and the far side's login shell do to it, which nothing
//! scripted can show.

use std::fs::File;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::ports::Port;
use crate::wait;
use crate::words::Words;

const MISSING: &str = "this case needs a real sshd, and /usr/sbin/sshd is not there: install it \
     (`apt-get install --no-install-recommends openssh-server openssh-client`; it need not run), \
     or set BYWAY_SKIP_SSHD=1 to leave the case out";

/// A running sshd. Killed when it is dropped.
pub struct Sshd {
    child: Child,
    _port: Port,
}

/// Whether the person who runs the tests leaves the cases with sshd out.
pub fn is_left_out() -> bool {
    std::env::var_os("BYWAY_SKIP_SSHD").is_some_and(|value| value == "1")
}

impl Sshd {
    /// Starts it as the current user, who may log in with the key `{{sshd.key}}` and nobody else.
    pub fn start(dir: &Path, words: &mut Words) -> Result<Self, String> {
        let program = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
        let program = program
            .iter()
            .find(|path| Path::new(path).exists())
            .ok_or(MISSING)?;
        let port = Port::reserve()?;
        let home = dir.join("sshd");
        std::fs::create_dir(&home).map_err(|error| error.to_string())?;
        let (host_key, user_key) = (make_key(&home, "host")?, make_key(&home, "user")?);
        copy(&user_key.with_extension("pub"), &home.join("authorized_keys"))?;
        let host_public = read(&host_key.with_extension("pub"))?;
        write(
            &home.join("known_hosts"),
            &format!("[127.0.0.1]:{} {host_public}", port.number),
        )?;
        // Login by one key only; StrictModes off, because the temporary folder's parent is open to all.
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {}\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\n",
            port.number,
            host_key.display(),
            home.join("authorized_keys").display(),
        );
        write(&home.join("sshd_config"), &config)?;
        // Run by root, sshd insists on this folder; a package's start script usually makes it.
        if is_root() {
            drop(std::fs::create_dir_all("/run/sshd"));
        }
        let log = home.join("log");
        let child = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(home.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).map_err(|error| error.to_string())?)
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        let sshd = Self { child, _port: port };
        sshd.wait_until_it_listens(&log)?;
        words.set("sshd.port", &sshd._port.number.to_string());
        words.set("sshd.key", &user_key.display().to_string());
        words.set(
            "sshd.known_hosts",
            &home.join("known_hosts").display().to_string(),
        );
        words.set("sshd.user", &user()?);
        Ok(sshd)
    }

    fn wait_until_it_listens(&self, log: &Path) -> Result<(), String> {
        wait::until("sshd to listen", || {
            let answer = TcpStream::connect(("127.0.0.1", self._port.number));
            answer
                .map(drop)
                .map_err(|error| format!("{error}; {}", read(log).unwrap_or_default()))
        })
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn make_key(home: &Path, name: &str) -> Result<PathBuf, String> {
    let path = home.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("ssh-keygen: {error}"))?;
    if !made.status.success() {
        return Err(format!("ssh-keygen: {}", String::from_utf8_lossy(&made.stderr)));
    }
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, private).map_err(|error| error.to_string())?;
    Ok(path)
}

fn user() -> Result<String, String> {
    let said = Command::new("id")
        .arg("-un")
        .output()
        .map_err(|error| format!("id: {error}"))?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    write(to, &read(from)?)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
