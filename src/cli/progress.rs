//! Progress bars on stderr: how far, how fast, how long still. Nothing is drawn when stderr is no terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::app::command::Progress;

/// The bars of one command: one at a time, by what the command is busy with.
#[derive(Debug)]
pub(super) struct Bars {
    wanted: bool,
    current: Option<(&'static str, ProgressBar)>,
}

impl Bars {
    pub(super) fn new(wanted: bool) -> Self {
        Self { wanted, current: None }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Import(at) => {
                let seconds = self.current.as_ref().map_or(0.0, |(_, bar)| bar.elapsed().as_secs_f64());
                let rate = if seconds > 0.0 { at.posts as f64 / seconds } else { 0.0 };
                let bar =
                    self.bar("importing", "{msg:10} {bar:40} {bytes}/{total_bytes} {prefix} left {eta}");
                bar.set_length(at.bytes_total.unwrap_or(at.bytes_read));
                bar.set_position(at.bytes_read);
                bar.set_prefix(format!("{} posts, {rate:.0}/s", at.posts));
            }
            Progress::Index { done, total } => self.count("indexing", done, total),
            Progress::Export { done, total } => self.count("exporting", done, total),
            Progress::Embed { done, total } => self.count("embedding", done, total),
            Progress::Backup { done, total } => {
                let bar = self.bar("packing", "{msg:10} {bar:40} {bytes}/{total_bytes} left {eta}");
                bar.set_length(total);
                bar.set_position(done);
            }
            Progress::BackupVerify => {
                self.bar("verifying", "{msg:10} {elapsed}");
            }
        }
    }

    fn count(&mut self, what: &'static str, done: u64, total: u64) {
        let bar = self.bar(what, "{msg:10} {bar:40} {pos}/{len} posts, {per_sec}, left {eta}");
        bar.set_length(total);
        bar.set_position(done);
    }

    fn bar(&mut self, what: &'static str, template: &str) -> &ProgressBar {
        if self.current.as_ref().is_none_or(|(current, _)| *current != what) {
            self.finish();
            let target =
                if self.wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::with_draw_target(None, target).with_style(style).with_message(what);
            self.current = Some((what, bar));
        }
        &self.current.as_ref().expect("it was set just above").1
    }

    pub(super) fn finish(&mut self) {
        if let Some((_, bar)) = self.current.take() {
            bar.finish();
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.finish();
    }
}
