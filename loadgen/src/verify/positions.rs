//! The table `positions`: types 1, 2, 3, 18, 19 and 27, and positions that came as JSON.

use super::{Seen, Verdict, mmsi};
use crate::digest::{self, Fix, absent};
use crate::stored::{Outcome, Position, StoredRows};

const UNITS_PER_DEGREE: f64 = 600_000.0;

/// Compares rows above a number with the digests of what was sent; `tell` hears of every one that is lost.
///
/// # Errors
/// When the table cannot be read.
pub fn compare(
    store: &mut dyn StoredRows,
    above: i64,
    seen: &mut Seen,
    (sent, perhaps): (&mut [u64], &mut [u64]),
    json: bool,
    tell: impl FnMut(u64),
) -> Outcome<Verdict> {
    let mut stored = Vec::with_capacity(sent.len());
    store.positions(above, &mut |row| {
        let fix = fix(row);
        let times = (row.time_us, row.received_us);
        let when = seen.note(row.seq, (fix.mmsi, fix.msg_type), times);
        // What came as JSON has no type of the air, whatever the row says.
        let msg_type = if json { 0 } else { fix.msg_type };
        let fix = Fix { msg_type, ..fix };
        let digest = digest::dated(fix.digest(), when);
        stored.push(digest);
        seen.time(&fix, digest, row.seq, row.received_us);
    })?;
    allow(sent, perhaps, &mut stored);
    Ok(walk(sent, &mut stored, tell))
}

/// A row in the numbers of the air. What the air calls absent must be NULL: the number itself would be wrong here.
fn fix(row: &Position) -> Fix {
    let degrees = |value: Option<f64>, absent| {
        value.map_or(absent, |degrees| scaled(degrees * UNITS_PER_DEGREE, absent))
    };
    let small = |value: Option<f64>, absent: u16| {
        value.map_or(absent, |value| {
            u16::try_from(scaled(value, i32::from(absent))).unwrap_or(u16::MAX)
        })
    };
    let tenths = |value: Option<f64>, absent| small(value.map(|value| value * 10.0), absent);
    let rot = |rot| i16::try_from(rot).ok().filter(|rot| *rot != absent::ROT).unwrap_or(i16::MAX);
    let nav_status =
        |it| u8::try_from(it).ok().filter(|it| *it != absent::NAV_STATUS).unwrap_or(u8::MAX);
    Fix {
        mmsi: mmsi(row.mmsi),
        msg_type: u8::try_from(row.msg_type).unwrap_or(u8::MAX),
        lon: degrees(row.lon, absent::LON),
        lat: degrees(row.lat, absent::LAT),
        sog: tenths(row.sog, absent::SOG),
        cog: tenths(row.cog, absent::COG),
        heading: small(row.heading, absent::HEADING),
        rot: row.rot.map_or(absent::ROT, rot),
        nav_status: row.nav_status.map_or(absent::NAV_STATUS, nav_status),
        second: 0,
    }
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

/// Takes rows that may be there or not from those that are stored, where there are more of them than must be.
pub fn allow(sent: &mut [u64], perhaps: &mut [u64], stored: &mut Vec<u64>) {
    if perhaps.is_empty() {
        return;
    }
    [&mut *sent, &mut *perhaps].into_iter().for_each(<[u64]>::sort_unstable);
    stored.sort_unstable();
    let of = |list: &[u64], digest: u64| {
        let from = list.partition_point(|it| *it < digest);
        list[from..].partition_point(|it| *it == digest)
    };
    let mut kept = Vec::with_capacity(stored.len());
    for same in stored.chunk_by(|a, b| a == b) {
        let spare = same.len().saturating_sub(of(sent, same[0])).min(of(perhaps, same[0]));
        kept.extend_from_slice(&same[spare..]);
    }
    *stored = kept;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_there_is_neither_lost_nor_unexpected() {
        let check = |stored: &[u64], lost, duplicates, unexpected| {
            let (mut sent, mut perhaps) = ([1, 2, 2], [2, 3]);
            let mut stored = stored.to_vec();
            allow(&mut sent, &mut perhaps, &mut stored);
            let found = walk(&mut sent, &mut stored, |_| ());
            let found = (found.lost, found.duplicates, found.unexpected);
            assert_eq!(found, (lost, duplicates, unexpected), "{stored:?}");
        };
        check(&[1, 2, 2], 0, 0, 0);
        check(&[2, 3, 2, 1, 2], 0, 0, 0);
        check(&[1, 2], 1, 0, 0);
        check(&[1, 2, 2, 2, 2], 0, 1, 0);
        check(&[1, 2, 2, 3, 3], 0, 0, 1);
    }
}
