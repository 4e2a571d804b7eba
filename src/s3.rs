//! A bucket of an S3-compatible storage: put, get, list, delete files, however large.
//!
//! Knows nothing of what the files hold. Requests are signed (`sign`), each body by its SHA-256, so a storage that checks it takes
//! nothing that was changed on the way; large files go in parts and appear when the last is acknowledged. Every call blocks, on a
//! thread that may, and asks `go_on` several times a second: where it says no, what is under way is dropped with its connection. A
//! crash leaves an object whole or absent; an upload that was never finished is found by [`Bucket::uploads`].

mod ask;
mod sign;
mod xml;

use std::{
    cell::RefCell, fmt::Write as _, fs::File, io::Write as _, path::Path, sync::Arc, task::Poll,
    time::Duration,
};

use bytes::Bytes;
use reqwest::{Client, Method, Response, header::CONTENT_LENGTH};
use tokio::runtime::Runtime;
use url::Url;

use self::ask::{Ask, Carried, NOTHING, text};
use crate::clock::Clock;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest wait for an answer, and for the next piece of one.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// The same of a request that carries a part over a slow line.
const PART_TIMEOUT: Duration = Duration::from_hours(1);
/// Longest wait while an upload that failed or was stopped is taken back.
const TAKE_BACK_TIMEOUT: Duration = Duration::from_secs(5);
/// How often whoever waits for the storage asks whether to go on.
const STOP_LOOK: Duration = Duration::from_millis(100);
/// Parts one object has at most.
const PARTS_MAX: u64 = 10_000;

/// Asked again and again while something is under way.
pub type GoOn<'a> = &'a dyn Fn() -> bool;

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

/// An upload in parts that was begun and neither finished nor taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Of the object it was to be, without the prefix.
    pub name: String,
    id: String,
}

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    settings: Settings,
    client: Client,
    /// For parts: they may take long, without an answer in between.
    sender: Client,
    clock: Arc<dyn Clock>,
    /// `None` only while dropping.
    runtime: Option<Runtime>,
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A name that is still being looked up is nobody's any more.
            runtime.shutdown_background();
        }
    }
}

impl Bucket {
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let strange = |error: &dyn std::fmt::Display| Error::Strange(error.to_string());
        let builder = || Client::builder().connect_timeout(CONNECT_TIMEOUT);
        let client = builder().read_timeout(REQUEST_TIMEOUT).build().map_err(|error| strange(&error))?;
        let sender = builder().timeout(PART_TIMEOUT).build().map_err(|error| strange(&error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| strange(&error))?;
        Ok(Self { settings, client, sender, clock, runtime: Some(runtime) })
    }

    /// In words, without anything secret.
    pub fn shown(&self) -> String {
        let Settings { endpoint, bucket, prefix, .. } = &self.settings;
        format!("{}/{bucket}/{prefix}", endpoint.as_str().trim_end_matches('/'))
    }

    /// Waits for `work` as long as `go_on` says so.
    fn wait<T>(&self, go_on: GoOn<'_>, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let Some(runtime) = &self.runtime else { return Err(Error::Stopped) };
        runtime.block_on(async {
            let mut looks = tokio::time::interval(STOP_LOOK);
            // With every step of the work, and while there is none.
            let stopped = std::future::poll_fn(|context| {
                while go_on() {
                    if looks.poll_tick(context).is_pending() {
                        return Poll::Pending;
                    }
                }
                Poll::Ready(())
            });
            tokio::select! {
                biased;
                () = stopped => Err(Error::Stopped),
                done = work => done,
            }
        })
    }

    /// Sends a file; it is there under its name when this returns, in its whole length. Where it fails or is stopped, nothing is kept
    /// of it, as far as the storage can be reached at once; parts that stay are found by [`Bucket::uploads`].
    pub fn put(&self, name: &str, path: &Path, go_on: GoOn<'_>) -> Result<(), Error> {
        let begun = RefCell::new(None);
        let sent = self.wait(go_on, self.send(name, path, &begun));
        if sent.is_err() {
            let back = async {
                let mut ask = Ask::new(Method::DELETE, name);
                ask.query.extend(begun.take().map(|upload| ("uploadId", upload)));
                tokio::time::timeout(TAKE_BACK_TIMEOUT, self.ask_once(&ask, NOTHING)).await
            };
            // The failure that is told is the first.
            let _ = self.wait(&|| true, async { Ok(back.await.is_ok()) });
        }
        sent
    }

