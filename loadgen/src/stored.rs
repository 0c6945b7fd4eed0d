//! A store as its readers see it, whichever it is.
//!
//! In:  where it is
//! Out: its rows one after the other, in the form in which they are compared; never all of them in memory
//!
//! What is compared, and how, does not depend on the back end: that is in [`crate::verify`].

pub mod postgres;
pub mod sqlite;

use postgres::Postgres;
use sqlite::Sqlite;
use std::path::PathBuf;

/// What an answer of a store is, or a text that says why there is none.
pub type Outcome<T> = Result<T, String>;

/// A row of `positions`, in the units of the table. Numbers are as wide as a table may hold, not as they should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Its number in the journal.
    pub seq: i64,
    /// Event time, microseconds since 1970.
    pub time_us: i64,
    /// When it was received, microseconds since 1970.
    pub received_us: i64,
    /// Who.
    pub mmsi: i64,
    /// The message type.
    pub msg_type: i64,
    /// Degrees east.
    pub lon: Option<f64>,
    /// Degrees north.
    pub lat: Option<f64>,
    /// Knots.
    pub sog: Option<f64>,
    /// Degrees.
    pub cog: Option<f64>,
    /// Degrees.
    pub heading: Option<f64>,
    /// Rate of turn as sent.
    pub rot: Option<i64>,
    /// Navigational status.
    pub nav_status: Option<i64>,
}

/// A row of `messages`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its number in the journal.
    pub seq: i64,
    /// Event time, microseconds since 1970.
    pub time_us: i64,
    /// When it was received, microseconds since 1970.
    pub received_us: i64,
    /// Who.
    pub mmsi: i64,
    /// The message type.
    pub msg_type: i64,
    /// What it said.
    pub json: &'a [u8],
}

/// A row of `vessels`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vessel<'a> {
    /// Who.
    pub mmsi: i64,
    /// Static reports that the row is made of.
    pub static_reports: u64,
    /// Its name.
    pub name: Option<&'a str>,
    /// Its call sign.
    pub callsign: Option<&'a str>,
    /// Its IMO number.
    pub imo: Option<i64>,
    /// Type of ship and cargo.
    pub ship_type: Option<i64>,
    /// Metres to bow, stern, port and starboard.
    pub dimensions: [Option<i64>; 4],
    /// Metres.
    pub draught: Option<f64>,
    /// Where it is bound.
    pub destination: Option<&'a str>,
    /// When it will be there: `MM-DDThh:mmZ`.
    pub eta: Option<&'a str>,
}

/// Numbers at which the tables stand: what comes later has higher ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Of `positions`.
    pub positions: i64,
    /// Of `messages`.
    pub messages: i64,
}

/// What a back end does so that its rows can be compared with what was sent. A table that is not there yet is empty.
pub trait StoredRows {
    /// Where the tables stand.
    ///
    /// # Errors
    /// When they cannot be read.
    fn marks(&mut self) -> Outcome<Marks>;

    /// A text that is another one after anybody has stored something; cheap.
    ///
    /// # Errors
    /// When it cannot be told now.
    fn version(&mut self) -> Outcome<String>;

    /// How many messages are stored, those of `positions` and `messages` with an event time from this one on.
    ///
    /// # Errors
    /// When it cannot be told now.
    fn count(&mut self, since_us: i64) -> Outcome<u64>;

    /// For each partition the number below which everything is committed; cheap.
    ///
    /// # Errors
    /// When it cannot be told now.
    fn offsets(&mut self, each: &mut dyn FnMut(u8, i64)) -> Outcome<()>;

    /// Every row of `positions` with a number above this one.
    ///
    /// # Errors
    /// When they cannot be read.
    fn positions(&mut self, above: i64, each: &mut dyn FnMut(&Position)) -> Outcome<()>;

    /// Every row of `messages` with a number above this one.
    ///
    /// # Errors
    /// When they cannot be read.
    fn messages(&mut self, above: i64, each: &mut dyn FnMut(&Message<'_>)) -> Outcome<()>;

    /// Every row of `vessels`.
    ///
    /// # Errors
    /// When they cannot be read.
    fn vessels(&mut self, each: &mut dyn FnMut(&Vessel<'_>)) -> Outcome<()>;
}

/// Where a store is.
#[derive(Clone, Debug)]
pub enum At {
    /// In this file.
    Sqlite(PathBuf),
    /// On this server.
    Postgres(Box<postgres::Address>),
}

impl At {
    /// Opens it for reading beside a running daemon, or after it; `None` when there is nothing there yet.
    ///
    /// # Errors
    /// A text that names the store.
    pub fn open(&self) -> Outcome<Option<Box<dyn StoredRows>>> {
        let opened = match self {
            Self::Sqlite(file) if !file.exists() => return Ok(None),
            Self::Sqlite(file) => Sqlite::open(file).map(|rows| Box::new(rows) as _),
            Self::Postgres(address) => Postgres::open(address).map(|rows| Box::new(rows) as _),
        };
        opened.map(Some).map_err(|error| format!("{self}: {error}"))
    }
}

impl std::fmt::Display for At {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(file) => write!(out, "{}", file.display()),
            Self::Postgres(address) => write!(out, "{address}"),
        }
    }
}
