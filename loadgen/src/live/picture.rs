//! Compares the vessels' keys with what was sent last.
//!
//! Waits: until all are right, or until the time is over: a daemon that leaves a Redis alone for a while which failed may
//!        write nothing for half a minute

use super::address::{Address, LAYOUTS};
use super::ships::Sailing;
use super::{Place, publication};
use redis::{Connection, RedisError, RedisResult, pipe};
use serde_json::Value as Json;
use std::thread;
use std::time::{Duration, Instant};

/// Keys asked for at once.
const BATCH: usize = 500;
/// Between two looks at those that are not right yet.
const EVERY: Duration = Duration::from_millis(100);
/// Degrees by which a place may differ: a sixteenth of what a report can tell.
const DEGREES_MAX: f64 = 1e-7;
const UNITS_PER_DEGREE: f64 = 600_000.0;

/// What the keys say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Ships that must be there.
    pub expected: u64,
    /// Those that are where they were sent from last.
    pub right: u64,
    /// Those that are somewhere else.
    pub elsewhere: u64,
    /// Those that are not there.
    pub absent: u64,
    /// Ships whose newest report depends on when it was received; they were not looked at.
    pub unsure: u64,
    /// Why it could not be read.
    pub failure: Option<String>,
}

impl Picture {
    /// Whether every ship that must be there is there, and in its place.
    pub const fn is_good(&self) -> bool {
        self.elsewhere + self.absent == 0 && self.failure.is_none()
    }
}

/// Reads until everything is right, or the time is over.
pub fn compare(address: &Address, sailing: Vec<Sailing>, limit: Duration) -> Picture {
    let all = sailing.len();
    let mut left: Vec<Sailing> = sailing.into_iter().filter(|ship| ship.sure).collect();
    let count = |ships: usize| u64::try_from(ships).unwrap_or(u64::MAX);
    let mut picture = Picture {
        expected: count(left.len()),
        unsure: count(all - left.len()),
        ..Picture::default()
    };
    let began = Instant::now();
    let mut reader = Reader { address, connection: None, form: None };
    loop {
        picture.absent = 0;
        picture.failure = reader.keep_wrong(&mut left, &mut picture.absent).err();
        if left.is_empty() || began.elapsed() > limit {
            picture.right = picture.expected - count(left.len());
            picture.elsewhere = count(left.len()).saturating_sub(picture.absent);
            return picture;
        }
        thread::sleep(EVERY);
    }
}

struct Reader<'a> {
    address: &'a Address,
    connection: Option<Connection>,
    /// Known as soon as any vessel is there.
    form: Option<(Form, &'static str)>,
}

/// How a vessel is kept.
#[derive(Clone, Copy)]
enum Form {
    Hash,
    Json,
}

/// Degrees east and north, if the vessel is there.
type Shown = Option<(f64, f64)>;

impl Reader<'_> {
    /// Takes out the ships that are right, and counts those that are not there.
    fn keep_wrong(&mut self, ships: &mut Vec<Sailing>, absent: &mut u64) -> Result<(), String> {
        let mut places = Vec::with_capacity(ships.len());
        for batch in ships.chunks(BATCH) {
            let read = self.read(batch);
            if read.is_err() {
                // A connection that failed may still bring the old answer.
                self.connection = None;
            }
            places.extend(read?);
        }
        let mut places = places.into_iter();
        ships.retain(|ship| {
            let place = places.next().flatten();
            *absent += u64::from(place.is_none());
            !place.is_some_and(|place| ship.places.iter().any(|told| is_at(place, *told)))
        });
        Ok(())
    }

    fn read(&mut self, ships: &[Sailing]) -> Result<Vec<Shown>, String> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.address.connect().map_err(text)?),
        };
        let keys = |layout: &str| -> Vec<String> {
            ships.iter().map(|ship| self.address.key(layout, ship.mmsi)).collect()
        };
        for layout in LAYOUTS {
            if self.form.is_none() {
                self.form = form(connection, &keys(layout))?.map(|form| (form, layout));
            }
        }
        match self.form {
            None => Ok(vec![None; ships.len()]),
            Some((Form::Hash, layout)) => hashes(connection, &keys(layout)).map_err(text),
            Some((Form::Json, layout)) => texts(connection, &keys(layout)).map_err(text),
        }
    }
}

/// How the first of these vessels is kept that is there.
fn form(connection: &mut Connection, keys: &[String]) -> Result<Option<Form>, String> {
    let mut ask = pipe();
    for key in keys {
        ask.cmd("TYPE").arg(key);
    }
    let types: Vec<String> = ask.query(connection).map_err(text)?;
    match types.iter().find(|kind| *kind != "none").map(String::as_str) {
        None => Ok(None),
        Some("hash") => Ok(Some(Form::Hash)),
        Some("ReJSON-RL") => Ok(Some(Form::Json)),
        Some(other) => Err(format!("a vessel is kept as {other}, must be a hash or JSON")),
    }
}

fn hashes(connection: &mut Connection, keys: &[String]) -> RedisResult<Vec<Shown>> {
    let mut ask = pipe();
    for key in keys {
        ask.cmd("HMGET").arg(key).arg("lon").arg("lat");
    }
    let told: Vec<(Option<String>, Option<String>)> = ask.query(connection)?;
    let number = |text: Option<String>| text?.parse::<f64>().ok();
    Ok(told.into_iter().map(|(lon, lat)| number(lon).zip(number(lat))).collect())
}

fn texts(connection: &mut Connection, keys: &[String]) -> RedisResult<Vec<Shown>> {
    let mut ask = pipe();
    for key in keys {
        ask.cmd("JSON.GET").arg(key);
    }
    let told: Vec<Option<String>> = ask.query(connection)?;
    Ok(told.iter().map(|text| place(text.as_deref()?)).collect())
}

fn place(text: &str) -> Option<(f64, f64)> {
    let told: Json = serde_json::from_str(text).ok()?;
    let number = |name: &str| publication::number(told.get(name)?);
    number("lon").zip(number("lat"))
}

fn is_at(shown: (f64, f64), told: Place) -> bool {
    let near = |degrees: f64, units: i32| {
        (degrees - f64::from(units) / UNITS_PER_DEGREE).abs() <= DEGREES_MAX
    };
    near(shown.0, told.0) && near(shown.1, told.1)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn text(error: RedisError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vessel_of_the_module_is_read_from_its_text() {
        assert_eq!(place(r#"{"mmsi":7,"lon":4.25,"lat":"-51.5"}"#), Some((4.25, -51.5)));
        assert_eq!(place(r#"{"mmsi":7,"lon":4.25}"#), None);
        assert_eq!(place("x"), None);
    }

    #[test]
    fn a_place_differs_from_the_next_one_that_a_report_can_tell() {
        let told = (2_500_001, -31_000_007);
        assert!(is_at((4.166_668_333_333, -51.666_678_333_333), told));
        assert!(is_at((4.166_668_3, -51.666_678_3), told));
        assert!(!is_at((4.166_667, -51.666_678_3), told));
        assert!(!is_at((4.166_668_3, -51.666_676_7), told));
    }
}
