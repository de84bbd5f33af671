//! TLS as a stranger speaks it: to whoever answers.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;

/// A configuration that believes everybody: for a load tool, and for asking a server who it is.
///
/// # Panics
/// When the cryptography is not there.
pub fn trusting() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let schemes = provider
        .signature_verification_algorithms
        .supported_schemes();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(schemes)))
        .with_no_client_auth();
    Arc::new(config)
}

/// The certificate of the server on this port of this machine, PEM.
///
/// # Panics
/// When there is none.
pub fn certificate_of(port: u16) -> String {
    let name = ServerName::try_from("localhost").expect("a name");
    let mut connection = ClientConnection::new(trusting(), name).expect("a client");
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("somebody listens");
    connection
        .complete_io(&mut socket)
        .expect("somebody speaks TLS");
    let _ = socket.flush();
    let certificates = connection.peer_certificates().unwrap_or_default();
    let body = data_encoding::BASE64.encode(certificates.first().expect("a certificate"));
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

/// Asks nobody for a proof.
#[derive(Debug)]
struct Anybody(Vec<SignatureScheme>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}
