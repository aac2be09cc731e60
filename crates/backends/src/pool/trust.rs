//! Whom TLS trusts: the system's certificate store, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name in its place, and
//! besides it the operator's own file. Where a system has no store at all, the roots of Mozilla's programme that are
//! built in. The store is read when the first `https` host is set up, not before.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why certificates cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file cannot be read as PEM.
    #[error("cannot read certificates from {path}: {reason}: give a PEM file")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file holds no certificate.
    #[error("{0} holds no certificate: give a PEM file with at least one")]
    Empty(PathBuf),
    /// TLS itself cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

pub(crate) struct Trust {
    own: Vec<CertificateDer<'static>>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    pub(crate) fn new(file: Option<&Path>) -> Result<Self, TrustError> {
        let own = file.map_or(Ok(Vec::new()), read)?;
        Ok(Self { own, config: OnceLock::new() })
    }

    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for certificate in &self.own {
            roots.add(certificate.clone()).map_err(|error| TrustError::Tls(error.to_string()))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TrustError::Tls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(self.config.get_or_init(|| Arc::new(config)).clone())
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let fault = |error: rustls::pki_types::pem::Error| TrustError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(fault)?.collect::<Result<_, _>>().map_err(fault)?;
    if certificates.is_empty() { Err(TrustError::Empty(path.to_owned())) } else { Ok(certificates) }
}
