//! All databases as they were at one moment, to be copied while the work goes on.
//!
//! Each database gets a connection of its own. Behind the barrier every connection begins to read, which takes microseconds however
//! large the files are; from then on it sees that moment, and writers go on in the log. Copies are whole files of their own.
//! What is copied may be checked anywhere: soundness, version, tables, rows. A snapshot that is dropped lets the log go.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::{
    Control, Error, Schema, Tenant,
    archive::{objects, open},
    barrier::BARRIER,
    control::tenant_list,
    database::connect,
    migrate,
};

/// Pages copied in one step; between two steps the copy can be stopped.
const STEP_PAGES: i32 = 2048;
/// How often a moment is looked for in which no tenant was made since the connections were opened.
const MOMENTS_MAX: usize = 20;

/// Rows by table.
pub type RowCounts = BTreeMap<String, u64>;

/// A database at a moment.
pub struct Snapshot {
    path: PathBuf,
    connection: Connection,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Every database of an installation at one moment.
#[derive(Debug)]
pub struct Snapshots {
    pub control: Snapshot,
    pub tenants: Vec<(Tenant, Snapshot)>,
    /// How long writers were held up.
    pub pause: Duration,
}

impl Control {
    /// One moment over control.db and the database of every tenant, each at `path_of` it. `with` is called for each tenant while nobody
    /// writes, again where the moment had to be looked for again: it holds everybody up.
    pub fn snapshots_take(
        &self,
        path_of: &dyn Fn(&Tenant) -> PathBuf,
        with: &mut dyn FnMut(&Tenant),
    ) -> Result<Snapshots, Error> {
        for _ in 0..MOMENTS_MAX {
            let control = Snapshot::open(self.0.path())?;
            let mut tenants = Vec::new();
            for tenant in self.tenant_list()? {
                let snapshot = Snapshot::open(&path_of(&tenant))?;
                tenants.push((tenant, snapshot));
            }
            let (begun, pause) = BARRIER.close(|| {
                control.begin()?;
                tenants.iter().try_for_each(|(tenant, snapshot)| {
                    with(tenant);
                    snapshot.begin()
                })
            });
            begun?;
            // What control.db says at that moment is what counts: a tenant may have come or gone since the list was read.
            let then = tenant_list(&control.connection)?;
            tenants.retain(|(tenant, _)| then.iter().any(|row| row.id == tenant.id));
            if tenants.len() == then.len() {
                return Ok(Snapshots { control, tenants, pause });
            }
        }
        Err(Error::Busy("tenants are being made all the time; try again".to_owned()))
    }
}

impl Snapshot {
    fn open(path: &Path) -> Result<Self, Error> {
        // Never makes a file: one that is gone is said.
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        Ok(Self { path: path.to_owned(), connection })
    }

    fn begin(&self) -> Result<(), Error> {
        // Reading anything is what takes the moment.
        let read = self.connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;");
        read.map_err(|error| Error::from_sqlite(&self.path, &error))
    }

    /// Bytes of the database.
    pub fn bytes(&self) -> Result<u64, Error> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let bytes: rusqlite::Result<i64> = self.connection.query_row(sql, [], |row| row.get(0));
        bytes.map(|bytes| bytes as u64).map_err(|error| Error::from_sqlite(&self.path, &error))
    }

    pub fn schema_version(&self) -> Result<i64, Error> {
        migrate::version(&self.connection).map_err(|error| Error::from_sqlite(&self.path, &error))
    }

    pub fn row_counts(&self) -> Result<RowCounts, Error> {
        row_counts(&self.connection).map_err(|error| Error::from_sqlite(&self.path, &error))
    }

    /// Writes the database into a new file, a piece at a time; `go_on` is asked between pieces. `false`: it was stopped.
    pub fn copy_to(&self, path: &Path, go_on: &mut dyn FnMut() -> bool) -> Result<bool, Error> {
        let wrap = |error: rusqlite::Error| Error::from_sqlite(path, &error);
        let mut copy = open(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        // A copy that a crash cuts short is thrown away, so nothing has to be durable here.
        copy.pragma_update(None, "journal_mode", "OFF").map_err(wrap)?;
        copy.pragma_update(None, "synchronous", "OFF").map_err(wrap)?;
        let backup = Backup::new(&self.connection, &mut copy).map_err(wrap)?;
        loop {
            let step = backup.step(STEP_PAGES).map_err(wrap)?;
            if step == StepResult::Done {
                return Ok(true);
            }
            if !go_on() {
                return Ok(false);
            }
            if step != StepResult::More {
                // The moment is held by a transaction of its own, so nobody is in the way for long.
                std::thread::park_timeout(Duration::from_millis(5));
            }
        }
    }
}

/// Whether a file is a whole database of a known version: sound, and with the tables of its version and no others. Returns the
/// version and its rows.
pub fn database_check(path: &Path, schema: Schema) -> Result<(i64, RowCounts), Error> {
    let (version, db) = database_checked(path, schema)?;
    Ok((version, row_counts(&db).map_err(|error| Error::from_sqlite(path, &error))?))
}

pub(super) fn database_checked(path: &Path, schema: Schema) -> Result<(i64, Connection), Error> {
    let wrap = |error: rusqlite::Error| Error::from_sqlite(path, &error);
    let corrupt = |reason: &str| Error::Corrupt { path: path.to_owned(), reason: reason.to_owned() };
    let db = open(path, OpenFlags::empty())?;
    let sound: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(wrap)?;
    if sound != "ok" {
        return Err(corrupt(&sound));
    }
    let found = migrate::version(&db).map_err(wrap)?;
    let supported = schema.migrations.len() as i64;
    if found > supported {
        return Err(Error::Newer { path: path.to_owned(), found, supported });
    }
    let known = usize::try_from(found).ok().filter(|version| *version > 0);
    let migrations = known.and_then(|version| schema.migrations.get(..version));
    let Some(migrations) = migrations else { return Err(corrupt("it has no schema")) };
    let mut fresh = Connection::open_in_memory()?;
    migrate::migrate(&mut fresh, path, Schema { name: schema.name, migrations })?;
    // A trigger or a view of somebody else's, be it under the name of one of ours, would run with every later write.
    if objects(&db)? != objects(&fresh)? {
        return Err(corrupt("it holds other tables than those of its version"));
    }
    Ok((found, db))
}

fn row_counts(db: &Connection) -> rusqlite::Result<RowCounts> {
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = db.prepare(sql)?;
    let tables: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut counts = RowCounts::new();
    for table in tables {
        let count: i64 = db.query_row(&format!("SELECT count(*) FROM \"{table}\""), [], |row| row.get(0))?;
        counts.insert(table, count as u64);
    }
    Ok(counts)
}
