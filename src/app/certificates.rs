//! The certificate of the service's listener: from files, or by ACME, kept sealed and renewed.
//!
//! A certificate that ACME gave lies in `<data_dir>/tls/certificate.sealed` with its key and the account, sealed as sessions are.
//! It is renewed when two thirds of its time are over; an authority that cannot be reached changes nothing but the reason that
//! doctor shows, and is asked again after growing pauses. The file appears whole or not at all, so a crash costs an order at most.

use std::{
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    App, Error,
    doctor::{Finding, State},
    sealed::{SealedKind, Visit},
    tenants::rfc3339,
};
use crate::{
    config::{Acme, AcmeChallenge, TlsSource},
    seal::Sealed,
    tls::{self, Certificates, Challenge, Facts, Pair},
};

/// Pause after the first failure to get a certificate; doubled with each further one.
const RETRY_FIRST: SignedDuration = SignedDuration::from_mins(5);
/// Longest pause. An authority allows few failures an hour.
const RETRY_MAX: SignedDuration = SignedDuration::from_hours(6);
/// No certificate is asked for again sooner after one was got, whatever its dates say.
const RENEW_EARLIEST: SignedDuration = SignedDuration::from_hours(1);
/// A certificate of somebody's own that ends sooner is told of.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
const FILE: &str = "certificate.sealed";

/// What the running service holds of its certificate.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    certificates: Arc<Certificates>,
    state: Mutex<Progress>,
    /// Who reads the kept file to write it anew.
    file: Mutex<()>,
}

#[derive(Debug, Default)]
struct Progress {
    /// Why the last try failed.
    problem: Option<String>,
    failures: u32,
    /// No try before.
    next_at: Option<Timestamp>,
    account: Option<Zeroizing<String>>,
    /// When the own files were changed last.
    files_changed: Option<(SystemTime, SystemTime)>,
}

/// How the certificate stands, for doctor, status and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CertificateView {
    /// `off`, `files` or `acme`.
    #[schema(value_type = String)]
    pub source: &'static str,
    pub names: Vec<String>,
    pub issuer: Option<String>,
    pub from_at: Option<String>,
    pub until_at: Option<String>,
    /// When another will be asked for.
    pub renew_at: Option<String>,
    /// Why the last try failed.
    pub problem: Option<String>,
}

/// The sealed file's content.
#[derive(Serialize, Deserialize)]
struct Kept {
    domain: String,
    directory_url: String,
    chain_pem: String,
    key_pem: String,
    account: String,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.key_pem.zeroize();
        self.account.zeroize();
    }
}

/// The file itself.
#[derive(Serialize, Deserialize)]
struct KeptSealed {
    key_id: String,
    /// Base64.
    sealed: String,
}

