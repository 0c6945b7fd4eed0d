//! The command line: what may be asked, and what is refused before anything is sent.

use crate::copy;
use crate::profile::Profile;
use crate::secret::Secret;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// One ship can say this many different things in one spot; more of them in 10 s could be taken for repeats.
const REPORTS_MAX: f64 = 32_768.0;
/// The dedup window that the fleet must stay clear of, in seconds.
pub const WINDOW_S: f64 = 10.0;
/// As fast as possible is taken to be at most this many messages a second.
pub const RATE_MAX: f64 = 4_000_000.0;

/// Sends what a fleet of ships would send, and verifies that the store holds it exactly once.
#[derive(Clone, Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Asked {
    /// Something else than a run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// A run.
    #[command(flatten)]
    pub run: Option<Arguments>,
}

/// What there is beside a run.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Copies the positions of a fleet into Postgres without the daemon: what a bare client reaches
    Copy(copy::Arguments),
}

/// A run.
#[derive(Clone, Debug, Parser)]
pub struct Arguments {
    /// Where to send: udp://HOST:PORT, tcp://HOST:PORT, or null to measure the generator itself
    #[arg(long, required_unless_present = "run_json")]
    pub target: Option<String>,
    /// Read the addresses from the daemon's run.json; --target may then be just udp or tcp
    #[arg(long, value_name = "FILE")]
    pub run_json: Option<PathBuf>,
    /// Distinct messages a second, or max
    #[arg(long, value_parser = rate)]
    pub rate: Rate,
    /// How long to send: 30s, 5m, 500ms
    #[arg(long, value_parser = duration, default_value = "30s")]
    pub duration: Duration,
    /// Stop after so many distinct messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Ships in the fleet
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    pub vessels: u32,
    /// The same seed gives the same fleet; times, and counts that keep runs apart, follow the start of the run
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Which mix of traffic
    #[arg(long, value_enum, default_value = "world")]
    pub profile: Profile,
    /// Share of the messages of which a further copy follows within a second, as from a second receiver
    #[arg(long, value_name = "FRACTION", default_value_t = 0.0, value_parser = fraction)]
    pub repeats: f64,
    /// TCP connections, which take turns
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub connections: u16,
    /// Put the intended time before each sentence as a \c: tag block
    #[arg(long)]
    pub tag_time: bool,
    /// Compare the store with what was sent: sqlite:FILE, or sqlite for the one in the data folder of --run-json;
    /// postgres://USER@HOST:PORT/DATABASE, or postgres for the address in DATABASE_URL, which nobody else can read
    #[arg(long, value_name = "STORE")]
    pub verify: Option<Secret>,
    /// Whose rows of a Postgres store: the UUID of the data directory, when --run-json does not lead there and the
    /// database holds several
    #[arg(long, value_name = "UUID")]
    pub instance: Option<String>,
    /// Follow the live picture, and compare it with what was sent: redis://HOST:PORT/DATABASE?prefix=PREFIX, or redis
    /// or redis?prefix=PREFIX for the address in REDIS_URL, which nobody else can read
    #[arg(long, value_name = "URL")]
    pub live: Option<Secret>,
    /// Where the daemon serves its metrics: http://HOST:PORT (with --run-json it is known)
    #[arg(long, value_name = "URL")]
    pub metrics: Option<String>,
    /// How long the store, and after it the live picture, may take to catch up, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub settle: u64,
    /// Wait up to 30 s for the target to listen, or for run.json to appear
    #[arg(long)]
    pub wait: bool,
    /// Write the results to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// No progress and no table
    #[arg(long)]
    pub quiet: bool,
}

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Distinct messages a second.
    Of(f64),
    /// As fast as the target takes them.
    Max,
}

impl Rate {
    /// Messages a second, if it is limited.
    pub const fn limit(self) -> Option<f64> {
        match self {
            Self::Of(rate) => Some(rate),
            Self::Max => None,
        }
    }
}

/// Which store to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// A file.
    Sqlite(PathBuf),
    /// The one in the daemon's data folder.
    Embedded,
    /// At this address, or at the one in the environment.
    Postgres(Option<Secret>),
}

impl Store {
    fn parse(text: &Secret) -> Result<Self, String> {
        match text.reveal().split_once(':') {
            None if text.reveal() == "sqlite" => Ok(Self::Embedded),
            Some(("sqlite", file)) if !file.is_empty() => Ok(Self::Sqlite(file.into())),
            None if text.reveal() == "postgres" => Ok(Self::Postgres(None)),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(Some(text.clone())))
            }
            _ => Err("--verify must be sqlite, sqlite:FILE, postgres or postgres://...".into()),
        }
    }
}

