//! Makes connections: resolves a name once, looks at each address, dials one that may be reached.
//!
//! Where a transport names a proxy, the proxy resolves: then an address that is written out is looked at
//! as before, and a name is the proxy's business, which the operator trusts with it.
//!
//! It takes the place of hyper's own connector, which would resolve by itself and does not ask
//! anybody about an address that is written out.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::address::{self, Reach};
use super::grant_match::host_matches;
use super::names::Names;
use super::proxy::{ProxyFault, tunnel};
use crate::config::{Proxy, Transport};
use crate::sandbox::{fix, secret_source};

/// How long connecting may take whatever the attempt allows: a connection is also made for
/// requests that have found another one meanwhile, and nobody waits for those.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(30);

/// Why there is no connection. No byte of a request was written.
#[derive(Debug, thiserror::Error)]
pub(in crate::sandbox) enum DialError {
    #[error("the name {0} cannot be resolved: {1}")]
    Name(String, io::Error),
    #[error("{0} leads to no address that may be reached")]
    Prohibited(String),
    #[error("no connection to {0} within {CONNECT_TIME_MAX:?}")]
    Timeout(String),
    #[error("no connection to {0}: {1}")]
    Connect(SocketAddr, io::Error),
    #[error("no tunnel through the proxy {0}: {1}")]
    Proxy(String, ProxyFault),
}

/// Makes TCP connections for one transport.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Dial {
    transport: Arc<Transport>,
    names: Names,
}

impl Dial {
    pub(in crate::sandbox) fn new(transport: Arc<Transport>) -> Self {
        let names = Names::of_the_system();
        Self { transport, names }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, DialError> {
        let scheme = uri.scheme_str().unwrap_or("https");
        let port = uri.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
        let host = uri
            .host()
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .to_ascii_lowercase();
        self.to(scheme, &host, port).await.map(TokioIo::new)
    }

    /// Dials a host that a grant of this scheme names. `host` is in lower case, IPv6 without brackets.
    ///
    /// # Errors
    /// Where it leads to no address that may be reached, or none that answers in time.
    pub(in crate::sandbox) async fn to(
        &self,
        scheme: &str,
        host: &str,
        port: u16,
    ) -> Result<TcpStream, DialError> {
        let reach = address::reach(&self.transport.grants.http, scheme, host, port);
        let dialling = async {
            let addresses = match &self.transport.proxy {
                Some(_) => written_out(host, port)?,
                None => resolve(&self.names, host, port).await?,
            };
            let allowed: Vec<SocketAddr> = addresses
                .iter()
                .copied()
                .filter(|it| address::may_dial(it.ip(), reach))
                .collect();
            if allowed.is_empty() && !addresses.is_empty() {
                self.explain(scheme, host, port, &addresses, reach);
                return Err(DialError::Prohibited(host.to_owned()));
            }
            match &self.transport.proxy {
                Some(proxy) => through(&self.names, proxy, host, port).await,
                None => first_that_answers(host, &allowed).await,
            }
        };
        match tokio::time::timeout(CONNECT_TIME_MAX, dialling).await {
            Ok(result) => result,
            Err(_) => Err(DialError::Timeout(host.to_owned())),
        }
    }

    /// Tells the operator, and only the operator, what would allow it.
    fn explain(&self, scheme: &str, host: &str, port: u16, addresses: &[SocketAddr], reach: Reach) {
        let Some(address) = addresses.first() else {
            return;
        };
        let remedy = match reach {
            Reach::Public => fix::private(&self.transport, |grant| {
                grant.scheme == scheme && grant.port == port && host_matches(&grant.host, host)
            }),
            Reach::Private | Reach::Named => {
                "if you mean to reach a metadata service, write its address into the grant".to_owned()
            }
        };
        tracing::warn!(
            transport = self.transport.name,
            "{host} leads to {}, which is not a public address; the request was denied. To allow it: {remedy}",
            address.ip()
        );
    }
}

/// The address that a host is, where it is one and no name.
fn written_out(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    // The proxy's resolver may read 127.1 or 0x7f000001 as an address, which nobody here has looked at.
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
        return Err(DialError::Prohibited(host.to_owned()));
    }
    Ok(vec![])
}

