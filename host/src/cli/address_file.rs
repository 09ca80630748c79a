//! Where the running server listens, for the command line: `<data_dir>/api` holds the bound address.
//!
//! The configuration may ask for any free port, and may be changed while a server runs, so it cannot
//! tell. The file is written whole or not at all, is its owner's alone, and goes when the server
//! stops. One left by a server that was killed misleads nobody: the lock of the data folder says
//! whether a server runs, the file only where.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const NAME: &str = "api";

/// Writes the address.
pub(super) fn write(data_dir: &Path, address: SocketAddr) -> io::Result<()> {
    let draft = data_dir.join(format!(".{NAME}.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{address}")?;
    file.sync_all()?;
    fs::rename(&draft, path(data_dir))?;
    File::open(data_dir)?.sync_all()
}

/// Removes it, if it is there.
pub(super) fn remove(data_dir: &Path) {
    if let Err(error) = fs::remove_file(path(data_dir))
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the file with the API's address cannot be removed");
    }
}

/// The address at which the server can be called; `None` where none is written.
pub(super) fn read(data_dir: &Path) -> Option<SocketAddr> {
    fs::read_to_string(path(data_dir))
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(callable)
}

/// Nobody can call "every address"; the server is then on loopback too.
pub(super) fn callable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(NAME)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_written_is_read_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), None);
        write(folder.path(), "127.0.0.1:1".parse().unwrap()).unwrap();
        write(folder.path(), "0.0.0.0:4711".parse().unwrap()).unwrap();
        assert_eq!(read(folder.path()), Some("127.0.0.1:4711".parse().unwrap()));
        let mode = fs::metadata(path(folder.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no draft is left"
        );
        remove(folder.path());
        assert_eq!(read(folder.path()), None);
        remove(folder.path());
    }

    #[test]
    fn a_torn_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(path(folder.path()), "127.0.0.").unwrap();
        assert_eq!(read(folder.path()), None);
    }
}
