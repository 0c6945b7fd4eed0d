//! A Postgres store: one connection for reading; rows come as the server sends them and are not held.
//!
//! Several data directories may share a database, so only rows of one *instance* are read: the one that is asked for,
//! else the only one that is there. Where an instance stands follows from its offsets: every row that comes later has a
//! number at or above the highest of them.
//!
//! A server that freezes while it is read makes this wait. That is after the run, and harms nothing but patience.

use super::{Marks, Message, Outcome, Position, StoredRows, Vessel};
use postgres::config::Host;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{BorrowToSql, ToSql};
use postgres::{Client, Config, NoTls, Row, Statement};
use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Instances that a text names at most.
const NAMED_MAX: usize = 4;

const THERE: &str = "SELECT to_regclass('aisd_instances') IS NOT NULL";
const INSTANCES: &str = "SELECT id, instance::text FROM aisd_instances ORDER BY id";
const MARK: &str = "SELECT coalesce(max(seq), 0) - 1 FROM aisd_offsets, unnest(next_seq) AS seq WHERE instance = $1 AND seq > 0";
const VERSION: &str = "SELECT coalesce(sum(seq), 0)::text FROM aisd_offsets, unnest(next_seq) AS seq WHERE instance = $1";
const OFFSETS: &str = "SELECT next_seq FROM aisd_offsets WHERE instance = $1";
/// A type 19 is a position and a static report, and one message.
const COUNT: &str = "SELECT (SELECT count(*) FROM positions \
       WHERE instance = $1 AND ts >= $2 AND msg_type <> 19) \
     + (SELECT count(*) FROM messages WHERE instance = $1 AND ts >= $2) \
     + (SELECT coalesce(sum(static_reports), 0)::bigint FROM vessels)";
const POSITIONS: &str = "SELECT seq, ts, received_at, mmsi, msg_type, lon, lat, sog, cog, heading, rot, nav_status \
     FROM positions WHERE instance = $1 AND seq > $2";
const MESSAGES: &str = "SELECT seq, ts, received_at, mmsi, msg_type, json::text \
     FROM messages WHERE instance = $1 AND seq > $2";
const VESSELS: &str = "SELECT mmsi, static_reports, name, callsign, imo, ship_type, to_bow, to_stern, to_port, to_starboard, \
     draught, destination, eta FROM vessels";

/// How to get there.
#[derive(Clone, Debug)]
pub struct Address {
    config: Config,
    instance: Option<String>,
}

impl Address {
    /// From a URL, or from settings as `psql` takes them, and the UUID of a data directory if it is known.
    ///
    /// # Errors
    /// A text that does not repeat what it was given, since that may hold a password.
    pub fn parse(url: &str, instance: Option<String>) -> Outcome<Self> {
        let mut config: Config = url.parse().map_err(text)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        config.application_name("loadgen");
        Ok(Self { config, instance: instance.map(|uuid| uuid.trim().to_lowercase()) })
    }