/// A tunnel to a host. The proxy's own address is the operator's word, and needs no grant.
async fn through(names: &Names, proxy: &Proxy, host: &str, port: u16) -> Result<TcpStream, DialError> {
    let fault = |why| DialError::Proxy(format!("{}:{}", proxy.host, proxy.port), why);
    let credentials = match proxy.auth.clone() {
        None => None,
        // Read anew for each connection, and off the runtime's workers: it may be a file.
        Some(source) => match tokio::task::spawn_blocking(move || secret_source::read(&source)).await {
            Ok(read) => Some(read.map_err(|why| fault(ProxyFault::Credentials(why)))?),
            Err(error) => return Err(fault(ProxyFault::Credentials(error.to_string()))),
        },
    };
    let unreachable = |error: DialError| fault(ProxyFault::Unreachable(io::Error::other(error)));
    let addresses = resolve(names, &proxy.host, proxy.port)
        .await
        .map_err(unreachable)?;
    let mut stream = first_that_answers(&proxy.host, &addresses)
        .await
        .map_err(unreachable)?;
    let credentials = credentials.as_ref().map(|it| it.as_str());
    tunnel(&mut stream, host, port, credentials)
        .await
        .map_err(fault)?;
    Ok(stream)
}

async fn resolve(names: &Names, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    // A name that only looks like one: the system's resolver reads 127.1 and 0x7f000001 as addresses,
    // which the grant did not name. They are looked at like any other answer.
    let found = names.addresses(host, port).await;
    let addresses = found.map_err(|error| DialError::Name(host.to_owned(), error))?;
    if addresses.is_empty() {
        let error = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        return Err(DialError::Name(host.to_owned(), error));
    }
    Ok(addresses)
}

async fn first_that_answers(host: &str, addresses: &[SocketAddr]) -> Result<TcpStream, DialError> {
    let mut last = None;
    // One share of the time each, so that one address that swallows everything does not hide the next.
    let share = CONNECT_TIME_MAX / u32::try_from(addresses.len()).unwrap_or(1).max(1);
    for address in addresses {
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // A message is one small write and then a wait: there is nothing to collect.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY could not be set");
                }
                return Ok(stream);
            }
            Ok(Err(error)) => last = Some(DialError::Connect(*address, error)),
            Err(_) => last = Some(DialError::Timeout(host.to_owned())),
        }
    }
    Err(last.unwrap_or_else(|| DialError::Prohibited(host.to_owned())))
}

impl Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::Ordering;

    use tokio::net::TcpListener;

    use super::*;

    /// A dialler for `name.test`, whose answers are these, one a question.
    fn dial(private: bool, answers: &[SocketAddr]) -> (Dial, Arc<std::sync::atomic::AtomicUsize>) {
        let text = format!(
            "[instance]\nname = \"a\"\ndata_dir = \"/nowhere\"\n[transports.t]\nadapter = \"builtin:webhook\"\n\
             grants = {{ http = [{{ allow = \"http://name.test:80/*\", private = {private} }}] }}\n"
        );
        let mut config = crate::config::parse(&text, Path::new("/byway.toml")).unwrap();
        let transport = Arc::new(config.transports.remove("t").unwrap());
        let (names, asked) = Names::scripted(answers);
        (Dial { transport, names }, asked)
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn a_name_is_asked_for_once_and_what_was_looked_at_is_dialled() {
        let ((_first, looked_at), (_second, changed_to)) = (listener().await, listener().await);
        let (dial, asked) = dial(true, &[looked_at, changed_to]);
        let stream = dial.to("http", "name.test", 80).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), looked_at);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn each_connection_asks_and_looks_anew() {
        let (_listener, private) = listener().await;
        let (dial, asked) = dial(false, &[private, private]);
        for questions in 1..=2 {
            let refused = dial.to("http", "name.test", 80).await;
            assert!(matches!(refused, Err(DialError::Prohibited(_))), "{refused:?}");
            assert_eq!(asked.load(Ordering::SeqCst), questions);
        }
    }
}