impl Arguments {
    /// What no single argument can say.
    ///
    /// # Errors
    /// A text that names the values and the way out.
    pub fn check(&self) -> Result<(), String> {
        let rate = self.rate.limit().unwrap_or(RATE_MAX);
        let count = self.count.map_or(f64::INFINITY, |count| count as f64);
        let in_window = (rate * WINDOW_S).min(rate * self.duration.as_secs_f64()).min(count);
        // Nine tenths of the ships are class A, and nine tenths of the messages are theirs.
        let least = (in_window / REPORTS_MAX).ceil();
        if f64::from(self.vessels) < least {
            return Err(format!(
                "--vessels is {}, too few for this rate: a ship that sends more than {REPORTS_MAX} messages \
                 in {WINDOW_S} s repeats itself; use at least {least}",
                self.vessels
            ));
        }
        if self.store()? == Some(Store::Embedded) && self.run_json.is_none() {
            return Err("--verify sqlite needs --run-json, or a file: sqlite:FILE".into());
        }
        Ok(())
    }

    /// The store to compare with.
    ///
    /// # Errors
    /// A text that says what may be asked; what was asked may hold a password.
    pub fn store(&self) -> Result<Option<Store>, String> {
        self.verify.as_ref().map(Store::parse).transpose()
    }

    /// Distinct messages at most.
    pub fn count_max(&self) -> u64 {
        let by_time = self.rate.limit().map_or(u64::MAX, |rate| {
            crate::stream::whole((rate * self.duration.as_secs_f64()).round()).max(1)
        });
        by_time.min(self.count.unwrap_or(u64::MAX))
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    match text.replace('_', "").parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 100e6 => Ok(Rate::Of(rate)),
        _ => Err("must be max, or messages a second up to 100000000".into()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        other => return Err(format!("{other} is no unit; use ms, s, m or h")),
    };
    match digits.parse::<f64>() {
        Ok(number) if number > 0.0 && number * unit <= 1e6 => {
            Ok(Duration::from_secs_f64(number * unit))
        }
        _ => Err("must be a number over 0 and a unit, such as 30s".into()),
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("must be 0 to 1".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(more: &[&str]) -> Result<Arguments, String> {
        let first = ["loadgen", "--target", "null"];
        let arguments = Arguments::try_parse_from(first.iter().chain(more));
        let arguments = arguments.map_err(|error| error.to_string())?;
        arguments.check().map(|()| arguments)
    }

    #[test]
    fn values_are_read_with_their_units() {
        let check = |text, ms| assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        check("30s", 30_000);
        check("500ms", 500);
        check("2m", 120_000);
        check("1.5", 1500);
        assert_eq!(rate("10_000"), Ok(Rate::Of(10_000.0)));
        assert_eq!(rate("max"), Ok(Rate::Max));
        let store = |text: &str| Store::parse(&text.into()).unwrap();
        assert_eq!(store("sqlite:a.db"), Store::Sqlite("a.db".into()));
        assert_eq!(store("postgres"), Store::Postgres(None));
        let url = "postgresql://aisd@db/ais";
        assert_eq!(store(url), Store::Postgres(Some(url.into())));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let check = |more: &[&str]| assert!(parsed(more).is_err(), "{more:?}");
        check(&[]);
        check(&["--rate", "0"]);
        check(&["--rate", "fast"]);
        check(&["--rate", "1", "--duration", "0s"]);
        check(&["--rate", "1", "--duration", "3days"]);
        check(&["--rate", "1", "--repeats", "1.5"]);
        check(&["--rate", "1", "--verify", "sqlite"]);
        check(&["--rate", "1", "--verify", "oracle:x"]);
        check(&["--rate", "1", "--verify", "sqlite:"]);
        check(&["--rate", "1", "--verify", "postgres:x"]);
        check(&["--rate", "100000", "--vessels", "10"]);
        assert!(parsed(&["--rate", "100000"]).is_ok());
        assert!(parsed(&["--rate", "max"]).is_ok());
    }

    #[test]
    fn a_store_that_is_refused_is_not_repeated() {
        let url = "postgre://aisd:hush@db/ais";
        let error = parsed(&["--rate", "1", "--verify", url]).unwrap_err();
        assert!(error.starts_with("--verify must be") && !error.contains("hush"), "{error}");
        let shown = format!("{:?}", parsed(&["--rate", "1", "--verify", "postgres://:hush@db"]));
        assert!(shown.contains("verify") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn the_shorter_of_count_and_time_ends_the_run() {
        let count = |more: &[&str]| parsed(more).unwrap().count_max();
        assert_eq!(count(&["--rate", "1000", "--duration", "2s"]), 2000);
        assert_eq!(count(&["--rate", "1000", "--duration", "2s", "--count", "5"]), 5);
        assert_eq!(count(&["--rate", "max"]), u64::MAX);
    }
}
