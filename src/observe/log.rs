//! The log: one line for each event, on standard error.
//!
//! Text by default, JSON for collectors. A level by what the operator must do: error when something is lost or help is
//! needed, warn when it recovered by itself, info for the life cycle; nothing for each message.
//!
//! Ships name themselves, so what is logged may come from the air: control characters are escaped in the writer, below
//! every format, and a name can neither start a line nor colour a terminal. Lines that want an operator are counted there as well.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::reload;

use crate::config::{LogConfig, LogFormat};
use crate::exit::{self, Failure};

/// Starts the log of this process.
///
/// # Errors
/// When the level cannot be understood, or a log was started before.
pub fn start(config: &LogConfig) -> Result<(), Failure> {
    let refused = |error: String| Failure::new(exit::CONFIG, format!("log.level: {error}"));
    let filter = EnvFilter::try_new(&config.level).map_err(|error| refused(error.to_string()))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Escaping(io::stderr));
    let (started, handle): (_, SetFilter) = match config.format {
        LogFormat::Text => {
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            (builder.try_init(), Box::new(move |filter| handle.reload(filter)))
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let handle = builder.reload_handle();
            (builder.try_init(), Box::new(move |filter| handle.reload(filter)))
        }
    };
    started.map_err(|error| refused(error.to_string()))?;
    // The first log of a process is its only one.
    let _ = FILTER.set(handle);
    Ok(())
}

type SetFilter = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

/// Puts another filter into the log of this process.
static FILTER: OnceLock<SetFilter> = OnceLock::new();

/// Changes the level while the log goes on.
///
/// # Errors
/// When it cannot be understood, or no log was started.
pub fn set_level(level: &str) -> Result<(), Failure> {
    let refused = |error: String| Failure::new(exit::CONFIG, format!("log.level: {error}"));
    let filter = EnvFilter::try_new(level).map_err(|error| refused(error.to_string()))?;
    let set = FILTER.get().ok_or_else(|| refused("there is no log".to_owned()))?;
    set(filter).map_err(|error| refused(error.to_string()))
}

/// Lines that say that something is lost or help is needed, of the one log of this process.
static ERRORS: AtomicU64 = AtomicU64::new(0);
/// And those that say that it recovered by itself.
static WARNINGS: AtomicU64 = AtomicU64::new(0);

/// How many lines were written at the levels error and warn.
#[must_use]
pub fn lines() -> [(&'static str, u64); 2] {
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    [("error", read(&ERRORS)), ("warn", read(&WARNINGS))]
}

/// Makes writers that escape control characters; one is made for each line.
struct Escaping<M>(M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Escaping<M> {
    type Writer = EscapingWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        EscapingWriter(self.0.make_writer())
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Self::Writer {
        match *line.level() {
            Level::ERROR => ERRORS.fetch_add(1, Ordering::Relaxed),
            Level::WARN => WARNINGS.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
        EscapingWriter(self.0.make_writer_for(line))
    }
}

/// Writes one event at a time; only the line feed at its end is one.
struct EscapingWriter<W>(W);

impl<W: Write> Write for EscapingWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(&escape(event))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn escape(event: &[u8]) -> Vec<u8> {
    let line = event.strip_suffix(b"\n").unwrap_or(event);
    let mut out = Vec::with_capacity(event.len() + 8);
    for character in String::from_utf8_lossy(line).chars() {
        if character.is_control() {
            out.extend(character.escape_default().map(|escaped| escaped as u8));
        } else {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    out.extend_from_slice(&event[line.len()..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_the_air_cannot_start_a_line_or_colour_a_terminal() {
        let check = |event: &[u8], expected: &str| {
            assert_eq!(String::from_utf8_lossy(&escape(event)), expected);
        };
        check(b"plain text\n", "plain text\n");
        check(b"a\nERROR forged\r\n", "a\\nERROR forged\\r\n");
        check(b"\x1b[31mred\x07\x7f", "\\u{1b}[31mred\\u{7}\\u{7f}");
        check("caf\u{e9} \u{9b}31m\n".as_bytes(), "caf\u{e9} \\u{9b}31m\n");
        check(b"bad \xff byte\n", "bad \u{fffd} byte\n");
    }

    #[test]
    fn lines_are_counted_by_what_they_want_of_the_operator() {
        let log = tracing_subscriber::fmt().with_writer(Escaping(io::sink)).finish();
        let before = lines().map(|(_, count)| count);
        tracing::subscriber::with_default(log, || {
            tracing::error!("lost");
            tracing::warn!("came back");
            tracing::warn!("came back again");
            tracing::info!("started");
        });
        // Nothing else in these tests has a log.
        let after = lines();
        assert_eq!(after, [("error", before[0] + 1), ("warn", before[1] + 2)]);
    }
}
