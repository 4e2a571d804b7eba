//! A bucket of an S3-compatible storage: put, get, list, delete files, however large.
//!
//! Knows nothing of what the files hold. Requests are signed (`sign`), each body by its SHA-256, so a storage that checks it takes
//! nothing that was changed on the way; large files go in parts and appear when the last is acknowledged. Every call blocks.
//! A crash leaves an object whole or absent; parts of one that was never finished are the storage's to expire.

mod sign;
mod xml;

use std::{
    fmt::Write as _,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Method, StatusCode,
    blocking::{Body, Client, Response},
};
use url::Url;

use self::sign::{Credentials, hex_sha256};
use crate::clock::Clock;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest wait for an answer, and for the next piece of one.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// The same of a request that carries a part over a slow line.
const PART_TIMEOUT: Duration = Duration::from_hours(1);
/// Longest answer that is read, bytes; a page of a list has less.
const ANSWER_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How often a request is made that met a broken connection or a tired server.
const TRIES: u32 = 3;
/// What a storage says when it is the bucket that is not there.
const NO_BUCKET: &str = "NoSuchBucket";
/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// Parts one object has at most.
const PARTS_MAX: u64 = 10_000;

/// Why a storage did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{action} {path}: {source}")]
    Io { action: &'static str, path: String, source: std::io::Error },
    #[error("the storage {endpoint} cannot be reached: {reason}")]
    Unreachable { endpoint: String, reason: String },
    #[error("the storage has no {0}")]
    Absent(String),
    #[error("the storage refused ({status} {code}): {message}; check backup.s3 and the rights of its key")]
    Refused { status: u16, code: String, message: String },
    #[error("the storage answered something that is no answer: {0}")]
    Strange(String),
    #[error("{name}: the storage has {found} bytes of it instead of {sent}")]
    Cut { name: String, found: u64, sent: u64 },
    #[error("sending was stopped; nothing was kept")]
    Stopped,
    #[error("{0} bytes are more than {PARTS_MAX} parts hold; set backup.s3.part_bytes higher")]
    TooLarge(u64),
}

/// Where the bucket is and who asks.
#[derive(Debug, Clone)]
pub struct Settings {
    pub endpoint: Url,
    pub region: String,
    pub bucket: String,
    pub prefix: String,
    pub access_key: String,
    pub secret_key: zeroize::Zeroizing<String>,
    pub part_bytes: u64,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Without the prefix.
    pub name: String,
    pub bytes: u64,
}

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    settings: Settings,
    client: Client,
    clock: Arc<dyn Clock>,
}

/// A request before it is signed.
struct Ask<'a> {
    method: Method,
    /// `None`: the bucket itself.
    key: Option<&'a str>,
    query: Vec<(&'static str, String)>,
}

/// What a request carries.
#[derive(Clone, Copy)]
enum Carried<'a> {
    Bytes(&'a [u8]),
    /// So many bytes of a file from a place on.
    Part {
        path: &'a Path,
        from: u64,
        bytes: u64,
    },
}

