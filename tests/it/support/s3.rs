//! A storage that speaks S3: objects in memory, signatures' shape and the hash of each body checked, lists in pages of two, and
//! failures on demand.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::{SignedDuration, civil::DateTime, tz::TimeZone};
use sha2::{Digest as _, Sha256};
use tga::clock::{Clock as _, ManualClock};

pub(crate) const ACCESS_KEY: &str = "AKIDTEST";
pub(crate) const SECRET_KEY: &str = "0123456789abcdef0123456789abcdef01234567";

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    /// By id: the object's name, and its parts.
    uploads: BTreeMap<String, (String, BTreeMap<u32, Vec<u8>>)>,
    /// How many of the next requests are answered with 503.
    tired: usize,
    /// Bodies are cut by one byte before they are kept.
    cutting: bool,
    requests: Vec<String>,
    /// Goes on with every request, and refuses what was signed long before.
    clock: Option<Arc<ManualClock>>,
    /// The bucket is not there.
    gone: bool,
    /// Set with the next part that comes, which is not taken and never answered.
    part_hangs: Option<Arc<AtomicBool>>,
}

/// How far the clock goes with each request, and how old a signature may be: what S3 allows.
const SLOW: SignedDuration = SignedDuration::from_mins(10);
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone)]
pub(crate) struct FakeS3 {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
}

