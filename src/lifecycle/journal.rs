//! Log lines for the journal: each begins with its priority, which `journalctl -p warning` filters by.
//!
//! The prefix is that of `sd-daemon(3)`. Elsewhere than in the journal it would be noise, so it is used only where the journal
//! reads our stderr.

use std::io::{self, Write};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Writes to stderr, in the journal with priorities.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stderr {
    prefixed: bool,
}

impl Stderr {
    pub(super) fn new() -> Self {
        Self { prefixed: std::env::var_os("JOURNAL_STREAM").is_some() }
    }
}

/// One event's line.
pub(super) struct Line {
    prefix: &'static str,
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { prefix: "" }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Line {
        Line { prefix: if self.prefixed { priority(*of.level()) } else { "" } }
    }
}

/// The priority of `syslog(3)`.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        Level::DEBUG | Level::TRACE => "<7>",
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // One write a line, so that lines of several threads do not mix.
        let whole = [self.prefix.as_bytes(), line].concat();
        io::stderr().write_all(&whole)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, priority};

    #[test]
    fn worse_is_a_smaller_number() {
        let order = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG].map(priority);
        assert_eq!(order, ["<3>", "<4>", "<6>", "<7>"]);
    }
}
