//! What a person sees while a run goes on: a bar on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};

/// A line that is drawn again a few times a second, or not at all.
pub struct Progress(ProgressBar);

impl Progress {
    /// Shown on a terminal unless it is to be quiet.
    pub fn new(quiet: bool) -> Self {
        let shown = !quiet && stderr().is_terminal();
        let target = if shown {
            ProgressDrawTarget::stderr_with_hz(5)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{msg}  {wide_bar} {human_pos}/{human_len}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Something new begins; it is done at `total`.
    pub fn begin(&self, what: &'static str, total: u64) {
        self.0.reset();
        self.0.set_length(total);
        self.0.set_message(what);
    }

    /// What is to be known of it now.
    pub fn tell(&self, line: String) {
        self.0.set_message(line);
    }

    /// How far it is.
    pub fn at(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Something that stays; on a terminal alone.
    pub fn say(&self, line: &str) {
        self.0.println(line);
    }

    /// Takes the line away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
