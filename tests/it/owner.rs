//! Root beside a service of another user: what it names is carried to where the service can read it, what it makes is the service's.

use std::{
    os::unix::fs::{MetadataExt as _, PermissionsExt},
    path::Path,
};

use crate::support::{Binary, line};

/// A user that has nothing.
const NOBODY: u32 = 65_534;

/// An installation that belongs to somebody else; `None`, with a message, where we cannot make one.
fn installed() -> Option<Binary> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root acts for others");
        return None;
    }
    let tga = Binary::new();
    std::fs::set_permissions(tga.dir(), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::create_dir(tga.data_dir()).unwrap();
    give(&tga.data_dir());
    tga.ok(&["init"]);
    Some(tga)
}

fn give(dir: &Path) {
    std::os::unix::fs::chown(dir, Some(NOBODY), Some(NOBODY)).unwrap();
}

/// A directory that only root enters.
fn home(tga: &Binary, name: &str) -> std::path::PathBuf {
    let dir = tga.dir().join(name);
    std::fs::create_dir(&dir).unwrap();
    std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o700)).unwrap();
    dir
}

/// What below a directory is not the service's.
fn others(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        if meta.uid() != NOBODY {
            found.push(path.display().to_string());
        }
        if meta.is_dir() {
            found.extend(others(&path));
        }
    }
    found
}

/// Neither a kit could be written, nor a backup in root's home be tried or restored.
#[test]
fn backups_and_kits_in_a_home_of_roots_are_carried() {
    let Some(tga) = installed() else { return };
    let service = tga.serve();
    let posts = tga.jsonl("posts.jsonl", &[line("news", 1, "Ледокол Арктика вышел из порта Мурманск")]);
    tga.ok(&["import", posts.to_str().unwrap(), "--tenant", "main"]);
    let root = home(&tga, "root");
    let kit = tga.ok(&["backup", "kit", root.to_str().unwrap()]);
    for file in kit["files"].as_array().unwrap() {
        let meta = std::fs::metadata(file.as_str().unwrap()).unwrap();
        assert_eq!((meta.uid(), meta.mode() & 0o777), (0, 0o600), "{kit}");
        assert!(Path::new(file.as_str().unwrap()).starts_with(&root), "{kit}");
    }
    let (code, again) = tga.json(&["backup", "kit", root.to_str().unwrap()]);
    assert!(code == 1 && again.to_string().contains("already"), "{again}");
    let made = tga.ok(&["backup", "create"]);
    let copy = root.join(made["name"].as_str().unwrap());
    std::fs::rename(made["path"].as_str().unwrap(), &copy).unwrap();
    std::os::unix::fs::chown(&copy, Some(0), Some(0)).unwrap();
    let keys = root.join("tga-emergency-kit.txt");
    let (copy, keys) = (copy.to_str().unwrap(), keys.to_str().unwrap());
    tga.ok(&["backup", "verify", copy, "--keys", keys]);
    let seal = home(&tga, "seal");
    std::fs::copy(keys, seal.join("one.key")).unwrap();
    tga.ok(&["backup", "verify", copy, "--keys", seal.to_str().unwrap()]);
    let restored = tga.ok(&["backup", "restore", copy, "--tenant", "main", "--name", "copy", "--keys", keys]);
    assert_eq!(restored["posts"], 1, "{restored}");
    drop(service);
    assert_eq!(others(&tga.data_dir()), Vec::<String>::new());
}

/// Root's files in the directory of the service kept it from starting.
#[test]
fn what_root_restores_is_the_services() {
    let Some(tga) = installed() else { return };
    let root = home(&tga, "root");
    let copy = root.join("copy.tar.zst.age");
    let service = tga.serve();
    let made = tga.ok(&["backup", "create"]);
    std::fs::copy(made["path"].as_str().unwrap(), &copy).unwrap();
    tga.ok(&["backup", "kit", root.to_str().unwrap()]);
    drop(service);
    let there = tga.dir().join("there");
    std::fs::create_dir(&there).unwrap();
    give(&there);
    let keys = root.join("tga-emergency-kit.txt");
    let restore = ["backup", "restore", copy.to_str().unwrap(), "--keys", keys.to_str().unwrap()];
    let there = there.to_str().unwrap();
    tga.ok(&[&restore[..], &["--data-dir", there]].concat());
    assert_eq!(others(Path::new(there)), Vec::<String>::new());
    // Also what a failure leaves.
    let broken = tga.dir().join("broken");
    std::fs::create_dir(&broken).unwrap();
    give(&broken);
    let restore = ["backup", "restore", keys.to_str().unwrap(), "--keys", keys.to_str().unwrap()];
    assert_eq!(tga.json(&[&restore[..], &["--data-dir", broken.to_str().unwrap()]].concat()).0, 1);
    assert_eq!(others(&broken), Vec::<String>::new());
}

/// Opening the directory cleared away what had just been carried into it.
#[test]
fn what_root_names_is_carried_also_while_no_service_runs() {
    let Some(tga) = installed() else { return };
    let root = home(&tga, "root");
    let posts = tga.jsonl("posts.jsonl", &[line("news", 1, "Ледокол Арктика вышел из порта Мурманск")]);
    let kept = root.join("posts.jsonl");
    std::fs::rename(posts, &kept).unwrap();
    std::fs::set_permissions(&kept, PermissionsExt::from_mode(0o600)).unwrap();
    tga.ok(&["import", kept.to_str().unwrap(), "--tenant", "main", "--wait"]);
    let out = root.join("out.jsonl");
    tga.ok(&["export", "--tenant", "main", "--format", "jsonl", out.to_str().unwrap()]);
    assert!(std::fs::read_to_string(&out).unwrap().contains("Ледокол"));
    assert_eq!(others(&tga.data_dir()), Vec::<String>::new());
}
