//! One order at a certificate authority, from the account to the certificate.
//!
//! The account is made at the first order and stands in it from then on, whatever becomes of the order: authorities count how many
//! accounts one address makes. The caller keeps it. What the authority could not verify is told in words that say
//! what to look at: the name's address, the port, the authority's limits.

use std::{error::Error as _, fmt::Write as _, time::Duration};

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error as AcmeError, Identifier,
    NewAccount, NewOrder, OrderStatus, Problem, RetryPolicy,
};
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use super::{Certificates, Error, Pair, client::Client};

/// Longest wait until the authority has looked, and until it has signed.
const DECIDED_WITHIN: Duration = Duration::from_mins(1);

/// How a name is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// On the HTTPS listener, which the authority reaches on port 443.
    TlsAlpn,
    /// On the plain listener, which the authority reaches on port 80.
    Http,
}

impl Challenge {
    /// The port the authority comes to.
    pub fn port(self) -> u16 {
        match self {
            Challenge::TlsAlpn => 443,
            Challenge::Http => 80,
        }
    }
}

/// What is wanted of whom.
#[derive(Debug, Clone)]
pub struct Order {
    pub domain: String,
    pub directory_url: String,
    /// PEM; `None` takes the system's roots.
    pub root_pem: Option<String>,
    /// An e-mail address.
    pub contact: Option<String>,
    pub challenge: Challenge,
    /// JSON as an earlier order left it; with `None` an account is made and stands here then. To be kept as secret as a key.
    pub account: Option<Zeroizing<String>>,
}

/// What was got.
#[derive(Debug)]
pub struct Issued {
    pub pair: Pair,
}

impl Certificates {
    /// Gets a certificate. The answers to the authority's questions are given out by `self` meanwhile; the new certificate is
    /// returned, not used yet.
    pub async fn order(&self, order: &mut Order) -> Result<Issued, Error> {
        let issued = self.order_run(order).await;
        self.answers_forget();
        issued
    }

    async fn order_run(&self, wanted: &mut Order) -> Result<Issued, Error> {
        let names = [Identifier::Dns(wanted.domain.clone())];
        let wish = NewOrder::new(&names);
        let (account, credentials) = account(wanted, wanted.account.as_ref()).await?;
        wanted.account = Some(credentials);
        let mut placed = account.new_order(&wish).await;
        if let Err(AcmeError::Api(problem)) = &placed
            && is(problem, "accountDoesNotExist")
        {
            // An authority that was set up anew does not know us; another account serves as well.
            let (account, made) = self::account(wanted, None).await?;
            wanted.account = Some(made);
            placed = account.new_order(&wish).await;
        }
        let mut order = placed.map_err(|error| failed(wanted, &error))?;
        let mut authorizations = order.authorizations();
        while let Some(found) = authorizations.next().await {
            let mut authorization = found.map_err(|error| failed(wanted, &error))?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let kind = match wanted.challenge {
                Challenge::TlsAlpn => ChallengeType::TlsAlpn01,
                Challenge::Http => ChallengeType::Http01,
            };
            let Some(mut challenge) = authorization.challenge(kind) else {
                let other = "choose the other tls.challenge";
                return Err(Error(format!("the authority does not offer this kind of proof; {other}")));
            };
            let answer = challenge.key_authorization();
            match wanted.challenge {
                Challenge::TlsAlpn => {
                    self.proof_put(&wanted.domain, proof(&wanted.domain, answer.digest().as_ref())?);
                }
                Challenge::Http => self.token_put(&challenge.token, answer.as_str()),
            }
            challenge.set_ready().await.map_err(|error| failed(wanted, &error))?;
        }
        let patience = RetryPolicy::new().timeout(DECIDED_WITHIN);
        let status = order.poll_ready(&patience).await.map_err(|error| failed(wanted, &error))?;
        if status != OrderStatus::Ready {
            return Err(refused(wanted, &mut order).await);
        }
        let key_pem = Zeroizing::new(order.finalize().await.map_err(|error| failed(wanted, &error))?);
        let chain_pem = order.poll_certificate(&patience).await.map_err(|error| failed(wanted, &error))?;
        Ok(Issued { pair: Pair { chain_pem, key_pem } })
    }
}

