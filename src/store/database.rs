//! One `SQLite` file: a writer thread with group commit and a small pool of readers.
//!
//! Knows nothing of what is stored. WAL with `synchronous=FULL`: a write that returned `Ok` survives power loss. Writes queued
//! while one commit is on its way to the disk share the next commit; each runs in a savepoint of its own, so one that fails
//! takes nobody with it. After a crash `SQLite` replays the log by itself when the file is next opened.

use std::{
    path::{Path, PathBuf},
    sync::{
        Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::{Error, Schema, barrier::BARRIER, checkpoint::Checkpoints, migrate, scrub};

/// How many writes may wait for the writer thread; more wait in their callers.
const WRITES_QUEUED_MAX: usize = 256;
/// How many writes share one commit at most.
const WRITES_PER_COMMIT_MAX: usize = 128;
/// How many read connections one database keeps.
const READERS_MAX: usize = 4;
/// Statements kept prepared on each connection.
const STATEMENTS_CACHED_MAX: usize = 128;
/// How long a connection waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Page size of a new file, bytes. Posts of a few thousand bytes leave a sixth of the usual 4096 empty.
const PAGE_BYTES: i64 = 8192;
/// Page cache of each connection, KiB.
const CACHE_KIB: i64 = 8 * 1024;
/// The log is cut back to this size, bytes, after a checkpoint.
const WAL_BYTES_MAX: i64 = 16 * 1024 * 1024;

/// A piece of work for the writer thread.
trait Write: Send {
    /// Runs inside a savepoint; `false` rolls the savepoint back.
    fn run(&mut self, tx: &Transaction<'_>) -> bool;
    /// Answers the caller after the commit.
    fn finish(self: Box<Self>, committed: Result<(), Error>);
}

struct WriteCall<T, F> {
    body: Option<F>,
    result: Option<Result<T, Error>>,
    reply: SyncSender<Result<T, Error>>,
}

impl<T, F> Write for WriteCall<T, F>
where
    T: Send,
    F: FnOnce(&Transaction<'_>) -> Result<T, Error> + Send,
{
    fn run(&mut self, tx: &Transaction<'_>) -> bool {
        let body = self.body.take().expect("the writer runs each call once");
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(tx)))
            .unwrap_or_else(|_| Err(Error::Internal("a write panicked".to_owned())));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn finish(self: Box<Self>, committed: Result<(), Error>) {
        let result = match (self.result, committed) {
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(ok), Ok(())) => ok,
            (None, Ok(())) => Err(Error::Closing),
        };
        // The caller may have gone away with its thread; then nobody needs the answer.
        let _ = self.reply.send(result);
    }
}

/// An open database.
pub(super) struct Database {
    path: PathBuf,
    writer: Mutex<Option<SyncSender<Box<dyn Write>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    readers: Mutex<Readers>,
    reader_freed: Condvar,
    writes: AtomicU64,
}

#[derive(Default)]
struct Readers {
    idle: Vec<Connection>,
    open: usize,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens or creates the file, migrates it and starts its writer thread.
    pub(super) fn open(path: &Path, schema: Schema) -> Result<Self, Error> {
        let mut connection =
            connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        let wrap = |error: rusqlite::Error| Error::from_sqlite(path, &error);
        if migrate::version(&connection).map_err(wrap)? == 0 {
            // A new file: nothing was ever deleted from it otherwise.
            scrub::mark(&connection).map_err(wrap)?;
        }
        migrate::migrate(&mut connection, path, schema)?;
        let checkpoints = Checkpoints::of(&mut connection, path).map_err(wrap)?;
        let (sender, receiver) = sync_channel(WRITES_QUEUED_MAX);
        let thread_path = path.to_owned();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_loop(connection, checkpoints, &receiver, &thread_path))
            .map_err(|error| Error::Open { path: path.to_owned(), reason: error.to_string() })?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
            readers: Mutex::new(Readers::default()),
            reader_freed: Condvar::new(),
            writes: AtomicU64::new(0),
        })
    }

    /// The schema version of a file, without changing it.
    pub(super) fn version_of(path: &Path) -> Result<i64, Error> {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        migrate::version(&connection).map_err(|error| Error::from_sqlite(path, &error))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many writes have ended since it was opened.
    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    /// Runs `body` in the next group commit and waits until it is durable. Blocks: never call it on the async runtime.
    pub(super) fn write<T, F>(&self, body: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    {
        let sender = self.writer.lock().expect("no panic holds the writer").clone().ok_or(Error::Closing)?;
        let (reply, answer) = sync_channel(1);
        sender
            .send(Box::new(WriteCall { body: Some(body), result: None, reply }))
            .map_err(|_| Error::Closing)?;
        let result = answer.recv().map_err(|_| Error::Closing)?.map_err(|error| self.located(error));
        // Counted when it is done: who reads the number and then the data misses nothing that the number holds.
        self.writes.fetch_add(1, Ordering::SeqCst);
        result
    }

    /// Runs `body` on a read connection; it sees the last commit. Blocks: never call it on the async runtime.
    pub(super) fn read<T>(&self, body: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let connection = self.reader_take()?;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(&connection)))
            .unwrap_or_else(|_| Err(Error::Internal("a read panicked".to_owned())));
        self.readers.lock().expect("no panic holds the readers").idle.push(connection);
        self.reader_freed.notify_one();
        result.map_err(|error| self.located(error))
    }

    fn reader_take(&self) -> Result<Connection, Error> {
        let mut readers = self.readers.lock().expect("no panic holds the readers");
        loop {
            if let Some(connection) = readers.idle.pop() {
                return Ok(connection);
            }
            if readers.open < READERS_MAX {
                let connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                readers.open += 1;
                return Ok(connection);
            }
            readers = self.reader_freed.wait(readers).expect("no panic holds the readers");
        }
    }

    /// Puts this file's path into an error that was made without one.
    fn located(&self, error: Error) -> Error {
        match error {
            Error::DiskFull(_) => Error::DiskFull(self.path.clone()),
            Error::ReadOnly(_) => Error::ReadOnly(self.path.clone()),
            Error::Corrupt { reason, .. } => Error::Corrupt { path: self.path.clone(), reason },
            Error::Open { reason, .. } => Error::Open { path: self.path.clone(), reason },
            Error::Io { reason, .. } => Error::Io { path: self.path.clone(), reason },
            other @ (Error::NotFound(_)
            | Error::Conflict(_)
            | Error::Newer { .. }
            | Error::Moved { .. }
            | Error::Missing { .. }
            | Error::Busy(_)
            | Error::Closing
            | Error::Internal(_)) => other,
        }
    }
}

