//! Whom an endpoint believes to be a relay: public authorities, the authorities and keys of its own relays, and for the
//! relays that peers' addresses name the keys that stand there. All of it may grow while the endpoint runs.
//!
//! A relay cannot read what it carries, and each end proves its key to it. Believing the wrong one tells a stranger who
//! talks to whom, so a key and an authority count for the host beside which they stand and for no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use iroh::tls::CaTlsConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use wire::hub::Pin;

/// Hosts whose keys are learnt from addresses at most; then all are forgotten, and learnt again when they are dialled.
const MAX_HOSTS: usize = 1024;
/// Keys of one host at most.
const MAX_KEYS: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Trust(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Certificates that vouch for the relay at a host.
    authorities: BTreeMap<String, Vec<CertificateDer<'static>>>,
    /// Hosts of own relays with their keys; none means that a public authority vouches for it.
    own: BTreeMap<String, BTreeSet<[u8; 32]>>,
    learnt: BTreeMap<String, BTreeSet<[u8; 32]>>,
}

impl Trust {
    /// This authority vouches for the own relay at this host.
    pub(super) fn add_authority(&self, host: &str, certificate: CertificateDer<'static>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let authorities = known.authorities.entry(plain(host)).or_default();
        if !authorities.contains(&certificate) {
            authorities.push(certificate);
        }
    }

    /// An own relay is at this host. `host` is as in a URL.
    pub(super) fn add_own(&self, host: &str, keys: &[Pin]) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let own = known.own.entry(plain(host)).or_default();
        own.extend(keys.iter().map(|key| key.0));
    }

    /// An address says that the relay at this host has this key.
    pub(super) fn learn(&self, host: &str, key: Pin) {
        let host = plain(host);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !known.learnt.contains_key(&host) && known.learnt.len() >= MAX_HOSTS {
            known.learnt.clear();
        }
        let keys = known.learnt.entry(host).or_default();
        if !keys.contains(&key.0) && keys.len() >= MAX_KEYS {
            keys.clear();
        }
        keys.insert(key.0);
    }

    fn knows(&self, host: &str, key: &Pin) -> bool {
        let host = plain(host);
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let has =
            |keys: Option<&BTreeSet<[u8; 32]>>| keys.is_some_and(|keys| keys.contains(&key.0));
        let own = known.own.get(&host);
        // Nobody's link vouches for a relay of one's own that a public authority vouches for.
        let is_public = own.is_some_and(BTreeSet::is_empty);
        has(own) || (!is_public && has(known.learnt.get(&host)))
    }

    fn authorities(&self, host: &str) -> Vec<CertificateDer<'static>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let authorities = known.authorities.get(&plain(host));
        authorities.cloned().unwrap_or_default()
    }

    /// The transport's settings: what is learnt later counts too.
    pub(super) fn tls(self: Arc<Self>) -> CaTlsConfig {
        CaTlsConfig::custom_server_cert_verifier(Arc::new(move |provider| {
            Ok(Arc::new(Verifier {
                trust: self.clone(),
                provider,
            }))
        }))
    }
}

/// A host as URLs and as TLS write it, in one form.
fn plain(host: &str) -> String {
    host.trim_matches(['[', ']'])
        .trim_end_matches('.')
        .to_ascii_lowercase()
}

/// SHA-256 of a certificate's SubjectPublicKeyInfo; `None` if it is no certificate.
pub(super) fn key_of(certificate: &CertificateDer<'_>) -> Option<Pin> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let key = Sha256::digest(certificate.subject_public_key_info().as_ref());
    Some(Pin(key.into()))
}

#[derive(Debug)]
struct Verifier {
    trust: Arc<Trust>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Whether the certificate is signed by one of those sent along whose key is known.
    fn is_signed_by_known(&self, shown: &Shown<'_>) -> bool {
        let host = shown.name.to_str();
        let is_known =
            |ca: &&CertificateDer<'_>| key_of(ca).is_some_and(|key| self.trust.knows(&host, &key));
        let mut roots = RootCertStore::empty();
        let authorities = shown.chain.iter().filter(is_known);
        roots.add_parsable_certificates(authorities.map(|ca| ca.clone().into_owned()));
        if roots.is_empty() {
            return false;
        }
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone());
        builder
            .build()
            .is_ok_and(|verifier| shown.to(&*verifier).is_ok())
    }
}

/// What a server has shown.
struct Shown<'a> {
    certificate: &'a CertificateDer<'a>,
    chain: &'a [CertificateDer<'a>],
    name: &'a ServerName<'a>,
    ocsp: &'a [u8],
    now: UnixTime,
}

