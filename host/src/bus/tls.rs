//! Encryption: the files are checked before anything is connected, so that an error names the file.

use std::path::Path;

use async_nats::ConnectOptions;
use async_nats::rustls::crypto::{CryptoProvider, ring};
use async_nats::rustls::pki_types::pem::PemObject;
use async_nats::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{BusError, Tls};

/// Puts the settings into the options of a connection.
pub(super) fn apply(tls: &Tls, mut options: ConnectOptions) -> Result<ConnectOptions, BusError> {
    // rustls asks the process for its cryptography when it is built with more than one; this settles it. A server may
    // ask for TLS although the settings do not. Whoever came first has settled it already, which is as good.
    if CryptoProvider::get_default().is_none() {
        let _ = ring::default_provider().install_default();
    }
    options = options.require_tls(tls.required);
    if let Some(file) = &tls.ca_file {
        check_certificates("nats.tls.ca_file", file)?;
        options = options.add_root_certificates(file.clone());
    }
    match (&tls.certificate_file, &tls.key_file) {
        (Some(certificate), Some(key)) => {
            check_certificates("nats.tls.certificate_file", certificate)?;
            PrivateKeyDer::from_pem_file(key)
                .map_err(|error| unusable("nats.tls.key_file", key, error))?;
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        (None, None) => {}
        (Some(_), None) => {
            return Err(alone(
                "nats.tls.certificate_file",
                "needs nats.tls.key_file beside it",
            ));
        }
        (None, Some(_)) => {
            return Err(alone(
                "nats.tls.key_file",
                "needs nats.tls.certificate_file beside it",
            ));
        }
    }
    Ok(options)
}

fn alone(key: &'static str, why: &str) -> BusError {
    BusError::Setting {
        key,
        why: why.to_owned(),
    }
}

fn unusable(key: &'static str, path: &Path, why: impl ToString) -> BusError {
    BusError::File {
        key,
        path: path.to_owned(),
        why: why.to_string(),
    }
}

fn check_certificates(key: &'static str, file: &Path) -> Result<(), BusError> {
    let refused = |error| unusable(key, file, error);
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file)
        .map_err(refused)?
        .collect();
    if certificates.map_err(refused)?.is_empty() {
        return Err(unusable(key, file, "there is no certificate in it"));
    }
    Ok(())
}
