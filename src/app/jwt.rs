//! Signed tokens (JWT): their keys, making and checking them.
//!
//! HS256 and nothing else. Each key has a `kid`; the newest signs, the ones before are still believed until they are dropped. A
//! token is made for one audience and is worth nothing to another. Keys lie in `keys/jwt.json` (0600), made with the data
//! directory and never shown; a crash while rotating leaves the old file or the new one. `auth.jwt_secret` replaces the file.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::RwLock,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{App, Error};
use crate::model::{Role, TenantId};

/// The name of systemd's credential with keys, under `CREDENTIALS_DIRECTORY`.
const CREDENTIAL: &str = "tga-jwt.key";
/// Who issues; a token of another kind of service is refused whatever its key.
const ISSUER: &str = "tga";
/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Keys kept after rotations, the signing one included.
const KEYS_KEPT_MAX: usize = 3;
/// Longest token that is looked at, bytes.
pub const TOKEN_BYTES_MAX: usize = 2048;
/// How far ahead of ours the clock of whoever signed may be.
const AHEAD_MAX_S: i64 = 60;

/// What a token is good for; never two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The API, for a signed-in member.
    Api,
    /// One QR login.
    TgAuth,
    /// A login that the bot has begun for a Telegram user.
    TgLogin,
    /// A link that signs a member in once.
    SignInLink,
}

impl Audience {
    pub const ALL: [Audience; 4] = [Audience::Api, Audience::TgAuth, Audience::TgLogin, Audience::SignInLink];

    pub fn name(self) -> &'static str {
        match self {
            Audience::Api => "tga-api",
            Audience::TgAuth => "tg-auth",
            Audience::TgLogin => "tg-login",
            Audience::SignInLink => "sign-in-link",
        }
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// A membership's id, or whatever the audience is about.
    pub sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<TenantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The session it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<uuid::Uuid>,
    pub jti: uuid::Uuid,
    /// Unix seconds.
    pub iat: i64,
    /// Unix seconds; not believed from this second on.
    pub exp: i64,
}

/// A key.
#[derive(Serialize, Deserialize)]
struct Key {
    kid: String,
    /// base64url.
    secret: Zeroizing<String>,
    created_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    /// The signing one first.
    keys: Vec<Key>,
}

/// Key material, ready for use.
struct Ready {
    kid: String,
    secret: Zeroizing<Vec<u8>>,
}

impl Ready {
    fn given(secret: &str) -> Self {
        let kid = format!("config-{}", &super::tokens::hex(&Sha256::digest(secret.as_bytes()))[..8]);
        Self { kid, secret: Zeroizing::new(secret.as_bytes().to_vec()) }
    }
}

/// The keys of this installation.
pub(super) struct Keys {
    /// `None`: the configuration brings the key.
    file: Option<PathBuf>,
    ready: RwLock<Vec<Ready>>,
}

impl Keys {
    /// Reads the keys, making the first one.
    pub(super) fn open(dir: &Path, configured: Option<&str>, now: Timestamp) -> Result<Self, Error> {
        if let Some(secret) = configured {
            return Ok(Self { file: None, ready: RwLock::new(vec![Ready::given(secret)]) });
        }
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(dir).map_err(|error| Error::io("create", dir, error))?;
        let path = dir.join("jwt.json");
        let file = if let Some(file) = read(&path)? {
            file
        } else {
            let file = KeyFile { keys: vec![key_new(now)?] };
            write(&path, &file)?;
            file
        };
        Ok(Self { file: Some(path), ready: RwLock::new(ready(&file)?) })
    }

    /// The keys that systemd hands over, where it does and the configuration has none.
    pub(super) fn of(dir: &Path, configured: Option<&str>, now: Timestamp) -> Result<Self, Error> {
        let handed = std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| Path::new(&dir).join(CREDENTIAL));
        match handed.filter(|path| configured.is_none() && path.is_file()) {
            None => Self::open(dir, configured, now),
            Some(path) => {
                let text = std::fs::read_to_string(&path).map(Zeroizing::new);
                let text = text.map_err(|error| Error::io("read", &path, error))?;
                Self::given(&text, &path.display().to_string())
            }
        }
    }

    /// Keys that somebody else keeps, one a line; the last signs. `from` names where they are.
    pub(super) fn given(text: &str, from: &str) -> Result<Self, Error> {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() || lines.iter().any(|line| line.len() < KEY_BYTES) {
            let what = format!(
                "{from} needs keys of at least {KEY_BYTES} characters, one a line: openssl rand -hex 32"
            );
            return Err(Error::Invalid(what));
        }
        let ready = lines.into_iter().rev().map(Ready::given).collect();
        Ok(Self { file: None, ready: RwLock::new(ready) })
    }

    /// Signs claims for an audience.
    fn sign(&self, claims: &Claims) -> Result<String, Error> {
        let keys = self.ready.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(keys[0].kid.clone());
        encode(&header, claims, &EncodingKey::from_secret(&keys[0].secret))
            .map_err(|error| Error::Unavailable(format!("sign a token: {error}")))
    }

    /// The claims of a token made for this audience, if it is one that is still good.
    fn verify(&self, audience: Audience, token: &str, now: Timestamp) -> Option<Claims> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let kid = decode_header(token).ok()?.kid?;
        let keys = self.ready.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = keys.iter().find(|key| key.kid == kid)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[audience.name()]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
        // The library asks the system for the time; ours comes from the clock.
        validation.validate_exp = false;
        let claims =
            decode::<Claims>(token, &DecodingKey::from_secret(&key.secret), &validation).ok()?.claims;
        let fresh = claims.exp > now.as_second() && claims.iat <= now.as_second() + AHEAD_MAX_S;
        // `aud` is one word here; a list that merely contains ours does not come from us.
        (fresh && claims.aud == audience.name()).then_some(claims)
    }

    /// Adds a signing key and drops the oldest.
    fn rotate(&self, now: Timestamp) -> Result<String, Error> {
        let path = self.file.as_ref().ok_or_else(|| {
            let what = "the key comes from auth.jwt_secret or a systemd credential, so its owner rotates it: \
                        change it, or add a line to the credential, and restart";
            Error::Conflict(what.to_owned())
        })?;
        let mut keys = self.ready.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut file = read(path)?.unwrap_or(KeyFile { keys: Vec::new() });
        file.keys.insert(0, key_new(now)?);
        file.keys.truncate(KEYS_KEPT_MAX);
        write(path, &file)?;
        *keys = ready(&file)?;
        Ok(keys[0].kid.clone())
    }
}

