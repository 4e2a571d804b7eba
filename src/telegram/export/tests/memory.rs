//! A file of any size in constant memory: the file is made while it is read, and the peak of a process that does nothing
//! else is looked at.

use super::*;

/// An endless source's beginning, `times` copies of the body, and an end.
struct Generated {
    head: Vec<u8>,
    body: Vec<u8>,
    tail: Vec<u8>,
    times: usize,
    at: usize,
}

impl Generated {
    fn part(&self) -> &[u8] {
        match self.times {
            _ if !self.head.is_empty() => &self.head,
            0 => &self.tail,
            _ => &self.body,
        }
    }
}

impl Read for Generated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let part = &self.part()[self.at..];
        let len = part.len().min(buffer.len());
        buffer[..len].copy_from_slice(&part[..len]);
        self.at += len;
        if self.at == self.part().len() && (!self.head.is_empty() || self.times > 0) {
            self.at = 0;
            if self.head.is_empty() {
                self.times -= 1;
            } else {
                self.head = Vec::new();
            }
        }
        Ok(len)
    }
}

/// Peak resident memory of this process so far, in bytes; `None` where the system does not tell.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// A few times the largest message, and far below the file.
const GROWTH_BYTES_MAX: u64 = 24 << 20;
const FILE_BYTES: usize = 96 << 20;

fn check(head: &str, body: String, tail: &str, posts_per_body: u64) {
    let times = FILE_BYTES / body.len();
    let mut source =
        Generated { head: head.into(), body: body.into_bytes(), tail: tail.into(), times, at: 0 };
    let before = peak_bytes();
    let mut posts = 0;
    let summary = read_from(&mut source, "generated", &ReadOptions::default(), &mut |item| {
        posts += u64::from(matches!(item, Item::Post { .. }));
        Ok(())
    });
    assert_eq!(posts, times as u64 * posts_per_body);
    assert!(summary.unwrap().bytes_read > FILE_BYTES as u64 - (1 << 20));
    if let (Some(before), Some(after)) = (before, peak_bytes()) {
        assert!(after - before < GROWTH_BYTES_MAX, "grew by {} bytes", after - before);
    }
}

/// Set for the process that the test starts to measure.
const ALONE: &str = "TGA_TEST_MEMORY_ALONE";

/// Long texts, so that a debug build is done in seconds.
#[test]
fn files_of_any_size_are_read_in_constant_memory() {
    if std::env::var_os(ALONE).is_none() {
        // Other tests of this process would blur the peak: the same test again, alone.
        let own = std::env::current_exe().unwrap();
        let name = std::thread::current().name().unwrap().to_owned();
        let mut alone = std::process::Command::new(own);
        let output = alone.args(["--exact", &name]).env(ALONE, "1").output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && shown.contains("1 passed"), "{shown}");
        return;
    }
    let text = "Мосты разведут в два часа ночи. ".repeat(600);
    let message = format!(r#"{{"id":7,"type":"message","date_unixtime":"1","photo":"p","text":"{text}"}},"#);
    let end = r#"{"id":1,"type":"service"}]}"#;
    let begin = r#"{"name":"n","type":"public_channel","id":1,"messages":["#;
    check(begin, message, end, 1);
    let line = format!(
        "{{\"channel\":\"news\",\"message_id\":7,\"date\":\"2024-01-01T00:00:00Z\",\"text\":\"{text}\"}}\n"
    );
    check("", line, "", 1);
    // One message as large as the file is passed over, not held.
    check(&format!("{begin}{{\"id\":3,\"text\":\""), text, "\"}]}", 0);
}
