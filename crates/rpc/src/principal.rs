//! Who calls.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The name of callers who do not say who they are.
const ANONYMOUS: &str = "anonymous";

/// Who calls, and how that is known. Every request of a server, and of a transport in the same process,
/// carries one among its extensions; nothing that a caller sends can change it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Nobody knows: a connection without TLS, which is served on loopback addresses only.
    Anonymous,
    /// The holder of a client certificate that an authority of ours has signed, by the name in it.
    Certificate(Arc<str>),
    /// A service of the same process.
    Service(&'static str),
}

impl Principal {
    /// Returns the one who did not say.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::Anonymous
    }

    /// Returns who a verified chain of certificates is about: the first URI in the first certificate
    /// (a SPIFFE id, for example), or its first DNS name, or, where it has neither, `sha256:` and its
    /// digest.
    #[must_use]
    pub fn of_certificates(chain: &[CertificateDer<'_>]) -> Self {
        let Some(first) = chain.first() else {
            return Self::Anonymous;
        };
        let parsed = EndEntityCert::try_from(first);
        let name = parsed.ok().and_then(|certificate| {
            let mut uris = certificate.valid_uri_names();
            let mut hosts = certificate.valid_dns_names();
            uris.next().or_else(|| hosts.next()).map(Arc::from)
        });
        Self::Certificate(name.unwrap_or_else(|| fingerprint(first).into()))
    }

    /// Returns the name under which the caller is configured and recorded.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Anonymous => ANONYMOUS,
            Self::Certificate(name) => name,
            Self::Service(name) => name,
        }
    }
}

fn fingerprint(certificate: &[u8]) -> String {
    let digest = digest(&SHA256, certificate);
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn of(names: Vec<SanType>) -> Principal {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = names;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Principal::of_certificates(&[certificate.der().clone()])
    }

    #[test]
    fn a_caller_has_the_first_name_of_its_certificate_or_a_digest() {
        let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
        let uri = |name: &str| SanType::URI(name.try_into().unwrap());

        let both = of(vec![dns("crm.example"), uri("spiffe://op/crm")]);
        assert_eq!(both.name(), "spiffe://op/crm");
        assert_eq!(of(vec![dns("crm.example"), dns("b")]).name(), "crm.example");
        let nameless = of(Vec::new());
        let digits = nameless.name().strip_prefix("sha256:").unwrap();
        assert_eq!(digits.len(), 64);
        assert_ne!(of(Vec::new()), nameless, "another certificate");
        assert_eq!(Principal::of_certificates(&[]), Principal::Anonymous);
    }
}
