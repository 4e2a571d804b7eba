//! Redis Streams spoken by hand: XADD, XREADGROUP, XACK + XDEL, pipelined at the batch size.
//!
//! Protocol: redis.io/docs/latest/develop/reference/protocol-spec (RESP2). Only what these four commands answer is read.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use super::{Batches, Shape, Took, timed};

const STREAM: &str = "jobs";
const GROUP: &str = "workers";

/// A server of our own; stopped when dropped.
pub(super) struct Redis {
    server: Child,
    port: u16,
    /// Holds the append-only file.
    _dir: tempfile::TempDir,
}

impl Redis {
    /// `None` where `redis-server` is not installed.
    pub(super) fn start() -> Option<Redis> {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always"])
            .arg("--dir")
            .arg(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let redis = Redis { server, port, _dir: dir };
        let (_keep, never) = mpsc::channel::<()>();
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(redis);
            }
            // Nothing is ever sent: a pause of 50 ms.
            let _ = never.recv_timeout(Duration::from_millis(50));
        }
        None
    }

    pub(super) fn run(&self, shape: Shape) -> Took {
        let mut admin = self.connect();
        admin.command(&[b"DEL", STREAM.as_bytes()]);
        admin.command(&[b"XGROUP", b"CREATE", STREAM.as_bytes(), GROUP.as_bytes(), b"0", b"MKSTREAM"]);
        admin.round(2);
        let batches = Batches::new(shape);
        let payload = vec![b'x'; shape.payload_bytes];
        let (append, _) = timed(shape.producers, |_| {
            let mut redis = self.connect();
            while let Some((_, count)) = batches.next() {
                for _ in 0..count {
                    redis.command(&[b"XADD", STREAM.as_bytes(), b"*", b"p", &payload]);
                }
                redis.round(count);
            }
        });
        let (claim, claimed) = timed(shape.producers, |producer| {
            let mut redis = self.connect();
            let (consumer, count) = (producer.to_string(), shape.batch.to_string());
            let mut batches = Vec::new();
            loop {
                redis.command(&[
                    b"XREADGROUP",
                    b"GROUP",
                    GROUP.as_bytes(),
                    consumer.as_bytes(),
                    b"COUNT",
                    count.as_bytes(),
                    b"STREAMS",
                    STREAM.as_bytes(),
                    b">",
                ]);
                let ids = ids(redis.round(1).pop());
                if ids.is_empty() {
                    return batches;
                }
                batches.push(ids);
            }
        });
        let (settle, settled) = timed(shape.producers, |producer| {
            let mut redis = self.connect();
            let mut deleted = 0;
            for batch in &claimed[producer] {
                let ids = batch.iter().map(Vec::as_slice);
                let head: [&[u8]; 3] = [b"XACK", STREAM.as_bytes(), GROUP.as_bytes()];
                redis.command(&head.into_iter().chain(ids.clone()).collect::<Vec<_>>());
                let head: [&[u8]; 2] = [b"XDEL", STREAM.as_bytes()];
                redis.command(&head.into_iter().chain(ids).collect::<Vec<_>>());
                if let Some(Reply::Integer(n)) = redis.round(2).pop() {
                    deleted += n as usize;
                }
            }
            deleted
        });
        assert_eq!(settled.iter().sum::<usize>(), shape.jobs, "redis lost jobs");
        Took { append, claim, settle }
    }

    fn connect(&self) -> Connection {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection { out: Vec::new(), read: BufReader::with_capacity(1 << 16, stream) }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

enum Reply {
    Text(Vec<u8>),
    Integer(i64),
    List(Vec<Reply>),
    Nil,
}

struct Connection {
    out: Vec<u8>,
    read: BufReader<TcpStream>,
}

impl Connection {
    /// Adds a command to the pipeline.
    fn command(&mut self, parts: &[&[u8]]) {
        write!(self.out, "*{}\r\n", parts.len()).unwrap();
        for part in parts {
            write!(self.out, "${}\r\n", part.len()).unwrap();
            self.out.extend_from_slice(part);
            self.out.extend_from_slice(b"\r\n");
        }
    }

    /// Sends the pipeline and reads its `replies`.
    fn round(&mut self, replies: usize) -> Vec<Reply> {
        self.read.get_mut().write_all(&self.out).unwrap();
        self.out.clear();
        (0..replies).map(|_| self.reply()).collect()
    }

    fn reply(&mut self) -> Reply {
        let mut line = String::new();
        self.read.read_line(&mut line).unwrap();
        let (kind, rest) = line.trim_end().split_at(1);
        let count = || rest.parse::<i64>().unwrap();
        match kind {
            ":" => Reply::Integer(count()),
            "$" | "*" if count() < 0 => Reply::Nil,
            "$" => {
                let mut text = vec![0; count() as usize + 2];
                self.read.read_exact(&mut text).unwrap();
                text.truncate(text.len() - 2);
                Reply::Text(text)
            }
            "*" => Reply::List((0..count()).map(|_| self.reply()).collect()),
            "+" => Reply::Text(rest.as_bytes().to_vec()),
            _ => unreachable!("redis answered {line}"),
        }
    }
}

/// The entries' ids in an XREADGROUP answer: `[[stream, [[id, fields], …]]]`, or nil.
fn ids(reply: Option<Reply>) -> Vec<Vec<u8>> {
    let list = |reply: Reply| match reply {
        Reply::List(items) => items,
        Reply::Text(_) | Reply::Integer(_) | Reply::Nil => Vec::new(),
    };
    let streams = reply.map(list).unwrap_or_default();
    let entries = streams.into_iter().filter_map(|stream| list(stream).pop()).flat_map(list);
    entries
        .filter_map(|entry| match list(entry).into_iter().next() {
            Some(Reply::Text(id)) => Some(id),
            Some(Reply::Integer(_) | Reply::List(_) | Reply::Nil) | None => None,
        })
        .collect()
}