impl Bucket {
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let client = Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(REQUEST_TIMEOUT).build();
        let client = client.map_err(|error| Error::Strange(error.to_string()))?;
        Ok(Self { settings, client, clock })
    }

    /// In words, without anything secret.
    pub fn shown(&self) -> String {
        let Settings { endpoint, bucket, prefix, .. } = &self.settings;
        format!("{}/{bucket}/{prefix}", endpoint.as_str().trim_end_matches('/'))
    }

    /// Sends a file; it is there under its name when this returns, in its whole length. `go_on` is asked before each part: where it
    /// says no, nothing is kept of it.
    pub fn put(&self, name: &str, path: &Path, go_on: &dyn Fn() -> bool) -> Result<(), Error> {
        if !go_on() {
            return Err(Error::Stopped);
        }
        let bytes = std::fs::metadata(path).map_err(|error| io("read", path, error))?.len();
        let part = self.settings.part_bytes;
        if bytes <= part {
            let ask = Ask { method: Method::PUT, key: Some(name), query: Vec::new() };
            self.ask(&ask, Carried::Part { path, from: 0, bytes })?;
        } else if bytes.div_ceil(part) > PARTS_MAX {
            return Err(Error::TooLarge(bytes));
        } else {
            self.put_parts(name, path, bytes, go_on)?;
        }
        match self.bytes_of(name)? {
            found if found == bytes => Ok(()),
            found => Err(Error::Cut { name: name.to_owned(), found, sent: bytes }),
        }
    }

    fn put_parts(&self, name: &str, path: &Path, bytes: u64, go_on: &dyn Fn() -> bool) -> Result<(), Error> {
        let begin = Ask { method: Method::POST, key: Some(name), query: vec![("uploads", String::new())] };
        let answer = text(self.ask(&begin, Carried::Bytes(b""))?)?;
        let upload =
            xml::value(&answer, "UploadId").ok_or_else(|| Error::Strange("no UploadId".to_owned()))?;
        let sent = self.parts_send(name, path, bytes, &upload, go_on);
        if sent.is_err() {
            let query = vec![("uploadId", upload)];
            // What cannot be taken back now expires at the storage; the failure that is told is the first.
            let _ = self.ask(&Ask { method: Method::DELETE, key: Some(name), query }, Carried::Bytes(b""));
        }
        sent
    }

    fn parts_send(
        &self,
        name: &str,
        path: &Path,
        bytes: u64,
        upload: &str,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let part = self.settings.part_bytes;
        let mut list = String::new();
        for number in 1..=bytes.div_ceil(part) {
            if !go_on() {
                return Err(Error::Stopped);
            }
            let from = (number - 1) * part;
            let query = vec![("partNumber", number.to_string()), ("uploadId", upload.to_owned())];
            let ask = Ask { method: Method::PUT, key: Some(name), query };
            let carried = Carried::Part { path, from, bytes: part.min(bytes - from) };
            let answer = self.ask(&ask, carried)?;
            let tag = answer.headers().get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default();
            let tag = xml::escaped(tag);
            let _ = write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
        }
        let list = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
        let query = vec![("uploadId", upload.to_owned())];
        let ask = Ask { method: Method::POST, key: Some(name), query };
        // This one answers 200 and may tell of a failure in its body all the same.
        let answer = text(self.ask(&ask, Carried::Bytes(list.as_bytes()))?)?;
        match xml::value(&answer, "Code") {
            None => Ok(()),
            Some(code) => {
                let message = xml::value(&answer, "Message").unwrap_or_default();
                Err(Error::Refused { status: 200, code, message })
            }
        }
    }

    /// Fetches an object into a new file.
    pub fn get(&self, name: &str, to: &Path) -> Result<(), Error> {
        let ask = Ask { method: Method::GET, key: Some(name), query: Vec::new() };
        let mut answer = self.ask(&ask, Carried::Bytes(b""))?;
        let told = answer.content_length();
        let mut file = File::create_new(to).map_err(|error| io("create", to, error))?;
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut found = 0;
        loop {
            let count = answer.read(&mut chunk).map_err(|error| io("fetch", to, error))?;
            let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else { break };
            file.write_all(read).map_err(|error| io("write", to, error))?;
            found += count as u64;
        }
        match told {
            Some(sent) if sent != found => Err(Error::Cut { name: name.to_owned(), found, sent }),
            Some(_) | None => Ok(()),
        }
    }

    /// The first bytes of an object, as many of them as there are. The rest is not read, so it is hardly sent either.
    pub fn beginning(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        let ask = Ask { method: Method::GET, key: Some(name), query: Vec::new() };
        let (answer, mut out) = (self.ask(&ask, Carried::Bytes(b""))?, Vec::new());
        let read = answer.take(bytes).read_to_end(&mut out);
        read.map_err(|error| io("fetch", Path::new(name), error))?;
        Ok(out)
    }

    pub fn bytes_of(&self, name: &str) -> Result<u64, Error> {
        let ask = Ask { method: Method::HEAD, key: Some(name), query: Vec::new() };
        let answer = self.ask(&ask, Carried::Bytes(b""))?;
        let length =
            answer.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
        length.ok_or_else(|| Error::Strange(format!("no length of {name}")))
    }

    pub fn delete(&self, name: &str) -> Result<(), Error> {
        let ask = Ask { method: Method::DELETE, key: Some(name), query: Vec::new() };
        match self.ask(&ask, Carried::Bytes(b"")) {
            Ok(_) | Err(Error::Absent(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Every object under the prefix.
    pub fn list(&self) -> Result<Vec<Object>, Error> {
        let mut objects = Vec::new();
        let mut from: Option<String> = None;
        loop {
            let mut query = vec![("list-type", "2".to_owned()), ("prefix", self.settings.prefix.clone())];
            query.extend(from.take().map(|token| ("continuation-token", token)));
            let ask = Ask { method: Method::GET, key: None, query };
            let answer = text(self.ask(&ask, Carried::Bytes(b""))?)?;
            for entry in xml::values(&answer, "Contents") {
                let key = xml::value(&entry, "Key");
                let bytes = xml::value(&entry, "Size").and_then(|bytes| bytes.parse().ok());
                let (Some(key), Some(bytes)) = (key, bytes) else {
                    return Err(Error::Strange("a list without names or sizes".to_owned()));
                };
                if let Some(name) = key.strip_prefix(&self.settings.prefix) {
                    objects.push(Object { name: name.to_owned(), bytes });
                }
            }
            if xml::value(&answer, "IsTruncated").as_deref() != Some("true") {
                return Ok(objects);
            }
            from = xml::value(&answer, "NextContinuationToken");
            if from.is_none() {
                return Err(Error::Strange("a list that goes on without saying where".to_owned()));
            }
        }
    }

    /// Asks, and again where the connection broke or the server was tired; every request here may be made twice.
    fn ask(&self, ask: &Ask<'_>, carried: Carried<'_>) -> Result<Response, Error> {
        let mut tried = 1;
        loop {
            let answer = self.ask_once(ask, carried);
            let again = match &answer {
                Err(Error::Unreachable { .. }) => true,
                Err(Error::Refused { status, .. }) => *status >= 500 || *status == 429,
                Ok(_) | Err(_) => false,
            };
            if !again || tried >= TRIES {
                return answer;
            }
            std::thread::park_timeout(Duration::from_millis(250 << tried));
            tried += 1;
        }
    }

    fn ask_once(&self, ask: &Ask<'_>, carried: Carried<'_>) -> Result<Response, Error> {
        let Settings { endpoint, bucket, prefix, .. } = &self.settings;
        let mut path = format!("{}/{}", endpoint.path().trim_end_matches('/'), sign::encoded(bucket, true));
        if let Some(key) = ask.key {
            path.push('/');
            path.push_str(&sign::encoded(&format!("{prefix}{key}"), false));
        }
        let mut query: Vec<(String, String)> = ask
            .query
            .iter()
            .map(|(name, value)| (sign::encoded(name, true), sign::encoded(value, true)))
            .collect();
        query.sort();
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = query.join("&");
        let digest = match carried {
            Carried::Bytes(bytes) => hex_sha256(bytes),
            Carried::Part { path, from, bytes } => part_sha256(path, from, bytes)?,
        };
        let host = match endpoint.port() {
            Some(port) => format!("{}:{port}", endpoint.host_str().unwrap_or_default()),
            None => endpoint.host_str().unwrap_or_default().to_owned(),
        };
        let who = Credentials {
            access_key: &self.settings.access_key,
            secret_key: &self.settings.secret_key,
            region: &self.settings.region,
        };
        let signed = sign::headers(
            &who,
            &sign::Asked {
                method: ask.method.as_str(),
                host: &host,
                path: &path,
                query: &query,
                body_sha256: &digest,
            },
            // Now, not when all of it began: what was signed a quarter of an hour ago is refused.
            self.clock.now(),
        );
        let address =
            format!("{}://{host}{path}{}{query}", endpoint.scheme(), if query.is_empty() { "" } else { "?" });
        let mut request = self.client.request(ask.method.clone(), &address);
        for (name, value) in signed {
            request = request.header(name, value);
        }
        request = match carried {
            Carried::Bytes(bytes) => request.body(bytes.to_vec()),
            Carried::Part { path, from, bytes } => {
                let file = part(path, from)?.take(bytes);
                request.body(Body::sized(file, bytes)).timeout(PART_TIMEOUT)
            }
        };
        let answer = request.send().map_err(|error| Error::Unreachable {
            endpoint: endpoint.to_string(),
            // Without its address, which has the query in it.
            reason: chain(&error.without_url()),
        })?;
        judged(answer, ask.key.unwrap_or(bucket))
    }
}

fn judged(answer: Response, what: &str) -> Result<Response, Error> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = text(answer).unwrap_or_default();
    let said = |name| xml::value(&body, name).map(|text| text.chars().take(200).collect::<String>());
    let code = said("Code").unwrap_or_default();
    if status == StatusCode::NOT_FOUND && code != NO_BUCKET {
        return Err(Error::Absent(what.to_owned()));
    }
    Err(Error::Refused {
        status: status.as_u16(),
        code,
        message: said("Message").unwrap_or_else(|| "it did not say why".to_owned()),
    })
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        out = format!("{out}: {error}");
        cause = error.source();
    }
    out
}

fn text(answer: Response) -> Result<String, Error> {
    let mut out = String::new();
    let read = answer.take(ANSWER_BYTES_MAX).read_to_string(&mut out);
    read.map_err(|error| Error::Strange(error.to_string()))?;
    Ok(out)
}

fn part(path: &Path, from: u64) -> Result<File, Error> {
    let opened = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        Ok(file)
    });
    opened.map_err(|error| io("read", path, error))
}

fn part_sha256(path: &Path, from: u64, bytes: u64) -> Result<String, Error> {
    use sha2::Digest as _;
    let mut file = part(path, from)?.take(bytes);
    let (mut hash, mut chunk) = (sha2::Sha256::new(), vec![0; CHUNK_BYTES]);
    loop {
        let count = file.read(&mut chunk).map_err(|error| io("read", path, error))?;
        let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else { break };
        hash.update(read);
    }
    Ok(sign::hex(&hash.finalize()))
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io { action, path: path.display().to_string(), source }
}
