//! The queue's file: redb as a durable log of rows, read once at open and only written afterwards.
//!
//! The only file of the crate that names redb. May know nothing of lanes, attempts or duplicates. Tables: `jobs` id → job,
//! `dead` id → dead letter, `claims` claim → ids it handed out, `meta` name → integer (`format`, `next_id`). A commit is
//! durable when it returns (`Durability::Immediate`); a crash inside it leaves the previous one. Every page's checksum is
//! verified at open. A damaged or foreign file is put aside, never mended: the queue is derived data.

use std::{
    fs::{self, File},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use redb::{
    Database, Durability, ReadableDatabase as _, ReadableTable as _, StorageBackend, Table, TableDefinition,
    TableHandle as _, WriteTransaction,
};

use super::{
    Error, Origin,
    index::{Index, Rows},
    record::{Record, claim_decode, claim_encode},
};

/// Bytes of file pages kept in memory. The rows are in the index already; this only spares reads of the tree's upper pages.
const CACHE_BYTES: usize = 32 * 1024 * 1024;
/// The stored format; see [`super::record`].
const FORMAT: u64 = 1;

const JOBS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("jobs");
const DEAD: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("dead");
const CLAIMS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("claims");
const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
const META_FORMAT: &str = "format";
const META_NEXT_ID: &str = "next_id";

#[derive(Debug)]
pub(super) struct Log {
    database: Database,
}

impl Log {
    /// Opens or makes the file at `path`; what cannot be read is put aside first. `now_s` names what is put aside.
    pub(super) fn open(path: &Path, now_s: i64) -> Result<(Log, Rows, Origin), Error> {
        let existed = fs::metadata(path).is_ok_and(|meta| meta.len() > 0);
        match open_guarded(path, || builder().create(path)) {
            Ok((log, rows)) => {
                let origin = if existed { Origin::Existing } else { Origin::Created };
                dir_sync(path)?;
                Ok((log, rows, origin))
            }
            Err(Error::Corrupt { message }) => {
                let aside = aside_path(path, now_s);
                fs::rename(path, &aside)?;
                let (log, rows) = open_guarded(path, || builder().create(path))?;
                dir_sync(path)?;
                let reason = message;
                Ok((log, rows, Origin::Replaced { aside, reason }))
            }
            Err(other) => Err(other),
        }
    }

    pub(super) fn open_with_backend(backend: impl StorageBackend) -> Result<(Log, Rows), Error> {
        open_guarded(Path::new(""), || builder().create_with_backend(backend))
    }

    /// Writes what `index` marked as changed into one transaction; nothing is durable before [`Staged::commit`].
    pub(super) fn stage(&self, index: &mut Index) -> Result<Staged, Error> {
        let transaction = stage(&self.database, index).map_err(Error::from)?;
        Ok(Staged(transaction))
    }

    /// Writes everything, as of the last commit, into a new file.
    pub(super) fn copy_to(&self, path: &Path) -> Result<(), Error> {
        copy(&self.database, path).map_err(Error::from)
    }

    /// Gives unused pages back to the file system.
    pub(super) fn compact(&mut self) -> Result<(), Error> {
        // One call moves what it can into free pages and cuts the file; repeated until nothing moves.
        while self.database.compact().map_err(|e| Error::from(redb::Error::from(e)))? {}
        Ok(())
    }
}

/// How many jobs and dead letters a file holds that somebody brought; one that is no whole queue is refused, not put aside.
pub fn file_check(path: &Path) -> Result<usize, Error> {
    // Opening would make what is not there.
    fs::metadata(path)?;
    let (_, rows) = open_guarded(path, || builder().create(path))?;
    Ok(rows.jobs.len() + rows.dead.len())
}

/// A transaction that holds a group's rows.
pub(super) struct Staged(WriteTransaction);

impl Staged {
    /// Durable when it returns.
    pub(super) fn commit(self) -> Result<(), Error> {
        self.0.commit().map_err(|e| redb::Error::from(e).into())
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

/// Opens and reads everything. A damaged file may also make redb panic (its own checks do in debug builds); that is one more
/// way of saying that it is damaged.
fn open_guarded(
    path: &Path,
    create: impl FnOnce() -> Result<Database, redb::DatabaseError>,
) -> Result<(Log, Rows), Error> {
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let database = match create() {
            Err(redb::DatabaseError::DatabaseAlreadyOpen | redb::DatabaseError::LockProtocolMismatch) => {
                return Err(Error::Locked { path: path.into() });
            }
            other => other.map_err(redb::Error::from)?,
        };
        let log = Log { database };
        let rows = load(&log.database)?;
        Ok((log, rows))
    }));
    opened.unwrap_or_else(|_| Err(Error::Corrupt { message: "its pages contradict each other".to_owned() }))
}