    /// A connection.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn connect(&self) -> Outcome<Client> {
        self.config.connect(NoTls).map_err(text)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ports = self.config.get_ports();
        out.write_str("postgres at ")?;
        for (at, host) in self.config.get_hosts().iter().enumerate() {
            let port = ports.get(at).or(ports.first()).unwrap_or(&5432);
            let comma = if at > 0 { "," } else { "" };
            match host {
                Host::Tcp(name) => write!(out, "{comma}{name}:{port}")?,
                Host::Unix(folder) => write!(out, "{comma}{}:{port}", folder.display())?,
            }
        }
        write!(out, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

/// A connection that reads.
pub struct Postgres {
    address: Address,
    client: Client,
    instance: Option<i16>,
    /// How far the writers are, prepared.
    offsets: Option<Statement>,
}

impl Postgres {
    /// Connects, and finds the instance.
    ///
    /// # Errors
    /// When that is not possible, or when there are several instances and none is asked for.
    pub fn open(address: &Address) -> Outcome<Self> {
        let client = address.connect()?;
        let mut opened = Self { address: address.clone(), client, instance: None, offsets: None };
        opened.instance()?;
        Ok(opened)
    }

    /// The number of the instance; `None` while nothing of it is there. Connects again if that is needed.
    fn instance(&mut self) -> Outcome<Option<i16>> {
        if self.client.is_closed() {
            self.client = self.address.connect()?;
            self.offsets = None;
        }
        if self.instance.is_none() && self.client.query_one(THERE, &[]).map_err(text)?.get(0) {
            let rows = self.client.query(INSTANCES, &[]).map_err(text)?;
            let known: Vec<(i16, String)> =
                rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            self.instance = choose(&known, self.address.instance.as_deref())?;
        }
        Ok(self.instance)
    }

    fn number<T: for<'a> postgres::types::FromSql<'a>>(
        &mut self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Outcome<T> {
        self.client.query_one(sql, values).and_then(|row| row.try_get(0)).map_err(text)
    }

    fn each_row<P: BorrowToSql, const N: usize>(
        &mut self,
        sql: &str,
        values: [P; N],
        mut each: impl FnMut(&Row) -> Result<(), postgres::Error>,
    ) -> Outcome<()> {
        let mut rows = self.client.query_raw(sql, values).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            each(&row).map_err(text)?;
        }
        Ok(())
    }
}

impl StoredRows for Postgres {
    fn marks(&mut self) -> Outcome<Marks> {
        let Some(instance) = self.instance()? else { return Ok(Marks::default()) };
        let mark = self.number::<i64>(MARK, &[&instance])?.max(0);
        Ok(Marks { positions: mark, messages: mark })
    }

    fn version(&mut self) -> Outcome<String> {
        let Some(instance) = self.instance()? else { return Ok(String::new()) };
        self.number(VERSION, &[&instance])
    }

    fn count(&mut self, since_us: i64) -> Outcome<u64> {
        let Some(instance) = self.instance()? else { return Ok(0) };
        let since = UNIX_EPOCH + Duration::from_micros(u64::try_from(since_us).unwrap_or(0));
        let rows: i64 = self.number(COUNT, &[&instance, &since])?;
        Ok(u64::try_from(rows).unwrap_or(0))
    }

    fn offsets(&mut self, each: &mut dyn FnMut(u8, i64)) -> Outcome<()> {
        let Some(instance) = self.instance()? else { return Ok(()) };
        let statement = match self.offsets.take() {
            Some(statement) => statement,
            None => self.client.prepare(OFFSETS).map_err(text)?,
        };
        for row in self.client.query(&statement, &[&instance]).map_err(text)? {
            let next: Vec<i64> = row.try_get(0).map_err(text)?;
            (0..).zip(next).for_each(|(partition, seq)| each(partition, seq));
        }
        self.offsets = Some(statement);
        Ok(())
    }

    fn positions(&mut self, above: i64, each: &mut dyn FnMut(&Position)) -> Outcome<()> {
        let Some(instance) = self.instance()? else { return Ok(()) };
        let values = [&instance as &(dyn ToSql + Sync), &above];
        self.each_row(POSITIONS, values, |row| position(row).map(|row| each(&row)))
    }

    fn messages(&mut self, above: i64, each: &mut dyn FnMut(&Message<'_>)) -> Outcome<()> {
        let Some(instance) = self.instance()? else { return Ok(()) };
        let values = [&instance as &(dyn ToSql + Sync), &above];
        self.each_row(MESSAGES, values, |row| message(row).map(|row| each(&row)))
    }

    fn vessels(&mut self, each: &mut dyn FnMut(&Vessel<'_>)) -> Outcome<()> {
        if self.instance()?.is_none() {
            return Ok(());
        }
        let none: [&(dyn ToSql + Sync); 0] = [];
        self.each_row(VESSELS, none, |row| vessel(row).map(|row| each(&row)))
    }
}

/// The instance that is wanted, if it is there; else the only one.
fn choose(known: &[(i16, String)], wanted: Option<&str>) -> Outcome<Option<i16>> {
    match (wanted, known) {
        (Some(wanted), _) => {
            Ok(known.iter().find(|(_, uuid)| uuid == wanted).map(|(number, _)| *number))
        }
        (None, []) => Ok(None),
        (None, [(number, _)]) => Ok(Some(*number)),
        (None, _) => {
            let newest = known.iter().rev().take(NAMED_MAX).map(|(_, uuid)| uuid.as_str());
            let uuids = newest.collect::<Vec<_>>().join(", ");
            let count = known.len();
            Err(format!(
                "it holds {count} instances, say which: --instance UUID; the newest: {uuids}"
            ))
        }
    }
}

fn position(row: &Row) -> Result<Position, postgres::Error> {
    let small = |column| row.try_get::<_, Option<i16>>(column);
    let real = |column| Ok(row.try_get::<_, Option<f32>>(column)?.map(f64::from));
    Ok(Position {
        seq: row.try_get(0)?,
        time_us: micros(row.try_get(1)?),
        received_us: micros(row.try_get(2)?),
        mmsi: row.try_get::<_, i32>(3)?.into(),
        msg_type: row.try_get::<_, i16>(4)?.into(),
        lon: row.try_get(5)?,
        lat: row.try_get(6)?,
        sog: real(7)?,
        cog: real(8)?,
        heading: small(9)?.map(f64::from),
        rot: small(10)?.map(i64::from),
        nav_status: small(11)?.map(i64::from),
    })
}

fn message(row: &Row) -> Result<Message<'_>, postgres::Error> {
    Ok(Message {
        seq: row.try_get(0)?,
        time_us: micros(row.try_get(1)?),
        received_us: micros(row.try_get(2)?),
        mmsi: row.try_get::<_, i32>(3)?.into(),
        msg_type: row.try_get::<_, i16>(4)?.into(),
        json: row.try_get::<_, &str>(5)?.as_bytes(),
    })
}

fn vessel(row: &Row) -> Result<Vessel<'_>, postgres::Error> {
    let small = |column| Ok(row.try_get::<_, Option<i16>>(column)?.map(i64::from));
    Ok(Vessel {
        mmsi: row.try_get::<_, i32>(0)?.into(),
        static_reports: u64::try_from(row.try_get::<_, i64>(1)?).unwrap_or(0),
        name: row.try_get(2)?,
        callsign: row.try_get(3)?,
        imo: row.try_get::<_, Option<i32>>(4)?.map(i64::from),
        ship_type: small(5)?,
        dimensions: [small(6)?, small(7)?, small(8)?, small(9)?],
        draught: row.try_get::<_, Option<f32>>(10)?.map(f64::from),
        destination: row.try_get(11)?,
        eta: row.try_get(12)?,
    })
}

/// Microseconds since 1970; before that, a time that no run has.
fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).map(|since| since.as_micros());
    since.ok().and_then(|micros| i64::try_from(micros).ok()).unwrap_or(i64::MIN)
}

