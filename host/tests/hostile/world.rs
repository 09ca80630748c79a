//! What surrounds a case: a far side that it may reach, one that it must not, a folder with something beside it, a
//! secret. After the case it is looked at whether any of that was touched, whatever the case was about.

use std::path::PathBuf;
use std::time::Duration;

use byway::config::{AdapterRef, CommandGrant, FolderGrant, Secret, SecretSource, Transport};
use serde_json::Value;

use crate::case::{Case, Grant, Guest};
use crate::far_side::{FarSide, Script};
use crate::stage::{guest, http_grant, puppet};
use crate::written;

/// The secret's value.
pub(crate) const VALUE: &str = "v3ry-s3cret-value";
/// What is in the file beside the granted folder.
const OUTSIDE: &str = "words-of-the-operator";

pub(crate) struct World {
    far: FarSide,
    /// Nobody was granted this one.
    elsewhere: FarSide,
    /// Holds `outside`, the granted folder and the secret's file.
    place: tempfile::TempDir,
}

impl World {
    pub(crate) async fn around(case: &Case) -> Self {
        let elsewhere = FarSide::start(Script::Answer(200, "it came out".into())).await;
        let script = match &case.far {
            Script::Raw(text) => Script::Raw(text.replace("{elsewhere}", &elsewhere.url)),
            other => other.clone(),
        };
        let world = Self {
            far: FarSide::start(script).await,
            elsewhere,
            place: tempfile::tempdir().unwrap(),
        };
        let place = world.place.path();
        std::fs::write(place.join("outside"), OUTSIDE).unwrap();
        std::fs::create_dir(world.granted()).unwrap();
        std::fs::write(world.granted().join("file"), "granted").unwrap();
        std::os::unix::fs::symlink(place, world.granted().join("link")).unwrap();
        std::os::unix::fs::symlink(place.join("outside"), world.granted().join("linked")).unwrap();
        let secret = place.join("secret");
        std::fs::write(&secret, VALUE).unwrap();
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&secret, owner_only).unwrap();
        world
    }

    fn granted(&self) -> PathBuf {
        self.place.path().join("granted")
    }

    /// The case's transport; a case of several files gets one for each.
    pub(crate) fn transports(&self, case: &Case) -> Vec<Transport> {
        let from = |bytes: Vec<Vec<u8>>| {
            let folder = self.granted();
            let paths = bytes.into_iter().enumerate().map(move |(number, bytes)| {
                let path = folder.join(format!("adapter-{number}.wasm"));
                std::fs::write(&path, bytes).unwrap();
                path
            });
            paths.collect::<Vec<_>>()
        };
        let (paths, config) = match &case.guest {
            Guest::Written(places) => (from(vec![written::component(places)]), None),
            Guest::Files(make) => (from(make()), None),
            Guest::Built(name) => (vec![guest(name)], None),
            Guest::Puppet(config) => (vec![guest("puppet")], Some(self.filled(config))),
        };
        paths
            .into_iter()
            .map(|path| {
                self.transport(
                    case,
                    path,
                    config.clone().unwrap_or_else(|| serde_json::json!({})),
                )
            })
            .collect()
    }

    fn transport(&self, case: &Case, path: PathBuf, config: Value) -> Transport {
        let mut transport = puppet(config);
        transport.name = case.name.into();
        transport.adapter = AdapterRef::Path(path);
        if let Some(timeout) = case.timeout_ms {
            transport.limits.timeout = Duration::from_millis(timeout);
        }
        if let Some(memory) = case.memory_bytes {
            transport.limits.memory_bytes_max = memory;
        }
        for grant in &case.grants {
            self.grant(&mut transport, grant);
        }
        transport
    }

    fn grant(&self, transport: &mut Transport, grant: &Grant) {
        let grants = &mut transport.grants;
        match grant {
            Grant::Far => grants.http.push(http_grant(&self.far.url)),
            Grant::Http(url) => grants.http.push(http_grant(&self.put(url))),
            Grant::Folder(access) => grants.folders.push(FolderGrant {
                path: self.granted(),
                access: *access,
            }),
            Grant::Secret(name, position) => {
                let secret = Secret {
                    source: SecretSource::File(self.place.path().join("secret")),
                    positions: vec![position.clone()],
                };
                transport.secrets.insert((*name).into(), secret);
            }
            Grant::Command(argv, stdin) => {
                let command = CommandGrant {
                    argv: argv.clone(),
                    stdin: *stdin,
                    env: std::collections::BTreeMap::new(),
                    env_pass: vec![],
                    cwd: Some(self.granted()),
                    effect: true,
                };
                grants.commands.insert("it".into(), command);
            }
        }
    }

    /// A configuration with the world's addresses and paths in it.
    fn filled(&self, config: &Value) -> Value {
        match config {
            Value::String(text) => self.put(text).into(),
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(members) => {
                let filled = members
                    .iter()
                    .map(|(key, value)| (key.clone(), self.filled(value)));
                filled.collect::<serde_json::Map<_, _>>().into()
            }
            other => other.clone(),
        }
    }

    fn put(&self, text: &str) -> String {
        let host = self.elsewhere.url.trim_start_matches("http://");
        let port = host.rsplit(':').next().unwrap();
        text.replace("{far}", &self.far.url)
            .replace("{elsewhere}", &self.elsewhere.url)
            .replace("{elsewhere-host}", host)
            .replace("{port}", port)
            .replace("{granted}", self.granted().to_str().unwrap())
            .replace("{place}", self.place.path().to_str().unwrap())
    }

    /// What was touched that nobody granted. `shown` is all that came back from the case, and what was logged meanwhile.
    pub(crate) fn harm(&self, shown: &str) -> Vec<String> {
        let mut harm = Vec::new();
        if self.elsewhere.connections() > 0 {
            harm.push("it reached a far side that it was not granted".to_owned());
        }
        for request in self.far.heard() {
            let misplaced = request
                .lines()
                .any(|line| line.contains(VALUE) && !line.starts_with("authorization:"));
            if misplaced || request.contains("x-evil") || request.contains("/evil") {
                harm.push(format!("the far side heard {request:?}"));
            }
        }
        for (what, text) in [("the secret", VALUE), ("what is outside of the folder", OUTSIDE)] {
            if shown.contains(text) {
                harm.push(format!("{what} was shown"));
            }
        }
        if std::fs::read_to_string(self.place.path().join("outside"))
            .ok()
            .as_deref()
            != Some(OUTSIDE)
        {
            harm.push("the file outside of the granted folder was changed".to_owned());
        }
        let mut names: Vec<String> = std::fs::read_dir(self.place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        if names != ["granted", "outside", "secret"] {
            harm.push(format!("beside the granted folder there is now {names:?}"));
        }
        for entry in std::fs::read_dir(self.granted()).unwrap().flatten() {
            // What is read through a link is the file outside, which is looked at above.
            let own = entry.file_type().unwrap().is_file();
            if own
                && std::fs::read(entry.path())
                    .unwrap()
                    .windows(VALUE.len())
                    .any(|it| it == VALUE.as_bytes())
            {
                harm.push("the secret is in a file".to_owned());
            }
        }
        harm
    }
}

/// What the other cases rely on: harm is seen.
#[tokio::test]
async fn harm_is_seen() {
    let case = crate::case::sends("harmless", serde_json::json!([]));
    let world = World::around(&case).await;
    assert!(world.harm("nothing").is_empty());
    assert_eq!(world.harm(&format!("a {VALUE} b {OUTSIDE}")).len(), 2);
    std::fs::write(world.granted().join("a"), VALUE).unwrap();
    std::fs::write(world.place.path().join("new"), "x").unwrap();
    std::fs::write(world.place.path().join("outside"), "x").unwrap();
    for (far_side, header) in [
        (&world.elsewhere, "x-a: b"),
        (&world.far, &*format!("x-a: {VALUE}")),
    ] {
        let mut stream = tokio::net::TcpStream::connect(far_side.url.trim_start_matches("http://"))
            .await
            .unwrap();
        let request = format!("GET / HTTP/1.1\r\n{header}\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
            .await
            .unwrap();
        tokio::io::AsyncReadExt::read_u8(&mut stream).await.unwrap();
    }
    assert_eq!(world.harm("nothing").len(), 5, "{:?}", world.harm("nothing"));
}
