//! One request of the storage: signed, sent, sent again where that may help, and its answer judged.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use reqwest::{Body, Method, Response, StatusCode, header::CONTENT_LENGTH};

use super::{
    Bucket, Error, Settings, io,
    sign::{self, Credentials, hex_sha256},
    xml,
};

/// Longest answer that is read, bytes; a page of a list has less.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How often a request is made that met a broken connection or a tired server.
const TRIES: u32 = 3;
/// What a storage says when it is the bucket that is not there.
const NO_BUCKET: &str = "NoSuchBucket";
/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// A request before it is signed.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// `None`: the bucket itself.
    pub(super) key: Option<&'a str>,
    pub(super) query: Vec<(&'static str, String)>,
}

impl<'a> Ask<'a> {
    pub(super) fn new(method: Method, key: &'a str) -> Self {
        Self { method, key: Some(key), query: Vec::new() }
    }
}

/// What a request carries.
#[derive(Clone, Copy)]
pub(super) enum Carried<'a> {
    Bytes(&'a [u8]),
    /// So many bytes of a file from a place on.
    Part {
        path: &'a Path,
        from: u64,
        bytes: u64,
    },
}

pub(super) const NOTHING: Carried<'static> = Carried::Bytes(b"");

impl Bucket {
    /// Asks, and again where the connection broke or the server was tired; every request here may be made twice.
    pub(super) async fn ask(&self, ask: &Ask<'_>, carried: Carried<'_>) -> Result<Response, Error> {
        let mut tried = 1;
        loop {
            let answer = self.ask_once(ask, carried).await;
            let again = match &answer {
                Err(Error::Unreachable { .. }) => true,
                Err(Error::Refused { status, .. }) => *status >= 500 || *status == 429,
                Ok(_) | Err(_) => false,
            };
            if !again || tried >= TRIES {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(250 << tried)).await;
            tried += 1;
        }
    }

    pub(super) async fn ask_once(&self, ask: &Ask<'_>, carried: Carried<'_>) -> Result<Response, Error> {
        let digest = match carried {
            Carried::Bytes(bytes) => hex_sha256(bytes),
            Carried::Part { path, from, bytes } => part_sha256(path, from, bytes).await?,
        };
        let (address, signed) = self.signed(ask, &digest);
        let client = match carried {
            Carried::Bytes(_) => &self.client,
            Carried::Part { .. } => &self.sender,
        };
        let mut request = client.request(ask.method.clone(), &address);
        for (name, value) in signed {
            request = request.header(name, value);
        }
        request = match carried {
            Carried::Bytes(bytes) => request.body(bytes.to_vec()),
            Carried::Part { path, from, bytes } => {
                let pieces = pieces(part(path, from)?, bytes);
                request.header(CONTENT_LENGTH, bytes).body(Body::wrap_stream(pieces))
            }
        };
        let answer = request.send().await.map_err(|error| self.unreachable(error))?;
        judged(answer, ask.key.unwrap_or(&self.settings.bucket)).await
    }

    /// The address of a request, and what signs it.
    fn signed(&self, ask: &Ask<'_>, digest: &str) -> (String, [(&'static str, String); 3]) {
        let Settings { endpoint, bucket, prefix, .. } = &self.settings;
        let mut path = format!("{}/{}", endpoint.path().trim_end_matches('/'), sign::encoded(bucket, true));
        if let Some(key) = ask.key {
            path.push('/');
            path.push_str(&sign::encoded(&format!("{prefix}{key}"), false));
        }
        let encoded =
            |(name, value): &(&str, String)| (sign::encoded(name, true), sign::encoded(value, true));
        let mut query: Vec<(String, String)> = ask.query.iter().map(encoded).collect();
        query.sort();
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = query.join("&");
        let host = match endpoint.port() {
            Some(port) => format!("{}:{port}", endpoint.host_str().unwrap_or_default()),
            None => endpoint.host_str().unwrap_or_default().to_owned(),
        };
        let who = Credentials {
            access_key: &self.settings.access_key,
            secret_key: &self.settings.secret_key,
            region: &self.settings.region,
        };
        let (method, body_sha256) = (ask.method.as_str(), digest);
        let asked = sign::Asked { method, host: &host, path: &path, query: &query, body_sha256 };
        // Now, not when all of it began: what was signed a quarter of an hour ago is refused.
        let signed = sign::headers(&who, &asked, self.clock.now());
        let mark = if query.is_empty() { "" } else { "?" };
        (format!("{}://{host}{path}{mark}{query}", endpoint.scheme()), signed)
    }

    pub(super) fn unreachable(&self, error: reqwest::Error) -> Error {
        let endpoint = self.settings.endpoint.to_string();
        // Without its address, which has the query in it.
        Error::Unreachable { endpoint, reason: chain(&error.without_url()) }
    }
}

async fn judged(answer: Response, what: &str) -> Result<Response, Error> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = text(answer).await.unwrap_or_default();
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

pub(super) async fn text(mut answer: Response) -> Result<String, Error> {
    let strange = |error: &dyn std::fmt::Display| Error::Strange(error.to_string());
    let mut out = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| strange(&error))? {
        out.extend_from_slice(&piece);
        if out.len() > ANSWER_BYTES_MAX {
            return Err(Error::Strange("an answer that is longer than any list".to_owned()));
        }
    }
    String::from_utf8(out).map_err(|error| strange(&error))
}

fn part(path: &Path, from: u64) -> Result<File, Error> {
    let opened = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        Ok(file)
    });
    opened.map_err(|error| io("read", path, error))
}

/// So many bytes of a file, piece by piece. What is read is read at once: the thread is the caller's own.
fn pieces(file: File, bytes: u64) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    stream::unfold((file, bytes), |(mut file, left)| async move {
        if left == 0 {
            return None;
        }
        let mut piece = vec![0; CHUNK_BYTES.min(left as usize)];
        match file.read(&mut piece) {
            Ok(0) => Some((Err(std::io::ErrorKind::UnexpectedEof.into()), (file, 0))),
            Ok(count) => {
                piece.truncate(count);
                Some((Ok(Bytes::from(piece)), (file, left - count as u64)))
            }
            Err(error) => Some((Err(error), (file, 0))),
        }
    })
}

async fn part_sha256(path: &Path, from: u64, bytes: u64) -> Result<String, Error> {
    use sha2::Digest as _;
    let mut file = part(path, from)?.take(bytes);
    let (mut hash, mut chunk) = (sha2::Sha256::new(), vec![0; CHUNK_BYTES]);
    loop {
        let count = file.read(&mut chunk).map_err(|error| io("read", path, error))?;
        let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else { break };
        hash.update(read);
        // So that whoever stops it is heard within a large part.
        tokio::task::yield_now().await;
    }
    Ok(sign::hex(&hash.finalize()))
}