fn load(database: &Database) -> Result<Rows, Error> {
    let corrupt = |what: &str| Error::Corrupt { message: what.to_owned() };
    if !format_check(database).map_err(Error::from)? {
        return Err(corrupt("not a queue, or one of another version"));
    }
    let rows = load_raw(database).map_err(Error::from)?;
    rows.map_err(corrupt)
}

/// Whether the file is ours; an empty one becomes ours.
fn format_check(database: &Database) -> Result<bool, redb::Error> {
    let transaction = database.begin_write()?;
    let foreign = transaction
        .list_tables()?
        .any(|table| ![JOBS.name(), DEAD.name(), CLAIMS.name(), META.name()].contains(&table.name()));
    let fresh = transaction.list_tables()?.next().is_none();
    if foreign {
        transaction.abort()?;
        return Ok(false);
    }
    let ours = {
        let mut meta = transaction.open_table(META)?;
        if fresh {
            meta.insert(META_FORMAT, FORMAT)?;
            transaction.open_table(JOBS)?;
            transaction.open_table(DEAD)?;
            transaction.open_table(CLAIMS)?;
        }
        meta.get(META_FORMAT)?.is_some_and(|format| format.value() == FORMAT)
    };
    if fresh {
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    Ok(ours)
}

fn load_raw(database: &Database) -> Result<Result<Rows, &'static str>, redb::Error> {
    let transaction = database.begin_read()?;
    let mut rows = Rows::default();
    for (table, into) in [(JOBS, &mut rows.jobs), (DEAD, &mut rows.dead)] {
        for row in transaction.open_table(table)?.iter()? {
            let (id, bytes) = row?;
            match Record::decode(bytes.value()) {
                Ok(record) => into.push((id.value(), record)),
                Err(what) => return Ok(Err(what)),
            }
        }
    }
    for row in transaction.open_table(CLAIMS)?.iter()? {
        let (claim, bytes) = row?;
        match claim_decode(bytes.value()) {
            Ok(ids) => rows.claims.push((claim.value(), ids)),
            Err(what) => return Ok(Err(what)),
        }
    }
    let meta = transaction.open_table(META)?;
    rows.next_id = meta.get(META_NEXT_ID)?.map_or(1, |next| next.value());
    Ok(Ok(rows))
}

fn stage(database: &Database, index: &mut Index) -> Result<WriteTransaction, redb::Error> {
    let dirty = std::mem::take(&mut index.dirty);
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    let mut row = Vec::new();
    if !dirty.jobs.is_empty() {
        let mut jobs = transaction.open_table(JOBS)?;
        for id in dirty.jobs {
            put(&mut jobs, id, index.jobs.get(&id).map(|job| &job.record), &mut row)?;
        }
    }
    if !dirty.dead.is_empty() {
        let mut dead = transaction.open_table(DEAD)?;
        for id in dirty.dead {
            put(&mut dead, id, index.dead.get(&id), &mut row)?;
        }
    }
    if !dirty.claims_new.is_empty() || !dirty.claims_gone.is_empty() {
        let mut claims = transaction.open_table(CLAIMS)?;
        for (claim, ids) in dirty.claims_new {
            claims.insert(claim, claim_encode(&ids).as_slice())?;
        }
        for claim in dirty.claims_gone {
            claims.remove(claim)?;
        }
    }
    if dirty.next_id {
        transaction.open_table(META)?.insert(META_NEXT_ID, index.next_id)?;
    }
    Ok(transaction)
}

fn copy(from: &Database, path: &Path) -> Result<(), redb::Error> {
    let to = builder().create(path)?;
    let (read, write) = (from.begin_read()?, to.begin_write()?);
    for table in [JOBS, DEAD, CLAIMS] {
        let mut into = write.open_table(table)?;
        for row in read.open_table(table)?.iter()? {
            let (id, bytes) = row?;
            into.insert(id.value(), bytes.value())?;
        }
    }
    {
        let mut into = write.open_table(META)?;
        for row in read.open_table(META)?.iter()? {
            let (name, value) = row?;
            into.insert(name.value(), value.value())?;
        }
    }
    Ok(write.commit()?)
}

fn put(
    table: &mut Table<'_, u64, &'static [u8]>,
    id: u64,
    record: Option<&Record>,
    row: &mut Vec<u8>,
) -> Result<(), redb::Error> {
    if let Some(record) = record {
        record.encode(row);
        table.insert(id, row.as_slice())?;
    } else {
        table.remove(id)?;
    }
    Ok(())
}

/// A free name beside `path`.
fn aside_path(path: &Path, now_s: i64) -> PathBuf {
    let name = |suffix: String| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut aside = name(format!(".corrupt-{now_s}"));
    let mut n = 1;
    while aside.exists() {
        n += 1;
        aside = name(format!(".corrupt-{now_s}-{n}"));
    }
    aside
}

/// Makes the file's name durable, not only its bytes.
fn dir_sync(path: &Path) -> Result<(), Error> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok(File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?)
}