fn key_new(now: Timestamp) -> Result<Key, Error> {
    let mut secret = Zeroizing::new([0_u8; KEY_BYTES]);
    getrandom::fill(secret.as_mut_slice())
        .map_err(|error| Error::Unavailable(format!("the system's random source failed: {error}")))?;
    Ok(Key {
        kid: uuid::Uuid::new_v4().simple().to_string(),
        secret: Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_slice())),
        created_at: now,
    })
}

fn ready(file: &KeyFile) -> Result<Vec<Ready>, Error> {
    let damaged = || {
        Error::Invalid(
            "keys/jwt.json is damaged; restore it, or delete it: everybody then signs in again".to_owned(),
        )
    };
    let keys: Option<Vec<Ready>> = file
        .keys
        .iter()
        .map(|key| {
            let secret = URL_SAFE_NO_PAD.decode(key.secret.as_bytes()).ok()?;
            (secret.len() == KEY_BYTES)
                .then(|| Ready { kid: key.kid.clone(), secret: Zeroizing::new(secret) })
        })
        .collect();
    keys.filter(|keys| !keys.is_empty()).ok_or_else(damaged)
}

fn read(path: &Path) -> Result<Option<KeyFile>, Error> {
    let text = match std::fs::read(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path, error)),
    };
    let mode = std::fs::metadata(path).map_err(|error| Error::io("read", path, error))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::Invalid(format!(
            "{} can be read by others; `chmod 600` it, and rotate the key if somebody may have read it",
            path.display()
        )));
    }
    let file = serde_json::from_slice(&text);
    file.map(Some).map_err(|error| {
        Error::Invalid(format!(
            "{} is damaged ({error}); restore it, or delete it: everybody then signs in again",
            path.display()
        ))
    })
}

/// Writes the file beside and moves it into place.
fn write(path: &Path, file: &KeyFile) -> Result<(), Error> {
    let text = Zeroizing::new(serde_json::to_vec_pretty(file).expect("keys are plain JSON"));
    let beside = path.with_extension("new");
    let written = (|| {
        let mut out = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        out.write_all(&text)?;
        out.sync_all()?;
        std::fs::rename(&beside, path)?;
        path.parent().map_or(Ok(()), |dir| std::fs::File::open(dir)?.sync_all())
    })();
    written.map_err(|error| Error::io("write", path, error))
}

/// What is said of a member in an access token.
#[derive(Debug, Clone, Copy)]
pub(super) struct AccessClaims {
    pub(super) tenant: TenantId,
    pub(super) role: Role,
    pub(super) session: uuid::Uuid,
}

impl App {
    /// A token that opens the API for a member.
    pub(super) fn access_mint(
        &self,
        member: crate::model::MembershipId,
        about: AccessClaims,
    ) -> Result<String, Error> {
        let claims = self.claims(Audience::Api, member.to_string(), self.config().auth.access_ttl);
        let claims =
            Claims { tid: Some(about.tenant), role: Some(about.role), sid: Some(about.session), ..claims };
        self.jwt.sign(&claims)
    }

    /// A token about something else than the API: `subject` is a QR login's id or a Telegram id, as the audience has it.
    pub fn ticket_mint(
        &self,
        audience: Audience,
        subject: &str,
        ttl: std::time::Duration,
    ) -> Result<String, Error> {
        self.jwt.sign(&self.claims(audience, subject.to_owned(), ttl))
    }

    /// What a token made for this audience says. What is wrong with a bad one is not told to its bearer.
    pub fn jwt_verify(&self, audience: Audience, token: &str) -> Result<Claims, Error> {
        self.jwt
            .verify(audience, token, self.now())
            .ok_or(Error::Unauthorized("the token is unknown, expired or revoked"))
    }

    /// Signs with a new key from now on; tokens of the ones before stay good until they expire. Returns the new key's id.
    pub fn jwt_key_rotate(&self) -> Result<String, Error> {
        let kid = self.jwt.rotate(self.now())?;
        self.log_system("info", format!("tokens are signed with key {kid} from now on"))?;
        Ok(kid)
    }

    fn claims(&self, audience: Audience, sub: String, ttl: std::time::Duration) -> Claims {
        let now = self.now();
        let ttl = SignedDuration::try_from(ttl).unwrap_or(SignedDuration::ZERO);
        Claims {
            iss: ISSUER.to_owned(),
            aud: audience.name().to_owned(),
            sub,
            tid: None,
            role: None,
            sid: None,
            jti: uuid::Uuid::new_v4(),
            iat: now.as_second(),
            exp: now.saturating_add(ttl).map_or(i64::MAX, Timestamp::as_second),
        }
    }
}

#[cfg(test)]
mod tests;