impl Shown<'_> {
    fn to(&self, verifier: &dyn ServerCertVerifier) -> Result<ServerCertVerified, rustls::Error> {
        verifier.verify_server_cert(self.certificate, self.chain, self.name, self.ocsp, self.now)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let key = key_of(certificate).ok_or(rustls::Error::InvalidCertificate(
            CertificateError::BadEncoding,
        ))?;
        // Who has the key is the relay, whatever name and dates stand in the certificate.
        if self.trust.knows(&name.to_str(), &key) {
            return Ok(ServerCertVerified::assertion());
        }
        let shown = Shown {
            certificate,
            chain,
            name,
            ocsp,
            now,
        };
        if self.is_signed_by_known(&shown) {
            return Ok(ServerCertVerified::assertion());
        }
        let usual = CaTlsConfig::embedded()
            .with_extra_roots(self.trust.authorities(&name.to_str()))
            .server_cert_verifier(self.provider.clone())
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        shown.to(&*usual)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    fn verifier(trust: Trust) -> Verifier {
        Verifier {
            trust: Arc::new(trust),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
        }
    }

    fn is_believed(verifier: &Verifier, host: &str, sent: &[CertificateDer<'_>]) -> bool {
        let name = ServerName::try_from(host).unwrap();
        verifier
            .verify_server_cert(&sent[0], &sent[1..], &name, &[], UnixTime::now())
            .is_ok()
    }

    fn self_signed(host: &str) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn a_key_counts_for_its_host_and_for_no_other() {
        let sent = [self_signed("elsewhere.example")];
        let trust = Trust::default();
        trust.learn("relay.example.", key_of(&sent[0]).unwrap());
        trust.learn("[::1]", key_of(&sent[0]).unwrap());
        let verifier = verifier(trust);
        assert!(is_believed(&verifier, "relay.example", &sent));
        assert!(is_believed(&verifier, "RELAY.example", &sent));
        assert!(is_believed(&verifier, "::1", &sent));
        assert!(!is_believed(&verifier, "elsewhere.example", &sent));
        let another = [self_signed("relay.example")];
        assert!(!is_believed(&verifier, "relay.example", &another));
    }

    #[test]
    fn a_link_does_not_vouch_for_an_own_relay_of_a_public_authority() {
        let sent = [self_signed("relay.example")];
        let key = key_of(&sent[0]).unwrap();
        let trust = Trust::default();
        trust.learn("relay.example", key);
        trust.add_own("relay.example", &[]);
        let verifier = verifier(trust);
        assert!(!is_believed(&verifier, "relay.example", &sent));
        verifier.trust.add_own("relay.example", &[key]);
        assert!(is_believed(&verifier, "relay.example", &sent));
    }

    #[test]
    fn an_authority_that_is_sent_along_is_known_by_its_key() {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_certificate = ca.self_signed(&ca_key).unwrap().der().clone();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["relay.example".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap().der().clone();
        let trust = Trust::default();
        trust.learn("relay.example", key_of(&ca_certificate).unwrap());
        trust.learn("other.example", key_of(&ca_certificate).unwrap());
        let verifier = verifier(trust);
        let sent = [leaf.clone(), ca_certificate.clone()];
        assert!(is_believed(&verifier, "relay.example", &sent));
        assert!(!is_believed(&verifier, "other.example", &sent), "its name");
        assert!(!is_believed(&verifier, "relay.example", &[leaf]));
        let stranger = [self_signed("relay.example"), ca_certificate.clone()];
        assert!(!is_believed(&verifier, "relay.example", &stranger));
        // The authority of an own relay need not be sent along, and vouches for that relay only.
        let own = Trust::default();
        own.add_authority("relay.example", ca_certificate);
        own.add_own("relay.example", &[]);
        let another = CertificateParams::new(vec!["other.example".to_owned()]).unwrap();
        let another = another.signed_by(&key, &issuer).unwrap().der().clone();
        let verifier = self::verifier(own);
        assert!(is_believed(&verifier, "relay.example", &sent[..1]));
        assert!(!is_believed(&verifier, "other.example", &[another]));
    }

    #[test]
    fn what_is_learnt_is_bounded() {
        let trust = Trust::default();
        for host in 0..3 * MAX_HOSTS {
            trust.learn(&format!("r{host}.example"), Pin([1; 32]));
        }
        for key in 0..=u8::MAX {
            trust.learn("one.example", Pin([key; 32]));
        }
        let known = trust.0.read().unwrap();
        assert!(known.learnt.len() <= MAX_HOSTS);
        assert!(known.learnt["one.example"].len() <= MAX_KEYS);
        assert!(known.learnt["one.example"].contains(&[255; 32]));
    }
}
