//! `aisd top`: what the running daemon is doing now, again and again, on a terminal; once, as plain text, anywhere else.
//!
//! It asks for `/metrics?format=json` at each interval and shows what changed since the last time as rates. `q` or an
//! interrupt ends it, and the terminal is as it was.

mod frame;
mod screen;

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use super::checklist::paint::{Color, Paint};
use super::daemon::{Daemon, DaemonArgs};
use super::duration::duration;
use super::watch::interrupts;
use super::write_out;
use crate::exit::{self, Failure};
use frame::{Frame, Line};
use screen::Screen;

/// Lines of a frame where nobody knows how many fit.
const LINES_MAX: usize = 10_000;

/// Which daemon, and how often.
#[derive(Args, Debug)]
pub struct TopArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Look this often; rates are of the time between two looks
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    every: Duration,
    /// Write one frame as plain text and end, as when the output is no terminal
    #[arg(long)]
    once: bool,
    /// Use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    color: Color,
}

/// Shows, until somebody has seen enough.
///
/// # Errors
/// What is wrong with the configuration, that nobody answers at all, or that nothing can be written.
pub fn top(args: &TopArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let interrupted = interrupts()?;
    let mut top = Top { daemon: Daemon::of(&args.daemon)?, before: None };
    let paint = Paint::of(args.color);
    if args.once || !io::stdout().is_terminal() {
        let first = top.look().map_err(|why| Failure::new(exit::IO, why))?;
        top.before = Some(first);
        std::thread::sleep(args.every);
        let lines = top.frame();
        return write_out(out, &text(&lines, paint, usize::MAX, LINES_MAX));
    }
    let mut screen = Screen::open(out).map_err(failed)?;
    while !interrupted.load(Ordering::Relaxed) {
        let began = Instant::now();
        let lines = top.frame();
        let (height, width) = screen.size();
        screen.show(&text(&lines, paint, width, height.saturating_sub(1))).map_err(failed)?;
        if is_enough(&screen, &interrupted, began + args.every) {
            break;
        }
    }
    Ok(exit::OK)
}

fn failed(error: io::Error) -> Failure {
    Failure::new(exit::IO, format!("cannot write to the terminal: {error}"))
}

/// Waits for the next look; whether somebody has seen enough.
fn is_enough(screen: &Screen<'_>, interrupted: &AtomicBool, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if interrupted.load(Ordering::Relaxed) {
            return true;
        }
        if left.is_zero() {
            return false;
        }
        if screen.key(left.min(Duration::from_millis(100))).is_some_and(|key| key == b'q') {
            return true;
        }
    }
}

/// As many lines as fit, each cut at the edge.
fn text(lines: &[Line], paint: Paint, width: usize, height: usize) -> String {
    let cut = |line: &Line| {
        let text: String = line.text.chars().take(width).collect();
        let text = text.trim_end();
        let text = if line.is_title { paint.strong(text) } else { paint.by(line.mark, text) };
        text + "\n"
    };
    lines.iter().take(height).map(cut).collect()
}

struct Top {
    daemon: Daemon,
    before: Option<(Instant, Value)>,
}

impl Top {
    fn look(&mut self) -> Result<(Instant, Value), String> {
        let answer = self.daemon.get("/metrics?format=json")?;
        let value = serde_json::from_str(&answer.body)
            .map_err(|_| format!("{} answers {}", self.daemon.shown(), answer.status))?;
        Ok((Instant::now(), value))
    }

    /// What is to be shown now.
    fn frame(&mut self) -> Vec<Line> {
        match self.look() {
            Ok(now) => {
                let shown = self.daemon.shown();
                let lines = Frame::new(&shown, self.before.as_ref(), &now).lines();
                self.before = Some(now);
                lines
            }
            Err(why) => {
                self.before = None;
                vec![Line::wrong(format!("no answer: {why}"))]
            }
        }
    }
}