    /// `begun`: the upload in parts, while there is one.
    async fn send(&self, name: &str, path: &Path, begun: &RefCell<Option<String>>) -> Result<(), Error> {
        let bytes = std::fs::metadata(path).map_err(|error| io("read", path, error))?.len();
        let part = self.settings.part_bytes;
        if bytes <= part {
            self.ask(&Ask::new(Method::PUT, name), Carried::Part { path, from: 0, bytes }).await?;
        } else if bytes.div_ceil(part) > PARTS_MAX {
            return Err(Error::TooLarge(bytes));
        } else {
            let begin = Ask { query: vec![("uploads", String::new())], ..Ask::new(Method::POST, name) };
            let answer = text(self.ask(&begin, NOTHING).await?).await?;
            let upload = xml::value(&answer, "UploadId");
            let upload = upload.ok_or_else(|| Error::Strange("no UploadId".to_owned()))?;
            begun.replace(Some(upload.clone()));
            self.parts_send(name, path, bytes, &upload).await?;
            begun.replace(None);
        }
        match self.length_of(name).await? {
            found if found == bytes => Ok(()),
            found => Err(Error::Cut { name: name.to_owned(), found, sent: bytes }),
        }
    }

    async fn parts_send(&self, name: &str, path: &Path, bytes: u64, upload: &str) -> Result<(), Error> {
        let part = self.settings.part_bytes;
        let mut list = String::new();
        for number in 1..=bytes.div_ceil(part) {
            let from = (number - 1) * part;
            let query = vec![("partNumber", number.to_string()), ("uploadId", upload.to_owned())];
            let ask = Ask { query, ..Ask::new(Method::PUT, name) };
            let carried = Carried::Part { path, from, bytes: part.min(bytes - from) };
            let answer = self.ask(&ask, carried).await?;
            let tag = answer.headers().get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default();
            let tag = xml::escaped(tag);
            let _ = write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
        }
        let list = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
        let ask = Ask { query: vec![("uploadId", upload.to_owned())], ..Ask::new(Method::POST, name) };
        // This one answers 200 and may tell of a failure in its body all the same.
        let answer = text(self.ask(&ask, Carried::Bytes(list.as_bytes())).await?).await?;
        match xml::value(&answer, "Code") {
            None => Ok(()),
            Some(code) => {
                let message = xml::value(&answer, "Message").unwrap_or_default();
                Err(Error::Refused { status: 200, code, message })
            }
        }
    }

    /// Uploads under the prefix that were begun and neither finished nor taken back.
    pub fn uploads(&self, go_on: GoOn<'_>) -> Result<Vec<Upload>, Error> {
        let query = vec![("prefix", self.settings.prefix.clone()), ("uploads", String::new())];
        let ask = Ask { method: Method::GET, key: None, query };
        // The first page will do: whoever takes them back comes again.
        let answer = self.wait(go_on, async { text(self.ask(&ask, NOTHING).await?).await })?;
        let upload = |entry: String| {
            let name = xml::value(&entry, "Key")?.strip_prefix(&self.settings.prefix)?.to_owned();
            Some(Upload { name, id: xml::value(&entry, "UploadId")? })
        };
        Ok(xml::values(&answer, "Upload").into_iter().filter_map(upload).collect())
    }

    /// Throws away what was sent of an upload.
    pub fn upload_abort(&self, upload: &Upload, go_on: GoOn<'_>) -> Result<(), Error> {
        let query = vec![("uploadId", upload.id.clone())];
        let ask = Ask { query, ..Ask::new(Method::DELETE, &upload.name) };
        gone(self.wait(go_on, self.ask(&ask, NOTHING)))
    }

