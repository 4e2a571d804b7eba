//! Leaving nothing in a file of what was deleted from it, in steps that hold no writer up for long.
//!
//! Every connection overwrites what it deletes (`secure_delete`), which leaves one thing: when rows move to another page, the bytes they
//! had stay in the free middle of the page they left. So all pages are looked at by a reader, and those with something in their
//! free bytes are written anew without it, a few in a transaction among those of other writers; then the log is cut. A file from
//! before the overwriting is written anew as a whole, once, and marked. A crash loses a part of the work, which is repeated.

use std::{
    thread::park_timeout,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::{
    Error,
    database::{Database, connect},
};

/// Pages that one transaction writes anew: half a megabyte, some milliseconds.
const STEP_PAGES: usize = 64;
/// How long a cut of the log holds writers up for a reader of an old moment before it gives way.
const CUT_WAIT: Duration = Duration::from_millis(20);
/// Between two tries to cut the log.
const CUT_PAUSE: Duration = Duration::from_millis(30);
/// How long readers of an old moment are waited for in all. A backup reads one much longer; all others are gone in no time.
const READERS_WAIT: Duration = Duration::from_secs(1);
/// `application_id` of a file in which everything that was deleted since it was last written as a whole is overwritten: `tga1`.
const OVERWRITTEN: i64 = 0x7467_6131;
/// From so many pages on the number of an overflow page's next one begins like a page of rows.
const PAGES_MAX: i64 = 0x0200_0000;
/// Where the header of the first page's rows begins, bytes.
const FIRST_HEADER: usize = 100;

/// Says that a new file, or one just written anew, has nothing deleted in it.
pub(super) fn mark(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "application_id", OVERWRITTEN)
}

impl Database {
    /// Leaves nothing in the file or in its log of what was deleted. [`Error::Busy`]: somebody reads an old moment, the log is
    /// still there.
    pub(super) fn compact(&self) -> Result<(), Error> {
        let wrap = |error: rusqlite::Error| Error::from_sqlite(self.path(), &error);
        let connection = connect(self.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if steps_will_do(&connection).map_err(wrap)? {
            let soiled = soiled_pages(&connection).map_err(wrap)?;
            for pages in soiled.chunks(STEP_PAGES) {
                let pages = pages.to_vec();
                self.write(move |tx| Ok(pages_clean(tx, &pages)?))?;
            }
        } else {
            connection.execute_batch("VACUUM").map_err(wrap)?;
            mark(&connection).map_err(wrap)?;
        }
        self.log_cut(&connection)
    }

    /// Copies the log into the file and cuts it to nothing.
    fn log_cut(&self, connection: &Connection) -> Result<(), Error> {
        let wrap = |error: rusqlite::Error| Error::from_sqlite(self.path(), &error);
        let checkpoint = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, bool>(0));
        // Most of it beside the writers; the cut itself then has little to copy.
        checkpoint("PRAGMA wal_checkpoint(PASSIVE)").map_err(wrap)?;
        connection.busy_timeout(CUT_WAIT).map_err(wrap)?;
        let since = Instant::now();
        while checkpoint("PRAGMA wal_checkpoint(TRUNCATE)").map_err(wrap)? {
            if since.elapsed() > READERS_WAIT {
                return Err(Error::Busy("a reader holds the log; the file is cleaned later".to_owned()));
            }
            park_timeout(CUT_PAUSE);
        }
        Ok(())
    }
}

/// Whether the file was kept clean so far, and its pages can be reached one by one.
fn steps_will_do(db: &Connection) -> rusqlite::Result<bool> {
    let marked: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let reachable: bool =
        db.query_row("SELECT sqlite_compileoption_used('ENABLE_DBPAGE_VTAB')", [], |row| row.get(0))?;
    Ok(marked == OVERWRITTEN && reachable && page_count(db)? < PAGES_MAX)
}

fn page_count(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "page_count", |row| row.get(0))
}

