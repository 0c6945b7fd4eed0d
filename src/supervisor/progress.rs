//! A progress bar for files being read, on a terminal; nothing anywhere else.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use super::Mode;
use super::build::Engine;

/// The bar, if there is a terminal and something to show.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// A bar for the files of a replay.
    #[must_use]
    pub fn new(mode: Mode, engine: &Engine) -> Self {
        let expected = bytes(engine).1;
        if mode != Mode::Replay || expected == 0 || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new(expected);
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:40} {bytes}/{total_bytes} {elapsed}, {eta} left {msg}",
        ) {
            bar.set_style(style);
        }
        Self(Some(bar))
    }

    /// Moves the bar to where the files are.
    pub fn show(&self, engine: &Engine) {
        if let Some(bar) = &self.0 {
            let stored: u64 = engine.counts.feeds.iter().map(|feed| feed.stored.get()).sum();
            bar.set_position(bytes(engine).0);
            bar.set_message(format!("{stored} stored"));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Bytes read and expected of all files.
fn bytes(engine: &Engine) -> (u64, u64) {
    let files = engine.counts.feeds.iter().filter(|feed| feed.bytes_expected.get() > 0);
    files.fold((0, 0), |(read, expected), feed| {
        (
            read + feed.file_read.get().unsigned_abs(),
            expected + feed.bytes_expected.get().unsigned_abs(),
        )
    })
}
