//! The command line: what may be asked, and what is refused before anything is sent.

pub mod rate;

use crate::copy;
use crate::dirt::Dirt;
use crate::profile::Profile;
use crate::secret::Secret;
use clap::builder::ArgPredicate;
use clap::{Parser, Subcommand};
use rate::Rate;
use std::path::PathBuf;
use std::time::Duration;

/// A ship can say 32 768 different things in one spot; more of them in 10 s could be taken for repeats. One that turns at
/// full speed reports six times as often as the mean.
const REPORTS_MAX: f64 = 5_461.0;
/// The dedup window that the fleet must stay clear of, in seconds.
pub const WINDOW_S: f64 = 10.0;
/// As fast as possible is taken to be at most this many messages a second.
pub const RATE_MAX: f64 = 4_000_000.0;

/// How long a run takes when nothing is said of it.
const DURATION: Duration = Duration::from_secs(30);
/// One of those that look for the highest rate.
const FIND_MAX_DURATION: Duration = Duration::from_secs(60);
/// One that is told how many messages to send: then these end it.
const COUNT_DURATION: Duration = Duration::from_secs(600);

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
    /// Writes the manual pages, for packages
    #[command(hide = true)]
    Man {
        /// The directory to write them into
        directory: PathBuf,
    },
}

/// A run.
#[derive(Clone, Debug, Parser)]
pub struct Arguments {
    /// Where to send: udp://HOST:PORT, tcp://HOST:PORT, http://HOST:PORT for batches of positions as JSON, or null to measure
    /// the generator itself
    #[arg(long, required_unless_present = "run_json")]
    pub target: Option<String>,
    /// Read the addresses from the daemon's run.json; --target may then be just udp, tcp or http
    #[arg(long, value_name = "FILE")]
    pub run_json: Option<PathBuf>,
    /// Distinct messages a second: 10000; in even steps over the duration: 1000,5000,10000; on a ramp: 1000..20000; natural
    /// for as many as the fleet sends by the standard; recorded, which a --file has by itself; or max
    #[arg(long, value_parser = Rate::parse, required = false, required_unless_present = "file", default_value_if("file", ArgPredicate::IsPresent, "recorded"))]
    pub rate: Rate,
    /// Send the lines of this file, bare of their dates, instead of a fleet's; only their positions are looked for in the
    /// store
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How many times as fast as it was recorded
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// How long to send: 30s, 5m, 500ms, 12h. Without it 30 s, a minute for each rate of --find-max, and with --count at one rate until
    /// all are sent, for ten minutes at most
    #[arg(long = "duration", value_name = "DURATION", value_parser = duration)]
    pub told_duration: Option<Duration>,
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
    /// Receivers that hear the fleet: each transmission is written down by one at once, and by up to all of them within a
    /// second. Each has a socket or a connection of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub receivers: u8,
    /// What goes wrong on the way, as shares of the messages to which it can happen: checksum=0.01,lost=0.1, of the kinds
    /// checksum, truncated, future, past (messages of one line), lost, reordered (of several); or one share for all
    #[arg(long, value_name = "KIND=SHARE", default_value = "0", value_parser = Dirt::parse)]
    pub dirt: Dirt,
    /// Connections, which take turns
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub connections: u16,
    /// Positions in one array, over HTTP
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch: u32,
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
    /// Find the highest rate that holds for --duration (a minute, if that is not given), beginning at --rate; needs --verify
    #[arg(long)]
    pub find_max: bool,
    /// Do not watch the store for when each message is committed; it costs a look about every millisecond
    #[arg(long)]
    pub no_commits: bool,
    /// Write the results to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a report with plots to this file as HTML
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// No progress and no table
    #[arg(long)]
    pub quiet: bool,
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
        let rate = self.rate.peak().unwrap_or(RATE_MAX);
        let count = self.count.map_or(f64::INFINITY, |count| count as f64);
        let in_window = (rate * WINDOW_S).min(rate * self.duration().as_secs_f64()).min(count);
        // The share of class A in the ships is near that in the messages, or less. By the standard a ship never says as much.
        let class_a = self.profile.class_a_share() / (1.0 - self.profile.class_b_ships());
        let in_window = in_window * class_a.max(1.0);
        let bounded = self.rate == Rate::Natural || self.file.is_some();
        let in_window = if bounded { 0.0 } else { in_window };
        let least = (in_window / REPORTS_MAX).ceil();
        if f64::from(self.vessels) < least {
            return Err(format!(
                "--vessels is {}, too few for this rate: a ship that sends more than {REPORTS_MAX} messages \
                 in {WINDOW_S} s repeats itself; use at least {least}",
                self.vessels
            ));
        }
        let http = self.target.as_deref().is_some_and(|target| target.starts_with("http"));
        if http && (!self.dirt.is_none() || self.receivers > 1 || self.repeats > 0.0) {
            return Err("--dirt, --receivers and --repeats are of radio lines, not of JSON".into());
        }
        if self.file.is_some() && (http || !self.dirt.is_none() || self.repeats > 0.0) {
            return Err("--file is sent as it is: no --dirt, no --repeats, not over HTTP".into());
        }
        if self.find_max && !matches!(self.rate, Rate::Of(_)) {
            return Err("--find-max begins at one --rate".into());
        }
        if self.find_max && self.verify.is_none() {
            return Err("--find-max needs --verify: without it nobody knows what was lost".into());
        }
        if self.rate == Rate::Recorded && self.file.is_none() {
            return Err("--rate recorded needs a --file".into());
        }
        if self.store()? == Some(Store::Embedded) && self.run_json.is_none() {
            return Err("--verify sqlite needs --run-json, or a file: sqlite:FILE".into());
        }
        Ok(())
    }

    /// How long to send.
    pub fn duration(&self) -> Duration {
        // Steps and a ramp are as long as the run.
        let is_even = matches!(self.rate, Rate::Of(_) | Rate::Natural | Rate::Max);
        self.told_duration.unwrap_or(match self.count {
            _ if self.find_max => FIND_MAX_DURATION,
            Some(_) if is_even => COUNT_DURATION,
            _ => DURATION,
        })
    }

    /// The store to compare with.
    ///
    /// # Errors
    /// A text that says what may be asked; what was asked may hold a password.
    pub fn store(&self) -> Result<Option<Store>, String> {
        self.verify.as_ref().map(Store::parse).transpose()
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

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if speed > 0.0 && speed <= 1e6 => Ok(speed),
        _ => Err("must be a number over 0 and up to 1000000".into()),
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
        let target = if more.contains(&"--target") { &[][..] } else { &["--target", "null"] };
        let all = ["loadgen"].iter().chain(target).chain(more);
        let arguments = Arguments::try_parse_from(all);
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
        check(&["--rate", "1", "--dirt", "rust=1"]);
        check(&["--rate", "1", "--receivers", "0"]);
        check(&["--rate", "recorded"]);
        check(&["--rate", "max", "--find-max", "--verify", "sqlite:a"]);
        check(&["--rate", "5", "--find-max"]);
        check(&["--file", "a", "--dirt", "0.1"]);
        check(&["--file", "a", "--speed", "0"]);
        check(&["--rate", "1", "--receivers", "2", "--target", "http://127.0.0.1:1"]);
        assert!(parsed(&["--rate", "100000"]).is_ok());
        assert!(parsed(&["--rate", "max"]).is_ok());
        let lasts = |more: &[&str]| parsed(more).unwrap().duration().as_secs();
        assert_eq!(lasts(&["--rate", "5"]), 30);
        // It ended after half a minute, however many were asked for.
        assert_eq!(lasts(&["--rate", "max", "--count", "500000"]), 600);
        assert_eq!(lasts(&["--rate", "5", "--count", "500"]), 600);
        assert_eq!(lasts(&["--rate", "5..50", "--count", "500"]), 30);
        assert_eq!(lasts(&["--rate", "max", "--count", "500000", "--duration", "9s"]), 9);
        let find_max = ["--rate", "5", "--find-max", "--verify", "sqlite:a"];
        assert_eq!(lasts(&find_max), 60);
        assert_eq!(lasts(&[&find_max[..], &["--duration", "9s"]].concat()), 9);
        assert_eq!(parsed(&["--file", "a"]).unwrap().rate, Rate::Recorded);
        assert_eq!(parsed(&["--file", "a", "--rate", "5"]).unwrap().rate, Rate::Of(5.0));
    }

    #[test]
    fn a_store_that_is_refused_is_not_repeated() {
        let url = "postgre://aisd:hush@db/ais";
        let error = parsed(&["--rate", "1", "--verify", url]).unwrap_err();
        assert!(error.starts_with("--verify must be") && !error.contains("hush"), "{error}");
        let shown = format!("{:?}", parsed(&["--rate", "1", "--verify", "postgres://:hush@db"]));
        assert!(shown.contains("verify") && !shown.contains("hush"), "{shown}");
    }
}
