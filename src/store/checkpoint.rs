//! When the log of a database is copied into its file: beside its writer, not within a commit that somebody waits for.
//!
//! By itself `SQLite` copies the log in the commit that makes it long: whoever waits for that commit waits for some megabytes and two
//! fsyncs more. Here a thread of its own copies while commits go on
//! (<https://www.sqlite.org/c3ref/wal_checkpoint_v2.html>, PASSIVE holds nobody up). Only with a log that is copied whole does the next
//! commit begin it anew, so the writer then copies what came meanwhile, which is little. A crash at any moment leaves a log that is
//! replayed. Knows nothing of what is written.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    thread::JoinHandle,
};

use rusqlite::{Connection, OpenFlags};

use super::database::connect;

/// A log of so many pages is copied: 8 MiB.
const LOG_PAGES: i32 = 1_000;
/// With a log this much longer the writer waits for the copy, so that it grows no further: 32 MiB.
const BEHIND_PAGES_MAX: i32 = 4_000;
/// So few pages are left to the writer: half a megabyte. With more than that the copying goes over the log again, …
const REST_PAGES: i32 = 64;
/// … but not more often than this, or a fast writer would be chased for ever.
const ROUNDS_MAX: u32 = 4;

/// The log of one writer's connection.
pub(super) struct Checkpoints {
    path: PathBuf,
    /// Pages of the log after the last commit.
    pages: Arc<AtomicI32>,
    /// How many there were when it was last looked at.
    seen: i32,
    /// From so many on it is copied.
    due: i32,
    copying: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Takes over from `SQLite` when the log of this connection is copied.
    pub(super) fn of(connection: &mut Connection, path: &Path) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicI32::new(0));
        let told = Arc::clone(&pages);
        // Takes the place of the hook that copies within the commit.
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            told.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { path: path.to_owned(), pages, seen: 0, due: LOG_PAGES, copying: None })
    }

    /// After each commit, when its callers have their answers. A copy that fails is tried again when the log has grown as much once
    /// more; what is wrong with the disk is met and told by the next commit.
    pub(super) fn after_commit(&mut self, connection: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.seen {
            self.due = LOG_PAGES;
        }
        self.seen = pages;
        match self.copying.take() {
            None if pages >= self.due => self.copying = self.start(pages),
            None => {}
            Some(copying) if copying.is_finished() || pages >= self.due + BEHIND_PAGES_MAX => {
                // A thread that ended ends without a panic, or has no result anybody needs.
                let _ = copying.join();
                let _ = copied(connection);
                // Where a reader of an old moment holds the log, it grows on from here.
                self.due = pages + LOG_PAGES;
            }
            still => self.copying = still,
        }
    }

    /// Waits for a copy under way, so that the connection that is closed last is the writer's, which removes the log.
    pub(super) fn end(self) {
        if let Some(copying) = self.copying {
            let _ = copying.join();
        }
    }

    fn start(&mut self, pages: i32) -> Option<JoinHandle<()>> {
        let path = self.path.clone();
        let started = std::thread::Builder::new().name("store-checkpoint".to_owned()).spawn(move || {
            let Ok(connection) = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE) else { return };
            for _ in 0..ROUNDS_MAX {
                if copied(&connection).is_none_or(|left| left <= REST_PAGES) {
                    return;
                }
            }
        });
        if started.is_err() {
            self.due = pages + LOG_PAGES;
        }
        started.ok()
    }
}

/// Copies what no reader of an old moment needs; returns how many pages are left.
fn copied(connection: &Connection) -> Option<i32> {
    let left = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok(row.get::<_, i32>(1)? - row.get::<_, i32>(2)?)
    });
    left.ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Schema, database::Database};
    use super::*;

    const SCHEMA: Schema = Schema {
        name: "rows.db",
        migrations: &["CREATE TABLE kept (id INTEGER PRIMARY KEY, what BLOB NOT NULL) STRICT;"],
    };
    const MIB: u64 = 1024 * 1024;

    fn made() -> (tempfile::TempDir, PathBuf, Database) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.db");
        let db = Database::open(&path, SCHEMA).unwrap();
        (dir, path, db)
    }

    /// So many commits of a megabyte each, over the same rows.
    fn written(db: &Database, commits: u32) {
        for _ in 0..commits {
            db.write(|tx| Ok(tx.execute("REPLACE INTO kept VALUES (1, randomblob(1048576))", [])?)).unwrap();
        }
    }

    fn log_mib(path: &Path) -> u64 {
        std::fs::metadata(path.with_file_name("rows.db-wal")).map_or(0, |meta| meta.len() / MIB)
    }

    #[test]
    fn the_log_of_a_writer_that_never_rests_stays_bounded() {
        let (_dir, path, db) = made();
        written(&db, 120);
        assert!(log_mib(&path) < 64, "{} MiB", log_mib(&path));
        drop(db);
        assert!(
            !path.with_file_name("rows.db-wal").exists(),
            "the last to close folds the log into the file"
        );
    }

    #[test]
    fn a_log_that_a_reader_held_is_cut_when_it_let_go() {
        let (_dir, path, db) = made();
        written(&db, 1);
        let reader = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM kept").unwrap();
        written(&db, 40);
        assert!(log_mib(&path) >= 40, "{} MiB", log_mib(&path));
        drop(reader);
        written(&db, 80);
        assert!(log_mib(&path) < 64, "{} MiB", log_mib(&path));
    }
}