    /// Fetches an object into a new file.
    pub fn get(&self, name: &str, to: &Path, go_on: GoOn<'_>) -> Result<(), Error> {
        self.wait(go_on, async {
            let mut answer = self.ask(&Ask::new(Method::GET, name), NOTHING).await?;
            let told = answer.content_length();
            let mut file = File::create_new(to).map_err(|error| io("create", to, error))?;
            let mut found = 0;
            while let Some(read) = self.piece(&mut answer).await? {
                file.write_all(&read).map_err(|error| io("write", to, error))?;
                found += read.len() as u64;
            }
            match told {
                Some(sent) if sent != found => Err(Error::Cut { name: name.to_owned(), found, sent }),
                Some(_) | None => Ok(()),
            }
        })
    }

    /// The first bytes of an object, as many of them as there are. The rest is not read, so it is hardly sent either.
    pub fn beginning(&self, name: &str, bytes: u64, go_on: GoOn<'_>) -> Result<Vec<u8>, Error> {
        let bytes = bytes as usize;
        self.wait(go_on, async {
            let mut answer = self.ask(&Ask::new(Method::GET, name), NOTHING).await?;
            let mut out = Vec::new();
            while let Some(read) = self.piece(&mut answer).await? {
                out.extend_from_slice(&read);
                if out.len() >= bytes {
                    break;
                }
            }
            out.truncate(bytes);
            Ok(out)
        })
    }

    async fn piece(&self, answer: &mut Response) -> Result<Option<Bytes>, Error> {
        answer.chunk().await.map_err(|error| self.unreachable(error))
    }

    pub fn bytes_of(&self, name: &str, go_on: GoOn<'_>) -> Result<u64, Error> {
        self.wait(go_on, self.length_of(name))
    }

    async fn length_of(&self, name: &str) -> Result<u64, Error> {
        let answer = self.ask(&Ask::new(Method::HEAD, name), NOTHING).await?;
        let length =
            answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        length.ok_or_else(|| Error::Strange(format!("no length of {name}")))
    }

    pub fn delete(&self, name: &str, go_on: GoOn<'_>) -> Result<(), Error> {
        gone(self.wait(go_on, self.ask(&Ask::new(Method::DELETE, name), NOTHING)))
    }

    /// Every object under the prefix.
    pub fn list(&self, go_on: GoOn<'_>) -> Result<Vec<Object>, Error> {
        self.wait(go_on, async {
            let mut objects = Vec::new();
            let mut from: Option<String> = None;
            loop {
                let mut query = vec![("list-type", "2".to_owned()), ("prefix", self.settings.prefix.clone())];
                query.extend(from.take().map(|token| ("continuation-token", token)));
                let ask = Ask { method: Method::GET, key: None, query };
                let answer = text(self.ask(&ask, NOTHING).await?).await?;
                objects.extend(self.listed(&answer)?);
                if xml::value(&answer, "IsTruncated").as_deref() != Some("true") {
                    return Ok(objects);
                }
                from = xml::value(&answer, "NextContinuationToken");
                if from.is_none() {
                    return Err(Error::Strange("a list that goes on without saying where".to_owned()));
                }
            }
        })
    }

    /// The objects of one page of a list.
    fn listed(&self, answer: &str) -> Result<Vec<Object>, Error> {
        let mut objects = Vec::new();
        for entry in xml::values(answer, "Contents") {
            let key = xml::value(&entry, "Key");
            let bytes = xml::value(&entry, "Size").and_then(|bytes| bytes.parse().ok());
            let (Some(key), Some(bytes)) = (key, bytes) else {
                return Err(Error::Strange("a list without names or sizes".to_owned()));
            };
            if let Some(name) = key.strip_prefix(&self.settings.prefix) {
                objects.push(Object { name: name.to_owned(), bytes });
            }
        }
        Ok(objects)
    }
}

/// Taking away what is not there is done.
fn gone(answer: Result<Response, Error>) -> Result<(), Error> {
    match answer {
        Ok(_) | Err(Error::Absent(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io { action, path: path.display().to_string(), source }
}
