//! TLS to whoever is connected to: always verified, host name included.
//!
//! The authorities are the system's, or those of one file that the operator names. Texts say how to name one, which
//! differs: a parameter of a URL, a key of a table.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};

/// How the operator names a file of authorities.
#[derive(Clone, Copy, Debug)]
pub struct Naming {
    /// The word for it, such as `sslrootcert`.
    pub word: &'static str,
    /// With what belongs to it, such as `sslrootcert=FILE in the URL`.
    pub whole: &'static str,
}

/// A configuration that trusts the authorities of this file, or else of the system, and offers this protocol, if any.
///
/// # Errors
/// When there are none, with the way out.
pub fn client(
    root: Option<&Path>,
    naming: Naming,
    protocol: Option<&[u8]>,
) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    match root {
        Some(path) => {
            let shown = path.display();
            let wrong = |error| format!("read the certificates of {shown}: {error}");
            for certificate in CertificateDer::pem_file_iter(path).map_err(wrong)? {
                let certificate = certificate.map_err(wrong)?;
                roots.add(certificate).map_err(|error| {
                    format!("{shown} holds a certificate that cannot be used: {error}")
                })?;
            }
            if roots.is_empty() {
                return Err(format!("{shown}, which {} names, holds no certificate", naming.word));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(format!(
                    "this system trusts no authority (Debian: ca-certificates); name one with {}",
                    naming.whole
                ));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(|it| it.to_string())?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocol.map(<[u8]>::to_vec).into_iter().collect();
    Ok(Arc::new(config))
}

/// The name that a server must prove.
///
/// # Errors
/// When no certificate could hold such a name.
pub fn name(host: &str) -> Result<ServerName<'static>, String> {
    let wrong = |_| format!("{host:?} is no name that a certificate could prove");
    ServerName::try_from(host.to_owned()).map_err(wrong)
}

/// A failed handshake as operators read it.
#[must_use]
pub fn words(error: &rustls::Error, naming: Naming) -> String {
    use CertificateError as Why;
    let rustls::Error::InvalidCertificate(why) = error else { return error.to_string() };
    match why {
        Why::UnknownIssuer => format!(
            "its certificate is of an authority that is not trusted here; {} names one that is",
            naming.whole
        ),
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            format!("its certificate is for another host: {why}")
        }
        Why::Expired | Why::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        Why::NotValidYet | Why::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        _ => format!("its certificate cannot be accepted: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMING: Naming = Naming { word: "sslrootcert", whole: "sslrootcert=FILE in the URL" };

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.pem");
        let refusal = |path: &Path| client(Some(path), NAMING, None).unwrap_err();
        assert!(refusal(&path).starts_with("read the certificates of /"), "{}", refusal(&path));
        std::fs::write(&path, "no certificate\n").unwrap();
        assert!(
            refusal(&path).ends_with("root.pem, which sslrootcert names, holds no certificate")
        );
        let broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        std::fs::write(&path, broken).unwrap();
        assert!(refusal(&path).contains("a certificate that cannot be used"), "{}", refusal(&path));
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_words() {
        let words = |why| words(&rustls::Error::InvalidCertificate(why), NAMING);
        assert!(words(CertificateError::UnknownIssuer).contains("not trusted here; sslrootcert="));
        assert!(words(CertificateError::NotValidForName).contains("for another host"));
        assert_eq!(words(CertificateError::Expired), "its certificate has expired");
        assert!(name("db.example").is_ok() && name("10.0.0.1").is_ok() && name("a b").is_err());
    }
}
