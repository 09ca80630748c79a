//! `proxy`: the one proxy that all connections of a transport go through.

use super::item::Item;
use super::model::Proxy;
use super::reader::Table;
use super::rights::{HostPattern, HttpGrant, PathPattern};
use super::secret::read_source;

const EXAMPLE: &str = "proxy = \"http://proxy.example:3128\"";

/// `proxy` and `proxy_auth` of a transport.
pub(super) fn read_proxy(transport: &Table<'_>) -> Option<Proxy> {
    let proxy = transport.get("proxy");
    let auth = transport.get("proxy_auth");
    if let (None, Some(auth)) = (&proxy, &auth) {
        auth.wrong(
            "`proxy_auth` stands without `proxy`",
            format!("write `{EXAMPLE}` as well"),
        );
    }
    // What is wrong with either is told, whatever is wrong with the other.
    let auth = auth.map(|item| read_source(&item));
    let place = read_place(&proxy?)?;
    let auth = match auth {
        Some(source) => Some(source?),
        None => None,
    };
    Some(Proxy { auth, ..place })
}

fn read_place(item: &Item<'_>) -> Option<Proxy> {
    let text = item.text(EXAMPLE)?;
    if text.contains('@') {
        // What stands before it may be a password.
        item.cover();
        item.wrong(
            "a proxy's URL has no user or password in it",
            "remove what stands before `@`, and write `proxy_auth = { env = \"NAME\" }`, with `user:password` in that variable",
        );
        return None;
    }
    if text.starts_with("https://") || text.starts_with("socks") {
        item.wrong(
            "only plain HTTP is spoken with a proxy",
            format!("write `{EXAMPLE}`; what goes through it can be TLS all the same"),
        );
        return None;
    }
    let parsed = match text.parse::<HttpGrant>() {
        Ok(grant) => Some((grant.scheme, grant.methods, grant.host, grant.path, grant.port)),
        Err(_) => None,
    };
    match parsed {
        Some((scheme, methods, HostPattern::Exact(host), PathPattern::Exact(path), port))
            if scheme == "http" && methods.is_empty() && path == "/" =>
        {
            Some(Proxy {
                host,
                port,
                auth: None,
            })
        }
        _ => {
            item.wrong(
                format!("`{text}` is not the URL of a proxy"),
                format!("write its host and port: `{EXAMPLE}`"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Proxy, SecretSource, parse};

    fn proxy(lines: &str) -> Option<Proxy> {
        let text = format!(
            "[instance]\nname = \"a\"\ndata_dir = \"d\"\n[transports.t]\nadapter = \"builtin:webhook\"\n{lines}"
        );
        let config = parse(&text, std::path::Path::new("byway.toml")).unwrap();
        config.transports["t"].proxy.clone()
    }

    #[test]
    fn accepts_a_host_a_port_and_where_the_credentials_are() {
        let direct = |host: &str, port| Proxy {
            host: host.into(),
            port,
            auth: None,
        };
        assert_eq!(proxy(""), None);
        assert_eq!(
            proxy("proxy = \"http://Proxy.example:3128/\""),
            Some(direct("proxy.example", 3128))
        );
        assert_eq!(proxy("proxy = \"http://[::1]\""), Some(direct("::1", 80)));
        let auth = proxy("proxy = \"http://p:1\"\nproxy_auth = { env = \"PROXY_AUTH\" }");
        assert_eq!(auth.unwrap().auth, Some(SecretSource::Env("PROXY_AUTH".into())));
    }
}