struct Asked {
    method: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl FakeS3 {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let fake = Self { state: Arc::default(), address: listener.local_addr().unwrap() };
        let serving = fake.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let fake = serving.clone();
                std::thread::spawn(move || while fake.serve(&stream).is_some() {});
            }
        });
        fake
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    pub(crate) fn be_tired(&self, requests: usize) {
        self.state.lock().unwrap().tired = requests;
    }

    pub(crate) fn cut(&self, cutting: bool) {
        self.state.lock().unwrap().cutting = cutting;
    }

    /// Every request takes ten minutes by this clock.
    pub(crate) fn be_slow(&self, clock: Arc<ManualClock>) {
        self.state.lock().unwrap().clock = Some(clock);
    }

    /// Sets `seen` with the next part that comes, and says nothing more on its connection.
    pub(crate) fn hang_part(&self, seen: Arc<AtomicBool>) {
        self.state.lock().unwrap().part_hangs = Some(seen);
    }

    /// Leaves an upload as one that was cut off.
    pub(crate) fn upload_begin(&self, name: &str) {
        let mut state = self.state.lock().unwrap();
        let id = format!("cut{}", state.uploads.len());
        state.uploads.insert(id, (name.to_owned(), BTreeMap::new()));
    }

    /// The names of uploads that were begun and neither finished nor taken back.
    pub(crate) fn upload_names(&self) -> Vec<String> {
        self.state.lock().unwrap().uploads.values().map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn be_gone(&self, gone: bool) {
        self.state.lock().unwrap().gone = gone;
    }

    /// Uploads that were begun and neither finished nor taken back.
    pub(crate) fn uploads(&self) -> usize {
        self.state.lock().unwrap().uploads.len()
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.state.lock().unwrap().objects.get_mut(name).unwrap());
    }

    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let asked = read(stream, &|asked| {
            let seen =
                self.state.lock().unwrap().part_hangs.take_if(|_| asked.query.contains_key("partNumber"));
            seen.inspect(|seen| seen.store(true, Ordering::SeqCst)).is_some()
        })?;
        let (status, headers, body) = self.answer(&asked);
        let mut head = format!("HTTP/1.1 {status} X\r\n");
        if asked.method != "HEAD" {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = stream;
        stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
        if asked.method != "HEAD" {
            stream.write_all(&body).ok()?;
        }
        Some(())
    }

    fn answer(&self, asked: &Asked) -> (u16, Vec<(&'static str, String)>, Vec<u8>) {
        let mut state = self.state.lock().unwrap();
        state.requests.push(format!("{} {} {:?}", asked.method, asked.key, asked.query.keys()));
        let none = Vec::new;
        if state.tired > 0 {
            state.tired -= 1;
            return (503, none(), b"<Error><Code>SlowDown</Code><Message>later</Message></Error>".to_vec());
        }
        if state.gone {
            return (
                404,
                none(),
                b"<Error><Code>NoSuchBucket</Code><Message>which?</Message></Error>".to_vec(),
            );
        }
        if let Some(clock) = &state.clock {
            let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", &asked.headers["x-amz-date"]).unwrap();
            let signed = signed.to_zoned(TimeZone::UTC).unwrap().timestamp();
            if clock.now().duration_since(signed) > SKEW_MAX {
                return (403, none(), b"<Error><Code>RequestTimeTooSkewed</Code></Error>".to_vec());
            }
            clock.advance(SLOW);
        }
        let credential = format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/");
        if !asked.headers.get("authorization").is_some_and(|value| value.starts_with(&credential)) {
            return (
                403,
                none(),
                b"<Error><Code>AccessDenied</Code><Message>who?</Message></Error>".to_vec(),
            );
        }
        let digest: String = Sha256::digest(&asked.body).iter().map(|byte| format!("{byte:02x}")).collect();
        if asked.headers.get("x-amz-content-sha256") != Some(&digest) {
            return (400, none(), b"<Error><Code>XAmzContentSHA256Mismatch</Code></Error>".to_vec());
        }
        let mut body = asked.body.clone();
        if state.cutting {
            body.pop();
        }
        let text = |text: String| (200, Vec::new(), text.into_bytes());
        let upload = asked.query.get("uploadId").cloned();
        match (asked.method.as_str(), upload) {
            ("POST", None) if asked.query.contains_key("uploads") => {
                let id = format!("up&{}", state.uploads.len());
                state.uploads.insert(id.clone(), (asked.key.clone(), BTreeMap::new()));
                text(format!("<R><UploadId>{}</UploadId></R>", id.replace('&', "&amp;")))
            }
            ("PUT", Some(upload)) => {
                let number: u32 = asked.query["partNumber"].parse().unwrap();
                state.uploads.get_mut(&upload).unwrap().1.insert(number, body);
                (200, vec![("ETag", format!("\"part{number}\""))], Vec::new())
            }
            ("POST", Some(upload)) => {
                let (_, parts) = state.uploads.remove(&upload).unwrap();
                let said = String::from_utf8_lossy(&asked.body).into_owned();
                assert!(
                    parts
                        .keys()
                        .all(|number| said.contains(&format!("<ETag>&quot;part{number}&quot;</ETag>")))
                );
                state.objects.insert(asked.key.clone(), parts.into_values().flatten().collect());
                text("<CompleteMultipartUploadResult/>".to_owned())
            }
            ("DELETE", Some(upload)) => {
                state.uploads.remove(&upload);
                (204, none(), Vec::new())
            }
            ("PUT", None) => {
                state.objects.insert(asked.key.clone(), body);
                (200, none(), Vec::new())
            }
            ("DELETE", None) => {
                state.objects.remove(&asked.key);
                (204, none(), Vec::new())
            }
            ("GET", None) if asked.query.contains_key("uploads") => text(uploads(&state, &asked.query)),
            ("GET", None) if asked.key.is_empty() => text(list(&state, &asked.query)),
            ("GET" | "HEAD", None) => match state.objects.get(&asked.key) {
                Some(object) if asked.method == "HEAD" => {
                    (200, vec![("Content-Length", object.len().to_string())], Vec::new())
                }
                Some(object) => (200, none(), object.clone()),
                None => (404, none(), b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
            },
            other => panic!("{other:?}"),
        }
    }
}

fn list(state: &State, query: &BTreeMap<String, String>) -> String {
    let after = query.get("continuation-token").cloned().unwrap_or_default();
    let matching =
        state.objects.iter().filter(|(name, _)| name.starts_with(&query["prefix"]) && **name > after);
    let mut page: Vec<_> = matching.take(3).collect();
    let more = page.len() == 3;
    page.truncate(2);
    let contents: String = page
        .iter()
        .map(|(name, body)| format!("<Contents><Key>{name}</Key><Size>{}</Size></Contents>", body.len()))
        .collect();
    let next = page.last().filter(|_| more).map(|(name, _)| name.as_str()).unwrap_or_default();
    format!(
        "<ListBucketResult><IsTruncated>{more}</IsTruncated>{contents}<NextContinuationToken>{next}</NextContinuationToken></ListBucketResult>"
    )
}

fn uploads(state: &State, query: &BTreeMap<String, String>) -> String {
    let matching = state.uploads.iter().filter(|(_, (name, _))| name.starts_with(&query["prefix"]));
    let listed: String = matching
        .map(|(id, (name, _))| {
            format!("<Upload><Key>{name}</Key><UploadId>{}</UploadId></Upload>", id.replace('&', "&amp;"))
        })
        .collect();
    format!(
        "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{listed}</ListMultipartUploadsResult>"
    )
}

/// `hangs`: asked before the body is taken; then it is thrown away, and there is no answer.
fn read(stream: &TcpStream, hangs: &dyn Fn(&Asked) -> bool) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|count| *count > 0)?;
    let mut parts = first.split(' ');
    let (method, target) = (parts.next()?.to_owned(), parts.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let key = path.strip_prefix("/bucket").unwrap().trim_start_matches('/').to_owned();
    let decoded =
        |text: &str| url::form_urlencoded::parse(text.as_bytes()).into_owned().collect::<BTreeMap<_, _>>();
    let mut headers = BTreeMap::new();
    loop {
        let mut row = String::new();
        reader.read_line(&mut row).ok()?;
        let Some((name, value)) = row.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let query = decoded(query);
    let mut asked = Asked { method, key, query, headers, body: Vec::new() };
    if hangs(&asked) {
        // Until the other side goes away.
        let _ = std::io::copy(&mut reader, &mut std::io::sink());
        return None;
    }
    asked.body = vec![0; length];
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}
