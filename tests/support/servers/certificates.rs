//! Certificates for servers with TLS, and for faults of trust.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::place::{Folder, run, unprivileged_command};

const WITHOUT_DEFAULTS: &str =
    "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = aisd tests\n";
const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/// Whose name a server shows.
#[derive(Clone, Copy)]
pub enum Identity {
    /// Its own: `localhost` and `127.0.0.1`.
    Own,
    /// That of another host, from the same authority.
    Elsewhere,
}

/// The authority of all our servers, as a file.
pub fn authority() -> PathBuf {
    folder().join("authority.pem")
}

/// One that signed none of them.
pub fn other_authority() -> PathBuf {
    folder().join("other.pem")
}

/// Of a URL of Postgres: who signs the certificates that are believed.
pub fn trusting(authority: &Path) -> String {
    format!("?sslrootcert={}", authority.display())
}

/// The certificate and the key of a server.
pub fn certificate(identity: Identity) -> (PathBuf, PathBuf) {
    let name = match identity {
        Identity::Own => "own",
        Identity::Elsewhere => "elsewhere",
    };
    (folder().join(&format!("{name}.pem")), folder().join(&format!("{name}.key")))
}

/// Made when first needed.
fn folder() -> &'static Folder {
    static MADE: OnceLock<Folder> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Folder::new("tls");
        folder.write("openssl.cnf", WITHOUT_DEFAULTS);
        let authority = [
            "basicConstraints=critical,CA:TRUE",
            "keyUsage=critical,keyCertSign,cRLSign",
            "subjectKeyIdentifier=hash",
        ];
        make(&folder, "authority", "/CN=authority of tests", &authority, None);
        make(&folder, "other", "/CN=another authority", &authority, None);
        for (name, hosts) in [
            ("own", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            ("elsewhere", "subjectAltName=DNS:elsewhere.example"),
        ] {
            let server = ["basicConstraints=CA:FALSE", "extendedKeyUsage=serverAuth", hosts];
            make(&folder, name, &format!("/CN={name}"), &server, Some("authority"));
        }
        folder
    })
}

/// A key and a certificate over it, signed by an authority or by itself.
fn make(folder: &Folder, name: &str, subject: &str, says: &[&str], signed_by: Option<&str>) {
    let mut openssl = unprivileged_command("openssl");
    openssl.args(["req", "-x509", "-days", "3650", "-subj", subject]).args(KEY);
    openssl.arg("-config").arg(folder.join("openssl.cnf"));
    openssl.arg("-keyout").arg(folder.join(&format!("{name}.key")));
    openssl.arg("-out").arg(folder.join(&format!("{name}.pem")));
    for what in says {
        openssl.args(["-addext", what]);
    }
    if let Some(authority) = signed_by {
        openssl.arg("-CA").arg(folder.join(&format!("{authority}.pem")));
        openssl.arg("-CAkey").arg(folder.join(&format!("{authority}.key")));
    }
    run(&mut openssl);
}