/// What went wrong, with its causes: the client's own text is only the first half of it.
#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
pub fn text(error: postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_no_password() {
        let check = |url: &str, expected: &str| {
            let address = Address::parse(url, None).unwrap();
            assert_eq!(address.to_string(), expected);
            assert!(!format!("{address:?}").contains("hush"));
        };
        check("postgres://aisd:hush@db:6543/ais", "postgres at db:6543/ais");
        check("postgresql://aisd:hush@db/ais", "postgres at db:5432/ais");
        check("postgres://aisd@%2Frun%2Fpg/ais", "postgres at /run/pg:5432/ais");
        check("host=/run/pg port=7 user=aisd dbname=ais", "postgres at /run/pg:7/ais");
        let error = Address::parse("postgres://aisd:hush@db:port/ais", None).unwrap_err();
        assert!(!error.contains("hush"), "{error}");
    }

    #[test]
    fn the_instance_is_the_wanted_one_or_the_only_one() {
        let known = [(1, "a".to_owned()), (4, "b".to_owned())];
        assert_eq!(choose(&known, Some("b")), Ok(Some(4)));
        assert_eq!(choose(&known, Some("c")), Ok(None));
        assert_eq!(choose(&known[1..], None), Ok(Some(4)));
        assert_eq!(choose(&[], None), Ok(None));
        let text = choose(&known, None).unwrap_err();
        assert_eq!(text, "it holds 2 instances, say which: --instance UUID; the newest: b, a");
    }
}
