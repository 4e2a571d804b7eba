//! The files of a tenant's indexes under second names, for a backup to carry.
//!
//! Index files are written once and then only deleted, so a second name keeps one as it is, in no time and no room, whatever becomes
//! of the first. Knows directories and names, no index needs to be open or to wait. What a merge takes away in between is
//! noticed when the copy is opened.

use std::{fs, io, path::Path};

use super::Error;

/// What tantivy replaces as a whole with each commit: it says which files count.
const META_FILE: &str = "meta.json";
/// How the names of tantivy's locks begin; they are nobody's data.
const LOCK_PREFIX: &str = ".tantivy-";
/// How the name of a graph begins that was written to its end.
const GRAPH_PREFIX: &str = "graph-";
const OBJECT: &str = "index files";

/// Gives the full-text index in `from`, as of its last commit, a second place at `to`.
pub fn fulltext_link(from: &Path, to: &Path) -> Result<(), Error> {
    directory(to)?;
    // First: whatever it names was there before it.
    file_link(&from.join(META_FILE), &to.join(META_FILE))?;
    for name in names(from)? {
        if name == META_FILE || name.starts_with(LOCK_PREFIX) {
            continue;
        }
        match fs::hard_link(from.join(&name), to.join(&name)) {
            // A merge was done with it.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(|e| failed(&e))?,
        }
    }
    Ok(())
}

/// The same for the graphs below `from`; where there are none, nothing is made.
pub fn graphs_link(from: &Path, to: &Path) -> Result<(), Error> {
    if !from.is_dir() {
        return Ok(());
    }
    for graph in names(from)?.into_iter().filter(|name| name.starts_with(GRAPH_PREFIX)) {
        directory(&to.join(&graph))?;
        for file in names(&from.join(&graph))? {
            file_link(&from.join(&graph).join(&file), &to.join(&graph).join(&file))?;
        }
    }
    Ok(())
}

fn file_link(from: &Path, to: &Path) -> Result<(), Error> {
    fs::hard_link(from, to).map_err(|e| failed(&e))
}

fn directory(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|e| failed(&e))
}

fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(dir).map_err(|e| failed(&e))?;
    let named = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().into_string().ok());
    let names: io::Result<Vec<Option<String>>> = entries.map(named).collect();
    Ok(names.map_err(|e| failed(&e))?.into_iter().flatten().collect())
}

fn failed(error: &io::Error) -> Error {
    Error::io("link", OBJECT, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{ChannelId, PostId},
        search::{Document, FullText, FullTextSettings},
    };

    #[test]
    fn what_is_linked_stays_as_it_was_while_the_index_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let settings = FullTextSettings::default();
        let index = FullText::open(&from, settings).unwrap();
        let put = |id: i64, text: &str| {
            let document = Document {
                post_id: PostId(id),
                channel_id: ChannelId(1),
                posted_at: 100,
                text,
                links: &[],
                pages: &[],
                tags: &[],
                author: None,
                language: None,
            };
            index.upsert(&[document]).unwrap();
            index.commit(None).unwrap();
        };
        put(1, "ледокол вышел из порта");
        fulltext_link(&from, &to).unwrap();
        put(2, "матч закончился вничью");
        index.remove(&[PostId(1)]).unwrap();
        index.commit(None).unwrap();
        let linked = FullText::open(&to, settings).unwrap();
        assert_eq!(linked.post_ids().unwrap(), [PostId(1)].into());
        assert_eq!(index.post_ids().unwrap(), [PostId(2)].into());
        graphs_link(&dir.path().join("none"), &dir.path().join("graphs")).unwrap();
        assert!(!dir.path().join("graphs").exists());
    }
}
