//! The table `positions`: types 1, 2, 3, 18 and 19.

use super::{Verdict, has};
use crate::digest::{Fix, absent};
use rusqlite::{Connection, Row};

const UNITS_PER_DEGREE: f64 = 600_000.0;

/// Compares rows after `since` with the digests of what was sent; `tell` hears of every one that is lost.
///
/// # Errors
/// When the table cannot be read.
pub fn compare(
    db: &Connection,
    since: i64,
    sent: &mut [u64],
    tell: impl FnMut(u64),
) -> rusqlite::Result<Verdict> {
    let mut stored = read(db, since)?;
    Ok(walk(sent, &mut stored, tell))
}

fn read(db: &Connection, since: i64) -> rusqlite::Result<Vec<u64>> {
    if !has(db, "positions", &["seq"])? {
        return Ok(Vec::new());
    }
    let mut query = db.prepare(
        "SELECT mmsi, msg_type, lon, lat, sog, cog, heading, rot, nav_status \
         FROM positions WHERE seq > ?1",
    )?;
    let digests = query.query_map([since], |row| Ok(fix(row)?.digest()))?;
    digests.collect()
}

/// A row in the numbers of the air. What the air calls absent must be NULL: the number itself would be wrong here.
fn fix(row: &Row<'_>) -> rusqlite::Result<Fix> {
    let degrees = |column, absent| -> rusqlite::Result<i32> {
        let value: Option<f64> = row.get(column)?;
        Ok(value.map_or(absent, |degrees| scaled(degrees * UNITS_PER_DEGREE, absent)))
    };
    let tenths = |column, absent: u16| -> rusqlite::Result<u16> {
        let value: Option<f64> = row.get(column)?;
        Ok(value.map_or(absent, |value| {
            let tenths = scaled(value * 10.0, i32::from(absent));
            u16::try_from(tenths).unwrap_or(u16::MAX)
        }))
    };
    let heading: Option<f64> = row.get(6)?;
    let rot: Option<i16> = row.get(7)?;
    let nav_status: Option<u8> = row.get(8)?;
    Ok(Fix {
        mmsi: row.get(0)?,
        msg_type: row.get(1)?,
        lon: degrees(2, absent::LON)?,
        lat: degrees(3, absent::LAT)?,
        sog: tenths(4, absent::SOG)?,
        cog: tenths(5, absent::COG)?,
        heading: heading.map_or(absent::HEADING, |value| {
            u16::try_from(scaled(value, i32::from(absent::HEADING))).unwrap_or(u16::MAX)
        }),
        rot: rot.map_or(absent::ROT, |value| if value == absent::ROT { i16::MAX } else { value }),
        nav_status: nav_status.map_or(absent::NAV_STATUS, |value| {
            if value == absent::NAV_STATUS { u8::MAX } else { value }
        }),
        second: 0,
    })
}

/// The nearest whole number; one that no row may hold for the value that means absent.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is outside saturates and matches nothing"
)]
fn scaled(value: f64, absent: i32) -> i32 {
    let number = value.round() as i32;
    if number == absent { i32::MAX } else { number }
}

/// Walks both sides in order.
pub fn walk(sent: &mut [u64], stored: &mut [u64], mut tell_lost: impl FnMut(u64)) -> Verdict {
    sent.sort_unstable();
    stored.sort_unstable();
    let mut verdict = Verdict::default();
    let (mut sent, mut stored) = (&*sent, &*stored);
    while let Some(&digest) = smaller(sent.first(), stored.first()) {
        let expected = take(&mut sent, digest);
        let found = take(&mut stored, digest);
        verdict.stored += expected.min(found);
        verdict.lost += expected.saturating_sub(found);
        (found..expected).for_each(|_| tell_lost(digest));
        let further = found.saturating_sub(expected);
        if expected > 0 {
            verdict.duplicates += further;
            verdict.indistinct += expected - 1;
        } else {
            verdict.unexpected += further;
        }
    }
    verdict
}

fn smaller<'a>(a: Option<&'a u64>, b: Option<&'a u64>) -> Option<&'a u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Takes all that are equal to `digest` from the front, and says how many there were.
fn take(from: &mut &[u64], digest: u64) -> u64 {
    let count = from.iter().take_while(|next| **next == digest).count();
    *from = &from[count..];
    count as u64
}