/// The account that was kept, or a new one.
async fn account(
    wanted: &Order,
    kept: Option<&Zeroizing<String>>,
) -> Result<(Account, Zeroizing<String>), Error> {
    let builder = || {
        let client = Client::new(wanted.root_pem.as_deref())?;
        Ok::<_, Error>(Account::builder_with_http(Box::new(client)))
    };
    if let Some(kept) = kept
        && let Ok(credentials) = serde_json::from_str::<AccountCredentials>(kept)
    {
        let account = builder()?.from_credentials(credentials).await;
        return account.map(|account| (account, kept.clone())).map_err(|error| failed(wanted, &error));
    }
    let contact = wanted.contact.as_ref().map(|address| format!("mailto:{address}"));
    let contact: Vec<&str> = contact.as_deref().into_iter().collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let made = builder()?.create(&new, wanted.directory_url.clone(), None).await;
    let (account, credentials) = made.map_err(|error| failed(wanted, &error))?;
    let kept = serde_json::to_string(&credentials)
        .map_err(|error| Error(format!("the account cannot be kept: {error}")))?;
    Ok((account, Zeroizing::new(kept)))
}

/// The certificate that proves a name over TLS (RFC 8737).
fn proof(domain: &str, digest: &[u8]) -> Result<CertifiedKey, Error> {
    let made = |error: rcgen::Error| Error(format!("the proof of {domain} cannot be made: {error}"));
    let digest: [u8; 32] =
        digest.try_into().map_err(|_| Error("the authority's question has a wrong length".to_owned()))?;
    let key = rcgen::KeyPair::generate().map_err(made)?;
    let mut params = rcgen::CertificateParams::new(vec![domain.to_owned()]).map_err(made)?;
    params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(&digest)];
    let certificate = params.self_signed(&key).map_err(made)?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signer = any_supported_type(&der)
        .map_err(|error| Error(format!("the proof of {domain} cannot be signed: {error}")))?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signer))
}

/// Why an order was not granted, by what the authority noted at its questions.
async fn refused(wanted: &Order, order: &mut instant_acme::Order) -> Error {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return told(wanted, problem);
        }
    }
    Error(format!("the authority refused {} without a reason", wanted.domain))
}

fn failed(wanted: &Order, error: &AcmeError) -> Error {
    if let AcmeError::Api(problem) = error {
        return told(wanted, problem);
    }
    let mut text = format!("{} cannot be asked: {error}", wanted.directory_url);
    // The outermost message of an HTTP client says least.
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let _ = write!(text, ": {deeper}");
        cause = deeper.source();
    }
    text.push_str("; see that this machine reaches it, and tls.ca_file if it is an authority of your own");
    Error(text)
}

fn told(wanted: &Order, problem: &Problem) -> Error {
    let detail = problem.detail.as_deref().unwrap_or("no detail");
    Error(format!("the authority says: {detail}; {}", advice(wanted, problem)))
}

fn is(problem: &Problem, kind: &str) -> bool {
    problem.r#type.as_deref().is_some_and(|found| found.ends_with(&format!(":{kind}")))
}

/// What to look at, by the kinds of RFC 8555, section 6.7.
fn advice(wanted: &Order, problem: &Problem) -> String {
    let (domain, port) = (&wanted.domain, wanted.challenge.port());
    if is(problem, "dns") {
        format!("give {domain} an A or AAAA record with this machine's address")
    } else if ["connection", "tls", "unauthorized", "incorrectResponse"].iter().any(|kind| is(problem, kind))
    {
        format!(
            "port {port} of {domain} must lead here from the internet; now nothing answers there, or another machine or \
             program does: see the record, the router, the firewall"
        )
    } else if is(problem, "caa") {
        format!("the CAA record of {domain} does not allow this authority")
    } else if is(problem, "rateLimited") {
        "the authority's limit is reached; wait as it says".to_owned()
    } else if is(problem, "rejectedIdentifier") {
        format!("the authority does not certify {domain}; use a public name")
    } else {
        "see the authority's documentation".to_owned()
    }
}