impl Drop for Database {
    /// Waits for the writes already accepted, then closes and leaves one file.
    fn drop(&mut self) {
        // Before the writer: SQLite folds its log into the file when the last connection closes, and a reader may not.
        if let Ok(mut readers) = self.readers.lock() {
            readers.idle.clear();
        }
        if let Ok(mut writer) = self.writer.lock() {
            writer.take();
        }
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// Refuses a file that is gone or empty although `witness`, which is made after it, is there.
pub(super) fn lost_check(path: &Path, witness: &Path) -> Result<(), Error> {
    let empty = std::fs::metadata(path)
        .map_or_else(|error| error.kind() == std::io::ErrorKind::NotFound, |meta| meta.len() == 0);
    if empty && witness.exists() {
        return Err(Error::Missing { path: path.to_owned(), witness: witness.to_owned() });
    }
    Ok(())
}

pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let wrap = |error: rusqlite::Error| Error::from_sqlite(path, &error);
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(wrap)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(wrap)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        // Only a new file takes it.
        connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(wrap)?;
        // Asking for the journal mode reads the header, so a file that is no database is noticed here.
        connection.pragma_update(None, "journal_mode", "WAL").map_err(wrap)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(wrap)?;
        connection.pragma_update(None, "secure_delete", true).map_err(wrap)?;
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX).map_err(wrap)?;
    }
    connection.pragma_update(None, "foreign_keys", true).map_err(wrap)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(wrap)?;
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(wrap)?;
    Ok(connection)
}

/// Takes calls until every sender is gone.
fn write_loop(
    mut connection: Connection,
    mut checkpoints: Checkpoints,
    calls: &Receiver<Box<dyn Write>>,
    path: &Path,
) {
    while let Ok(first) = calls.recv() {
        let mut batch = Vec::new();
        let pass = BARRIER.pass();
        let committed = write_batch(&mut connection, first, calls, &mut batch);
        drop(pass);
        let committed = committed.map_err(|error| Error::from_sqlite(path, &error));
        for call in batch {
            call.finish(committed.clone());
        }
        checkpoints.after_commit(&connection);
    }
    checkpoints.end();
}

fn write_batch(
    connection: &mut Connection,
    first: Box<dyn Write>,
    calls: &Receiver<Box<dyn Write>>,
    batch: &mut Vec<Box<dyn Write>>,
) -> rusqlite::Result<()> {
    let started = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let tx = match started {
        Ok(tx) => tx,
        Err(error) => {
            batch.push(first);
            return Err(error);
        }
    };
    let mut next = Some(first);
    while let Some(mut call) = next {
        let ran = run_in_savepoint(&tx, call.as_mut());
        batch.push(call);
        ran?;
        next = if batch.len() < WRITES_PER_COMMIT_MAX { calls.try_recv().ok() } else { None };
    }
    tx.commit()
}

fn run_in_savepoint(tx: &Transaction<'_>, call: &mut dyn Write) -> rusqlite::Result<()> {
    tx.prepare_cached("SAVEPOINT call")?.execute([])?;
    if !call.run(tx) {
        // A full disk may have rolled the whole transaction back already; then this fails and so does the batch.
        tx.prepare_cached("ROLLBACK TO call")?.execute([])?;
    }
    tx.prepare_cached("RELEASE call")?.execute([])?;
    Ok(())
}
