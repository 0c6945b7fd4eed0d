//! Where Redis is: what the URLs of the configuration say.
//!
//! One URL for a server, or any node of a cluster; several, separated by commas, for a cluster. `rediss://` is TLS, and the
//! server must prove its name with a certificate of an authority that the system trusts, or of the file that
//! `?sslrootcert=FILE` names.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsCertificates};

use crate::config::Secret;

/// The parameter that names the file of authorities, as Postgres calls it.
const ROOTS: &str = "sslrootcert";

/// One or more nodes, and how to trust them.
#[derive(Clone, Debug)]
pub struct Address {
    /// At least one.
    pub nodes: Vec<ConnectionInfo>,
    /// Authorities to trust instead of the system's.
    pub certificates: Option<TlsCertificates>,
}

impl Address {
    /// Reads what is configured.
    ///
    /// # Errors
    /// What is wrong with it, without any password.
    pub fn read(urls: &Secret) -> Result<Self, String> {
        let (mut nodes, mut roots) = (Vec::new(), None);
        for url in urls.reveal().split(',') {
            let shown = Secret::new(url).to_string();
            let (url, file) = without_roots(url);
            let wrong = |why: String| format!("redis.url {shown}: {why}");
            let info = url.as_str().into_connection_info();
            let info = info.map_err(|error| wrong(error.to_string()))?;
            if let ConnectionAddr::TcpTls { insecure: true, .. } = info.addr() {
                return Err(wrong("a server must prove its name, #insecure is not known".into()));
            }
            nodes.push(info);
            if let Some(file) = file {
                let pem = std::fs::read(&file);
                let pem = pem.map_err(|error| wrong(format!("read {file}: {error}")))?;
                roots = Some(pem);
            }
        }
        let is_tls = |it: &ConnectionInfo| matches!(it.addr(), ConnectionAddr::TcpTls { .. });
        if roots.is_some() && !nodes.iter().all(is_tls) {
            return Err(format!("redis.url {urls}: {ROOTS} is for rediss:// only"));
        }
        if nodes.len() > 1 && nodes.iter().any(|it| matches!(it.addr(), ConnectionAddr::Unix(_))) {
            return Err(format!("redis.url {urls}: nodes of a cluster have hosts and ports"));
        }
        let root_cert = roots;
        let certificates =
            root_cert.map(|pem| TlsCertificates { client_tls: None, root_cert: Some(pem) });
        Ok(Self { nodes, certificates })
    }

    /// For people: `redis at HOST:PORT`.
    #[must_use]
    pub fn shown(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|node| node.addr().to_string()).collect();
        format!("redis at {}", nodes.join(", "))
    }
}

/// The URL without the file of authorities, and that file.
fn without_roots(url: &str) -> (String, Option<String>) {
    let Some((base, parameters)) = url.split_once('?') else { return (url.to_owned(), None) };
    let mut file = None;
    let mut kept = Vec::new();
    for parameter in parameters.split('&') {
        match parameter.split_once('=') {
            Some((ROOTS, name)) => file = Some(name.to_owned()),
            _ => kept.push(parameter),
        }
    }
    match kept.is_empty() {
        true => (base.to_owned(), file),
        false => (format!("{base}?{}", kept.join("&")), file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str) -> String {
        Address::read(&Secret::new(url)).map(|address| address.shown()).unwrap_err()
    }

    #[test]
    fn nodes_are_shown_without_passwords() {
        let check = |url, expected: &str| {
            assert_eq!(Address::read(&Secret::new(url)).unwrap().shown(), expected);
        };
        check("redis://:secret@cache/2", "redis at cache:6379");
        check("rediss://me:secret@cache:7000", "redis at cache:7000");
        check("redis://:secret@a:1,redis://:secret@b:2", "redis at a:1, b:2");
        check("redis+unix:///run/redis.sock?db=1", "redis at /run/redis.sock");
    }

    #[test]
    fn a_file_of_authorities_is_read_and_taken_out_of_the_url() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "PEM").unwrap();
        let url = format!("rediss://cache/?sslrootcert={}&protocol=resp3", file.path().display());
        let address = Address::read(&Secret::new(url)).unwrap();
        assert_eq!(address.certificates.unwrap().root_cert.unwrap(), b"PEM");
        let check = |url, expected: (&str, Option<&str>)| {
            let (url, file) = without_roots(url);
            assert_eq!((url.as_str(), file.as_deref()), expected);
        };
        check("rediss://a/1?sslrootcert=/x", ("rediss://a/1", Some("/x")));
        check("rediss://a?b=c&sslrootcert=/x&d", ("rediss://a?b=c&d", Some("/x")));
        check("rediss://a?b=c", ("rediss://a?b=c", None));
    }

    #[test]
    fn a_fault_names_the_url_and_never_its_password() {
        let faults = [
            "redis://:secret@cache/first",
            "rediss://:secret@cache/#insecure",
            "rediss://:secret@cache/?sslrootcert=/nowhere/at/all",
            "redis://:secret@cache,redis+unix:///run/redis.sock",
        ];
        for url in faults {
            let text = fault(url);
            assert!(text.starts_with("redis.url redis"), "{text}");
            assert!(text.contains("***") && !text.contains("secret"), "{text}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let url = format!("redis://cache?sslrootcert={}", file.path().display());
        assert!(fault(&url).ends_with("sslrootcert is for rediss:// only"));
    }
}
