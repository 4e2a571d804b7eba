//! A disk that is full or read-only: the message names it and the fix, nothing acknowledged is lost, and work goes on when
//! there is room again.
//!
//! Needs the right to mount a tmpfs; without it the tests say so and pass.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails; one that is skipped says so"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support_faults::{Appliance, Posts, wait_for};

/// Posts for the read-only disk.
const POSTS: u64 = 60;
/// Posts that do not fit on the disk that is full.
const POSTS_MANY: u64 = 900;

/// A small disk of its own; taken away when dropped.
struct Disk(PathBuf, Option<tempfile::TempDir>);

impl Disk {
    /// `None` where this user may not mount.
    fn mount(size: &str) -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().to_owned();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"])
            .arg(&path)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path, Some(place)));
        }
        eprintln!("skipped: mounting a tmpfs is not permitted here");
        None
    }

    fn remount(&self, mode: &str) {
        let options = format!("remount,{mode}");
        let status = Command::new("mount").args(["-o", &options]).arg(&self.0).status();
        assert!(status.unwrap().success());
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Leaves only this much room, bytes.
    fn fill(&self, room: u64) {
        let ballast = self.ballast();
        let mut file = fs::File::create(&ballast).unwrap();
        let block = vec![1; 64 * 1024];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        let full = file.metadata().unwrap().len();
        file.set_len(full.saturating_sub(room)).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What is still in use goes with its last user.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        self.1.take();
    }
}

fn names_full_disk(message: &str, disk: &Path) {
    let full = message.contains("disk is full") || message.contains("o space left");
    assert!(full, "does not say that the disk is full: {message}");
    assert!(message.contains("free some space"), "names no fix: {message}");
    assert!(message.contains(disk.to_str().unwrap()), "does not name the disk: {message}");
}

#[test]
fn disk_full_while_importing() {
    let Some(disk) = Disk::mount("40m") else { return };
    let appliance = Appliance::at(&disk.0.join("data"));
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("posts.jsonl");
    let posts = Posts::new(POSTS_MANY);
    posts.write(&file);
    for (n, room_kib) in [0, 40, 400, 900, 1600].into_iter().enumerate() {
        let tenant = format!("t{n}");
        appliance.ok(&["tenant", "create", &tenant, "--json"]);
        disk.fill(room_kib * 1024);
        let message = appliance.refused(&["import", file.to_str().unwrap(), "--tenant", &tenant]);
        names_full_disk(&message, &disk.0);
        disk.free();
        appliance.import(&file, &tenant);
        appliance.assert_whole(&tenant, &posts, &format!("{room_kib} KiB of room"));
        appliance.ok(&["tenant", "delete", &tenant, "--yes", "--json"]);
    }
}

#[test]
fn service_goes_on_when_a_full_disk_has_room_again() {
    let Some(disk) = Disk::mount("40m") else { return };
    let appliance = Appliance::at(&disk.0.join("data"));
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("posts.jsonl");
    let posts = Posts::new(POSTS_MANY);
    posts.write(&file);
    let mut service = appliance.serve();
    disk.fill(300 * 1024);
    let message = appliance.refused(&["import", file.to_str().unwrap(), "--tenant", "main", "--wait"]);
    names_full_disk(&message, &disk.0);
    disk.free();
    let import = ["import", file.to_str().unwrap(), "--tenant", "main", "--wait", "--json"];
    wait_for("the service to go on", || appliance.run(&import).status.success());
    // A settle that failed brings its jobs back; their posts have arrived, so they only have to be struck off.
    appliance.wait_settled();
    service.kill();
    appliance.assert_whole("main", &posts, "after the disk was full");
}

#[test]
fn read_only_directory_is_named() {
    let Some(disk) = Disk::mount("40m") else { return };
    let appliance = Appliance::at(&disk.0.join("data"));
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("posts.jsonl");
    let posts = Posts::new(POSTS);
    posts.write(&file);
    appliance.import(&file, "main");
    disk.remount("ro");
    for arguments in [
        &["import", file.to_str().unwrap(), "--tenant", "main"][..],
        &["search", "банк", "--tenant", "main"],
        &["serve"],
        &["init"],
    ] {
        let message = appliance.refused(arguments);
        assert!(message.contains("mounted read-only"), "{arguments:?}: {message}");
        assert!(message.contains(disk.0.to_str().unwrap()), "{arguments:?}: {message}");
    }
    disk.remount("rw");
    appliance.assert_whole("main", &posts, "after read-only");
}