impl App {
    /// What the listener takes its certificate from.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.tls.certificates
    }

    /// When the certificate in use ends.
    pub fn certificate_until(&self) -> Option<Timestamp> {
        self.tls.certificates.facts().map(|facts| facts.until)
    }

    /// How the certificate stands.
    pub fn certificate_view(&self) -> CertificateView {
        let facts = self.tls.certificates.facts();
        let source = match self.config.tls.source {
            TlsSource::Off => "off",
            TlsSource::Files { .. } => "files",
            TlsSource::Acme(_) => "acme",
        };
        let is_acme = source == "acme";
        CertificateView {
            source,
            renew_at: facts.as_ref().filter(|_| is_acme).map(|facts| rfc3339(renew_at(facts))),
            from_at: facts.as_ref().map(|facts| rfc3339(facts.from)),
            until_at: facts.as_ref().map(|facts| rfc3339(facts.until)),
            issuer: facts.as_ref().map(|facts| facts.issuer.clone()),
            names: facts.map(|facts| facts.names).unwrap_or_default(),
            problem: self.tls_progress().problem.clone(),
        }
    }

    /// Takes the certificate there is into use, before the listener opens. Files of one's own must be right; what ACME gave
    /// before may be missing or unreadable, another is got then.
    pub fn certificate_load(&self) -> Result<(), Error> {
        match &self.config.tls.source {
            TlsSource::Off => Ok(()),
            TlsSource::Files { certificate, key } => self.certificate_files_load(certificate, key),
            TlsSource::Acme(acme) => {
                match self.certificate_kept(acme) {
                    Ok(None) => {}
                    Ok(Some(kept)) => {
                        let pair = Pair {
                            chain_pem: kept.chain_pem.clone(),
                            key_pem: Zeroizing::new(kept.key_pem.clone()),
                        };
                        self.tls_progress().account = Some(Zeroizing::new(kept.account.clone()));
                        if let Err(error) = self.tls.certificates.use_pair(&pair) {
                            self.log_system("warn", format!("the kept certificate is not used: {error}"))?;
                        }
                    }
                    Err(error) => {
                        self.log_system("warn", format!("the kept certificate cannot be read: {error}"))?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Does what is due: reads changed files, or asks for a certificate that is missing or two thirds old. Called every minute.
    pub async fn certificate_step(&self) -> Result<(), Error> {
        match &self.config.tls.source {
            TlsSource::Files { certificate, key } => {
                if files_changed(certificate, key).ok() == self.tls_progress().files_changed {
                    return Ok(());
                }
                let loaded = self.certificate_files_load(certificate, key);
                self.tls_progress().problem = loaded.as_ref().err().map(ToString::to_string);
                loaded
            }
            TlsSource::Acme(acme) if self.certificate_due(acme) => self.certificate_order(acme).await,
            TlsSource::Off | TlsSource::Acme(_) => Ok(()),
        }
    }

    fn certificate_due(&self, acme: &Acme) -> bool {
        let now = self.now();
        if self.tls_progress().next_at.is_some_and(|at| now < at) {
            return false;
        }
        match self.tls.certificates.facts() {
            None => true,
            Some(facts) => now >= renew_at(&facts) || !facts.names.contains(&acme.domain),
        }
    }

    async fn certificate_order(&self, acme: &Acme) -> Result<(), Error> {
        let issued = async {
            let mut order = self.certificate_wanted(acme)?;
            let issued = self.tls.certificates.order(&mut order).await;
            // Also after a failure: the next try is the same account's.
            self.tls_progress().account.clone_from(&order.account);
            let issued = issued.map_err(|error| failed(&error))?;
            self.certificate_keep(acme, &issued, order.account.as_deref().map_or("", String::as_str))?;
            let facts = self.tls.certificates.use_pair(&issued.pair).map_err(|error| failed(&error))?;
            Ok::<Facts, Error>(facts)
        };
        match issued.await {
            Ok(facts) => {
                let account = self.tls_progress().account.take();
                let next_at = self.now().checked_add(RENEW_EARLIEST).ok();
                *self.tls_progress() = Progress { next_at, account, ..Progress::default() };
                let (from, until) = (&facts.issuer, rfc3339(facts.until));
                self.log_system("info", format!("certificate of {} from {from} until {until}", acme.domain))
            }
            Err(error) => {
                let mut progress = self.tls_progress();
                let pause = RETRY_FIRST.saturating_mul(1 << progress.failures.min(16)).min(RETRY_MAX);
                progress.failures = progress.failures.saturating_add(1);
                progress.next_at = self.now().checked_add(pause).ok();
                progress.problem = Some(error.to_string());
                Err(error)
            }
        }
    }

    fn certificate_wanted(&self, acme: &Acme) -> Result<tls::Order, Error> {
        let root = acme.ca_file.as_ref().map(|path| {
            std::fs::read_to_string(path).map_err(|error| Error::io("read tls.ca_file", path, error))
        });
        Ok(tls::Order {
            domain: acme.domain.clone(),
            directory_url: acme.directory_url.clone(),
            root_pem: root.transpose()?,
            contact: acme.contact.clone(),
            challenge: match acme.challenge {
                AcmeChallenge::TlsAlpn => Challenge::TlsAlpn,
                AcmeChallenge::Http => Challenge::Http,
            },
            account: self.tls_progress().account.clone(),
        })
    }

    fn certificate_files_load(&self, certificate: &Path, key: &Path) -> Result<(), Error> {
        let read =
            |path: &Path| std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error));
        let changed = files_changed(certificate, key);
        let pair = Pair { chain_pem: read(certificate)?, key_pem: Zeroizing::new(read(key)?) };
        self.tls.certificates.use_pair(&pair).map_err(|error| {
            Error::Invalid(format!("tls.certificate_file {}: {error}", certificate.display()))
        })?;
        self.tls_progress().files_changed = changed.ok();
        Ok(())
    }

    fn certificate_file(&self) -> PathBuf {
        self.config.data_dir.join("tls").join(FILE)
    }

    /// What is kept, sealed; `None`: nothing.
    fn certificate_sealed(&self) -> Result<Option<Sealed>, Error> {
        let path = self.certificate_file();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let damaged = || Error::Unavailable(format!("{} is damaged", path.display()));
        let file: KeptSealed = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let bytes = STANDARD.decode(file.sealed).map_err(|_| damaged())?;
        Ok(Some(Sealed { key_id: file.key_id, bytes }))
    }

    /// What was got before from the same authority; `None`: nothing.
    fn certificate_kept(&self, acme: &Acme) -> Result<Option<Kept>, Error> {
        let Some(sealed) = self.certificate_sealed()? else { return Ok(None) };
        let plain = self.keyring().open_sealed(&sealed)?;
        let damaged = |_| Error::Unavailable(format!("{} is damaged", self.certificate_file().display()));
        let kept: Kept = serde_json::from_slice(&plain).map_err(damaged)?;
        Ok((kept.directory_url == acme.directory_url).then_some(kept))
    }

    /// Hands what is kept to `visit` and keeps what it returns instead; how many that are.
    pub(super) fn certificate_sealed_each(&self, visit: Visit<'_>) -> Result<usize, Error> {
        let _only = self.tls.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sealed) = self.certificate_sealed()? else { return Ok(0) };
        let Some(anew) = visit(&sealed) else { return Ok(0) };
        self.certificate_write(anew)?;
        Ok(1)
    }

    fn certificate_write(&self, sealed: Sealed) -> Result<(), Error> {
        let file = KeptSealed { key_id: sealed.key_id, sealed: STANDARD.encode(sealed.bytes) };
        let text = serde_json::to_vec(&file).expect("plain values always serialise");
        let path = self.certificate_file();
        file_replace(&path, &text).map_err(|error| Error::io("write", &path, error))
    }

    fn certificate_keep(&self, acme: &Acme, issued: &tls::Issued, account: &str) -> Result<(), Error> {
        let kept = Kept {
            domain: acme.domain.clone(),
            directory_url: acme.directory_url.clone(),
            chain_pem: issued.pair.chain_pem.clone(),
            key_pem: issued.pair.key_pem.to_string(),
            account: account.to_owned(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&kept).expect("plain values always serialise"));
        let _only = self.tls.file.lock().unwrap_or_else(PoisonError::into_inner);
        self.certificate_write(self.seal(SealedKind::Certificate, &plain)?)
    }

    fn tls_progress(&self) -> MutexGuard<'_, Progress> {
        self.tls.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the certificate stands, without asking the network.
    pub(super) fn check_certificate(&self) -> Finding {
        const CHECK: &str = "certificate";
        let (facts, problem) = (self.tls.certificates.facts(), self.tls_progress().problem.clone());
        let is_acme = matches!(self.config.tls.source, TlsSource::Acme(_));
        let fix = if is_acme {
            "mend the reason; it is tried again by itself, at once after a restart"
        } else {
            "put a valid certificate and its key into the files; they are read within a minute"
        };
        let Some(facts) = facts else {
            if self.config.tls.source == TlsSource::Off {
                return self.check_plain();
            }
            let detail = problem.unwrap_or_else(|| "none yet".to_owned());
            return Finding::not_ok(CHECK, State::Problem, format!("there is none: {detail}"), fix);
        };
        let (now, until) = (self.now(), rfc3339(facts.until));
        if now >= facts.until {
            let detail = format!("it ended at {until}; {}", problem.unwrap_or_default());
            return Finding::not_ok(CHECK, State::Problem, detail, fix);
        }
        if let Some(problem) = problem {
            let detail = format!("good until {until}, and another cannot be had: {problem}");
            return Finding::not_ok(CHECK, State::Reduced, detail, fix);
        }
        if !is_acme && facts.until.duration_since(now) < ENDS_SOON {
            let detail = format!("of {} ends at {until}", facts.names.join(", "));
            return Finding::not_ok(CHECK, State::Reduced, detail, fix);
        }
        Finding::ok(CHECK, format!("of {} until {until}", facts.names.join(", ")))
    }

    /// Without TLS: right on this machine and behind a proxy, wrong in the open.
    fn check_plain(&self) -> Finding {
        const CHECK: &str = "certificate";
        let listen = self.config.server.listen;
        if listen.ip().is_loopback() {
            return Finding::ok(CHECK, format!("not needed: {listen} is reached from this machine only"));
        }
        if !self.config.trusted_proxies.is_empty() {
            return Finding::ok(CHECK, "TLS is the proxy's (server.trusted_proxies)");
        }
        Finding::not_ok(
            CHECK,
            State::Reduced,
            format!("{listen} is reached over the network in the clear: others can read tokens and posts"),
            "set server.domain, or tls.certificate_file, or listen on 127.0.0.1 behind a proxy with TLS",
        )
    }
}

fn failed(error: &tls::Error) -> Error {
    Error::Unavailable(error.to_string())
}

/// Two thirds of a certificate's time.
fn renew_at(facts: &Facts) -> Timestamp {
    let third = facts.until.duration_since(facts.from) / 3;
    facts.until.checked_sub(third).unwrap_or(facts.until)
}

fn files_changed(certificate: &Path, key: &Path) -> std::io::Result<(SystemTime, SystemTime)> {
    Ok((std::fs::metadata(certificate)?.modified()?, std::fs::metadata(key)?.modified()?))
}

/// Puts a file in place, whole and durable, for its owner only.
fn file_replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let beside = path.with_extension("part");
    let mut file =
        std::fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    std::fs::File::open(dir)?.sync_all()
}