/// Pages with something in their free bytes.
fn soiled_pages(db: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut soiled = Vec::new();
    for number in 1..=page_count(db)? {
        if page(db, number)?.is_some_and(|mut page| clean(&mut page, number == 1)) {
            soiled.push(number);
        }
    }
    Ok(soiled)
}

/// Writes pages anew as they are now, without what lies in their free bytes.
fn pages_clean(db: &Connection, numbers: &[i64]) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached("UPDATE sqlite_dbpage SET data = ?2 WHERE pgno = ?1")?;
    for number in numbers {
        let Some(mut page) = page(db, *number)? else { continue };
        if clean(&mut page, *number == 1) {
            write.execute(params![number, page])?;
        }
    }
    Ok(())
}

fn page(db: &Connection, number: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut read = db.prepare_cached("SELECT data FROM sqlite_dbpage WHERE pgno = ?1")?;
    read.query_row([number], |row| row.get(0)).optional()
}

/// Overwrites the free bytes of a page of rows (<https://www.sqlite.org/fileformat2.html>, 1.6): the middle between the list of its cells
/// and the cells, and the free blocks among these. `false`: there was nothing in them, or it is no page of rows. A page that
/// contradicts itself is left alone, whoever checks the file tells of it.
fn clean(page: &mut [u8], is_first: bool) -> bool {
    let Some(free) = free_bytes(page, if is_first { FIRST_HEADER } else { 0 }) else { return false };
    let mut soiled = false;
    for range in free {
        let Some(bytes) = page.get_mut(range) else { return soiled };
        soiled |= bytes.iter().any(|byte| *byte != 0);
        bytes.fill(0);
    }
    soiled
}

