//! The address by which browsers reach the service.
//!
//! Knows nothing of who uses it. Only an origin is taken: a scheme, a host, perhaps a port. Without TLS only this machine's own
//! name is, because browsers call nothing else secure.

use url::Url;

use super::Check;

impl Check<'_> {
    /// The configured origin; `None` where none is.
    pub(super) fn public_url(&mut self, key: &str, value: &str) -> Option<Url> {
        if value.is_empty() {
            return None;
        }
        match origin(value) {
            Ok(url) => Some(url),
            Err(problem) => {
                self.problem(
                    key,
                    format!("`{value}` {problem}"),
                    "write it like https://tga.example.org, or http://localhost:8000 on this machine",
                );
                None
            }
        }
    }
}

fn origin(value: &str) -> Result<Url, &'static str> {
    let url = Url::parse(value).map_err(|_| "is no address")?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err("has more than a scheme, a host and a port");
    }
    let local = url.host_str() == Some("localhost");
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        "http" if local => Ok(url),
        "http" => Err("is without TLS, which only localhost may be"),
        _ => Err("is no address of the web"),
    }
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_and_nothing_else_is_taken() {
        for good in ["https://tga.example.org", "https://tga.example.org:8443/", "http://localhost:8000"] {
            assert!(origin(good).is_ok(), "{good}");
        }
        for bad in [
            "tga.example.org",
            "http://tga.example.org",
            "https://tga.example.org/app",
            "https://tga.example.org/?a=1",
            "https://user:word@tga.example.org",
            "ftp://tga.example.org",
            "file:///etc",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
