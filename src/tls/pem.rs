//! PEM into what TLS uses, with the certificate's own words about names and time.
//!
//! Takes nothing for granted: the files may be the wrong way round, of another key, empty or damaged, and the message says which.

use jiff::Timestamp;
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use x509_parser::{extensions::GeneralName, prelude::FromDer as _, prelude::X509Certificate};

use super::{Error, Facts, Pair};

pub(super) fn certified(pair: &Pair) -> Result<(CertifiedKey, Facts), Error> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pair.chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| Error(format!("the certificate is no PEM: {error:?}")))?;
    let Some(first) = chain.first() else {
        return Err(Error(
            "the certificate file holds no certificate; give the full chain as PEM".to_owned(),
        ));
    };
    let facts = facts(first)?;
    let key = PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes())
        .map_err(|_| Error("the key file holds no private key as PEM".to_owned()))?;
    let signer = any_supported_type(&key)
        .map_err(|_| Error("the private key is of a kind TLS does not take; use ECDSA or RSA".to_owned()))?;
    let certified = CertifiedKey::new(chain, signer);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok((certified, facts))
        }
        Err(_) => Err(Error("the private key is not the certificate's".to_owned())),
    }
}

fn facts(der: &CertificateDer<'_>) -> Result<Facts, Error> {
    let damaged = || Error("the certificate is damaged".to_owned());
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| damaged())?;
    let at = |seconds: i64| Timestamp::from_second(seconds).map_err(|_| damaged());
    let mut names = Vec::new();
    if let Ok(Some(alternative)) = certificate.subject_alternative_name() {
        names.extend(alternative.value.general_names.iter().filter_map(dns_name));
    }
    Ok(Facts {
        names,
        issuer: certificate.issuer().to_string(),
        from: at(certificate.validity().not_before.timestamp())?,
        until: at(certificate.validity().not_after.timestamp())?,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other crates' kinds of names are no host names")]
fn dns_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::{Pair, certified};

    fn pair(names: &[&str]) -> Pair {
        let key = rcgen::KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).expect("names");
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 4, 1);
        let certificate = params.self_signed(&key).expect("a certificate");
        Pair { chain_pem: certificate.pem(), key_pem: Zeroizing::new(key.serialize_pem()) }
    }

    #[test]
    fn a_certificate_tells_its_names_and_its_time() {
        let (_, facts) = certified(&pair(&["tga.example.org"])).expect("a pair");
        assert_eq!(facts.names, ["tga.example.org"]);
        assert_eq!(facts.from.to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(facts.until.to_string(), "2026-04-01T00:00:00Z");
    }

    #[test]
    fn each_mistake_is_named() {
        let (one, two) = (pair(&["a.example"]), pair(&["b.example"]));
        let said = |chain: &str, key: &str| {
            let pair = Pair { chain_pem: chain.to_owned(), key_pem: Zeroizing::new(key.to_owned()) };
            certified(&pair).expect_err("it is wrong").to_string()
        };
        assert!(said(&one.chain_pem, &two.key_pem).contains("not the certificate's"));
        assert!(said("", &one.key_pem).contains("holds no certificate"));
        assert!(said(&one.key_pem, &one.key_pem).contains("holds no certificate"));
        assert!(said(&one.chain_pem, &one.chain_pem).contains("no private key"));
    }
}