/// Where the free bytes of a page are; `None`: it is no page of rows.
fn free_bytes(page: &[u8], header: usize) -> Option<Vec<std::ops::Range<usize>>> {
    let word = |at: usize| Some(usize::from(u16::from_be_bytes(page.get(at..at + 2)?.try_into().ok()?)));
    let header_bytes = match page.get(header)? {
        0x02 | 0x05 => 12,
        0x0a | 0x0d => 8,
        _ => return None,
    };
    // Where a page of 65,536 bytes has no cells yet, its content begins at 0.
    let content = Some(word(header + 5)?).filter(|content| *content > 0).unwrap_or(page.len());
    let cells_end = header + header_bytes + 2 * word(header + 3)?;
    if cells_end > content || content > page.len() {
        return None;
    }
    let mut free = Vec::from([std::ops::Range { start: cells_end, end: content }]);
    let mut block = word(header + 1)?;
    while block != 0 {
        let (next, bytes) = (word(block)?, word(block + 2)?);
        // The list rises, or the page is not what it says.
        if block < content || bytes < 4 || block + bytes > page.len() || (next != 0 && next <= block) {
            return None;
        }
        free.push(block + 4..block + bytes);
        block = next;
    }
    Some(free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Schema;

    const SCHEMA: Schema = Schema {
        name: "rows.db",
        migrations: &["CREATE TABLE kept (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
             CREATE INDEX kept_text ON kept (text);"],
    };

    fn found(path: &std::path::Path, word: &str) -> usize {
        let mut count = 0;
        for name in ["rows.db", "rows.db-wal"] {
            let bytes = std::fs::read(path.with_file_name(name)).unwrap_or_default();
            count += bytes.windows(word.len()).filter(|part| *part == word.as_bytes()).count();
        }
        count
    }

    /// Rows of changing length, put in and taken out in an order that splits and joins pages.
    fn filled(db: &Database) {
        for round in 0..12_i64 {
            db.write(move |tx| {
                for n in 0..200_i64 {
                    let id = (n * 7919 + round * 131) % 2400;
                    let mark = if id % 3 == 0 { "geheimwort" } else { "bleibt" };
                    let text = format!("{mark}-{id:05}-{}", "x".repeat((id % 37) as usize * 20));
                    tx.execute("INSERT OR REPLACE INTO kept VALUES (?1, ?2)", params![id, text])?;
                }
                Ok(())
            })
            .unwrap();
        }
        db.write(|tx| Ok(tx.execute("DELETE FROM kept WHERE id % 3 = 0", [])?)).unwrap();
    }

    fn rows(db: &Database) -> (i64, String) {
        db.read(|db| {
            let sound = db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
            Ok((db.query_row("SELECT count(*) FROM kept", [], |row| row.get(0))?, sound))
        })
        .unwrap()
    }

    #[test]
    fn nothing_of_what_was_deleted_stays_and_all_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.db");
        let db = Database::open(&path, SCHEMA).unwrap();
        filled(&db);
        let (kept, _) = rows(&db);
        assert!(found(&path, "geheimwort") > 0, "the test must see it");
        db.compact().unwrap();
        assert_eq!(found(&path, "geheimwort"), 0);
        assert_eq!(rows(&db), (kept, "ok".to_owned()));
        // Cleaned pages are written on.
        filled(&db);
        db.compact().unwrap();
        assert_eq!((found(&path, "geheimwort"), rows(&db).1), (0, "ok".to_owned()));
    }

    #[test]
    fn overwriting_alone_would_not_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.db");
        let db = Database::open(&path, SCHEMA).unwrap();
        filled(&db);
        db.log_cut(&connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()).unwrap();
        assert!(found(&path, "geheimwort") > 0, "else pages need not be looked at");
        let soiled = db.read(|db| Ok(soiled_pages(db)?)).unwrap();
        assert!(soiled.len() > STEP_PAGES / 8, "{}", soiled.len());
    }

    #[test]
    fn a_file_from_before_is_written_anew_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.db");
        drop(Database::open(&path, SCHEMA).unwrap());
        let older = Connection::open(&path).unwrap();
        older
            .execute_batch(
                "PRAGMA application_id = 0; PRAGMA secure_delete = OFF;
                 INSERT INTO kept VALUES (1, 'geheimwort' || hex(zeroblob(40000))), (2, 'bleibt');
                 DELETE FROM kept WHERE id = 1;",
            )
            .unwrap();
        drop(older);
        assert!(found(&path, "geheimwort") > 0);
        let db = Database::open(&path, SCHEMA).unwrap();
        assert!(!db.read(|db| Ok(steps_will_do(db)?)).unwrap());
        db.compact().unwrap();
        assert_eq!((found(&path, "geheimwort"), rows(&db).0), (0, 1));
        assert!(db.read(|db| Ok(steps_will_do(db)?)).unwrap());
    }

    #[test]
    fn a_reader_of_an_old_moment_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.db");
        let db = Database::open(&path, SCHEMA).unwrap();
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM kept;").unwrap();
        filled(&db);
        assert!(matches!(db.compact(), Err(Error::Busy(_))));
        drop(reader);
        db.compact().unwrap();
        assert_eq!(found(&path, "geheimwort"), 0);
    }

    #[test]
    fn what_is_no_page_of_rows_or_contradicts_itself_is_left_alone() {
        for page in [vec![], vec![0x0d], vec![0x00; 512], vec![0xff; 512], vec![0x0d; 512]] {
            let mut cleaned = page.clone();
            assert!(!clean(&mut cleaned, false));
            assert_eq!(cleaned, page);
        }
        // A leaf without cells whose content begins at its end.
        let mut page = vec![7_u8; 512];
        page[..8].copy_from_slice(&[0x0d, 0, 0, 0, 0, 2, 0, 0]);
        assert!(clean(&mut page, false) && page[8..].iter().all(|byte| *byte == 0));
        assert!(!clean(&mut page, false), "once is enough");
        // A free block that leads back to itself.
        let mut page = vec![7_u8; 512];
        page[..8].copy_from_slice(&[0x0d, 1, 0, 0, 0, 1, 0, 0]);
        page[256..260].copy_from_slice(&[1, 0, 0, 16]);
        let before = page.clone();
        assert!(!clean(&mut page, false) && page == before);
    }
}
