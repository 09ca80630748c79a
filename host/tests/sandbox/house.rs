//! A whole byway with real guests, and its API, in one process.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use byway::front::{Byway, Trigger};
use byway::sandbox::Compiling;
use byway::{api, config};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower_service::Service as _;

use crate::stage::guest;

const INSTANCE: &str = "[instance]\nname = \"a\"\ndata_dir = \"data\"\ndurability = \"process\"\n\
                        [api]\nlisten = \"127.0.0.1:0\"\n[reload]\nwatch = false\n";

/// Half a minute in all, which nothing here comes near to unless it is wrong.
const LOOKS: usize = 1_500;
const PAUSE: Duration = Duration::from_millis(20);

/// One running byway in a folder of its own.
pub(crate) struct House {
    folder: tempfile::TempDir,
    pub(crate) byway: Arc<Byway>,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl House {
    /// Opens and runs it with these tables beside its own.
    pub(crate) async fn open(tables: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, tables);
        let config = config::load(&folder.path().join("byway.toml")).unwrap_or_else(|it| panic!("{it}"));
        let opened = tokio::task::spawn_blocking(move || Byway::open(config, Compiling::InProcess));
        let byway = Arc::new(opened.await.unwrap().unwrap());
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(Arc::clone(&byway).run(stopped));
        Self {
            folder,
            byway,
            stop,
            running,
        }
    }

    /// Writes other tables beside its own, as an operator does.
    pub(crate) fn write(&self, tables: &str) {
        write(&self.folder, tables);
    }

    /// Puts them in force, which must succeed.
    pub(crate) async fn reload(&self, tables: &str) -> api::ReloadView {
        self.write(tables);
        let view = self.byway.reload(Trigger::Call).await;
        assert_ne!(view.outcome, "refused", "{view:?}");
        view
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<Value>) -> (u16, Value) {
        self.call("POST", path, body).await
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let token = self.byway.tokens().admin().to_owned();
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap();
        let Ok(answer) = api::router(Arc::clone(&self.byway)).call(request).await;
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Sends a message to somebody at `b`; it must be accepted. Its id.
    pub(crate) async fn send(&self, agent: &str) -> String {
        let body = json!({ "to": format!("{agent}@b"), "text": "hello" });
        let (status, answer) = self.post("/v1/messages", Some(body)).await;
        assert_eq!(status, 202, "{answer}");
        answer["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn message(&self, id: &str) -> Value {
        self.get(&format!("/v1/messages/{id}")).await.1
    }

    /// The message, when it stands so.
    pub(crate) async fn until(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..LOOKS {
            let message = self.message(id).await;
            if wanted(&message) {
                return message;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let message = self.message(id).await.to_string();
        panic!("it never came to that: {message:.3000}");
    }

    /// What the API shows of a transport.
    pub(crate) async fn transport(&self, name: &str) -> Value {
        let (_, transports) = self.get("/v1/transports").await;
        let items = transports["items"].as_array().unwrap();
        items
            .iter()
            .find(|it| it["name"] == name)
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) async fn end(self) {
        self.stop.send(true).unwrap();
        self.running.await.unwrap();
    }
}

fn write(folder: &tempfile::TempDir, tables: &str) {
    std::fs::write(folder.path().join("byway.toml"), format!("{INSTANCE}{tables}")).unwrap();
}

/// A puppet's transport that plays these steps when it sends.
pub(crate) fn puppet(name: &str, send: &str, more: &str) -> String {
    let adapter = guest("puppet");
    format!("[transports.{name}]\nadapter = {adapter:?}\nconfig = {{ send = [{send}] }}\n{more}\n")
}

/// The step that posts the message's id to this address.
pub(crate) fn post_id(url: &str) -> String {
    format!("{{ http = {{ url = \"{url}\", chunks = [\"$id\"] }} }}")
}

/// The grant that goes with it.
pub(crate) fn granted(url: &str) -> String {
    format!("grants = {{ http = [\"POST {url}\"] }}")
}

/// A route from everybody to one agent.
pub(crate) fn route(agent: &str, chain: &[&str]) -> String {
    format!(
        "[[routes]]\nto = \"{agent}@b\"\nchain = {chain:?}\nbackoff = {{ first = \"100ms\", max = \"100ms\" }}\n"
    )
}

/// Looks until there is something, for as long as a slow machine may need.
pub(crate) async fn until<T>(look: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("it never came to that");
}
