//! Whom to trust: the operating system, what the environment and the settings add, and a bundled list where a bare
//! container has nothing.
use crate::ambient::Ambient;
use crate::config::Network;
use crate::error::{Error, Kind, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// What to trust besides the operating system.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    extra: Vec<CertificateDer<'static>>,
    bundle: Option<(&'static str, PathBuf)>,
}

impl Trust {
    /// Reads `ca_file=` at once, so that a mistake shows when the client is made (G04), and notes which bundle the
    /// environment names; that one is read when the first connection with TLS is made. `SSL_CERT_FILE` and `SSL_CERT_DIR`
    /// stand for the operating system's own store, as they do for other programs.
    pub fn read(network: &Network, ambient: &Ambient) -> Result<Self> {
        let extra = network.ca_file.as_ref().map_or_else(|| Ok(Vec::new()), |path| certificates("ca_file", path))?;
        let named = |name: &'static str| Some((name, PathBuf::from(ambient.variable(name)?)));
        let bundle = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"].into_iter().filter(|_| network.trust_env).find_map(named);
        Ok(Self { extra, bundle })
    }

    /// What makes a connection one with TLS.
    pub(super) fn connector(&self) -> Result<TlsConnector> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some((name, path)) = &self.bundle {
            roots.add_parsable_certificates(certificates(name, path)?);
        }
        roots.add_parsable_certificates(self.extra.iter().cloned());
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(Kind::Internal, format!("TLS could not be set up: {error}")))?;
        Ok(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the room that reads certificates")]
fn certificates(name: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let refuse = |problem: String| Error::new(Kind::Config, format!("{name} '{}' {problem}", path.display()));
    if path.is_dir() {
        return directory(path).ok_or_else(|| refuse("is a directory that cannot be read".into()));
    }
    let text = std::fs::read(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| refuse(format!("is not a PEM file: {error}")))?;
    let mut check = RootCertStore::empty();
    if found.is_empty() || check.add_parsable_certificates(found.iter().cloned()).0 == 0 {
        return Err(refuse("holds no certificate (PEM, '-----BEGIN CERTIFICATE-----')".into()));
    }
    Ok(found)
}

#[allow(clippy::disallowed_methods, reason = "this is the room that reads certificates")]
fn directory(path: &Path) -> Option<Vec<CertificateDer<'static>>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).ok()?.flatten() {
        if let Ok(certificates) = CertificateDer::pem_file_iter(entry.path()) {
            found.extend(certificates.flatten());
        }
    }
    Some(found)
}
