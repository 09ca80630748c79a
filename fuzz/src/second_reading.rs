//! URLs read a second time, by rules written down apart from the sandbox's own: as an old server would that
//! decodes what it gets more than once, and as a browser would.

/// A URL cut into its parts at the first place where any program could cut.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) authority: &'a str,
    /// With the first slash, without the query.
    pub(crate) path: &'a str,
}

impl<'a> Parts<'a> {
    /// Cuts a URL.
    pub(crate) fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let path = if end == 0 { "/" } else { &rest[..end] };
        Some(Self {
            scheme,
            authority,
            path,
        })
    }

    /// The host in lower case, without brackets, and the port; `None` where there is a user in front.
    pub(crate) fn host_and_port(&self) -> Option<(String, u16)> {
        if self.authority.contains('@') {
            return None;
        }
        let default_port = match self.scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => 80,
            _ => 443,
        };
        let (host, port) = match self.authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ => (self.authority, default_port),
        };
        Some((host.trim_matches(['[', ']']).to_ascii_lowercase(), port))
    }
}

/// Whether a path stays beneath a folder for whoever decodes it, once or more, and takes either slash.
pub(crate) fn stays_beneath(path: &str, folder: &str) -> bool {
    let mut path = path.to_owned();
    (0..8).all(|_| {
        let beneath = resolved(&path).starts_with(folder);
        path = decoded(&path);
        beneath
    })
}

/// Without dot segments (RFC 3986, section 5.2.4), whichever slash parts them, and whatever stands behind `;`.
fn resolved(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split(['/', '\\']).skip(1).collect();
    for (at, segment) in segments.iter().enumerate() {
        let last = at + 1 == segments.len();
        match segment.split(';').next().unwrap_or_default() {
            ".." => {
                kept.pop();
                if last {
                    kept.push("");
                }
            }
            "." => {
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Percent-decoded once; what is no text then is replaced.
fn decoded(path: &str) -> String {
    let digit = |at: Option<&u8>| at.and_then(|c| char::from(*c).to_digit(16));
    let (bytes, mut out, mut at) = (path.as_bytes(), Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_each_way_out_of_a_folder() {
        for path in [
            "/hooks/../admin",
            "/hooks/%2e%2e/admin",
            "/hooks/%252e%252e%252fadmin",
            "/hooks/..\\admin",
            "/hooks/..;x/admin",
            "/admin",
        ] {
            assert!(!stays_beneath(path, "/hooks/"), "{path}");
        }
        for path in ["/hooks/", "/hooks/a..b/c", "/hooks/a/../b", "/hooks/%20"] {
            assert!(stays_beneath(path, "/hooks/"), "{path}");
        }
    }

    #[test]
    fn cuts_where_any_program_could() {
        let parts = Parts::of("https://a.b\\@evil.test/x?y#z").unwrap();
        assert_eq!(
            (parts.scheme, parts.authority, parts.path),
            ("https", "a.b", "\\@evil.test/x")
        );
        assert_eq!(
            Parts::of("http://[::1]:80").unwrap().host_and_port(),
            Some(("::1".to_owned(), 80))
        );
        assert_eq!(Parts::of("http://u@a").unwrap().host_and_port(), None);
    }
}
