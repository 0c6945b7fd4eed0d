//! Rows as they come back, from either store, as what they were before.
//!
//! Degrees and tenths were divided when they were stored; multiplied and rounded they are the integers that were sent.

use crate::picture::{LastPosition, SaidTimes, VesselView};
use crate::report::{Place, Position, StaticData, Text, UNITS_PER_DEGREE};
use crate::rows::flags;

/// The columns of a vessel in the order of [`view`], of `positions` as `p` and of `vessels` as `v`. `$source` is its feed's
/// number, or null when another instance stored it.
macro_rules! columns {
    ($source:literal) => {
        concat!(
            "p.seq, p.ts, p.received_at, p.lat, p.lon, p.sog, p.cog, p.heading, p.rot, p.altitude, \
             p.nav_status, p.msg_type, ",
            $source,
            ", p.flags, v.name, v.callsign, v.imo, v.ship_type, v.to_bow, v.to_stern, v.to_port, \
             v.to_starboard, v.draught, v.destination, v.eta, v.epfd, v.vendor, v.mothership, v.updated_at"
        )
    };
}
pub(super) use columns;

/// The feed of a report that another instance stored: none of ours.
pub const FEED_OF_ANOTHER: u8 = u8::MAX;

/// One row of either store. Columns are counted from 0; what is not there is null.
pub trait Columns {
    /// Why a column cannot be read.
    type Error;
    /// A whole number, or a time in microseconds since 1970.
    fn whole(&self, column: usize) -> Result<Option<i64>, Self::Error>;
    /// A number with a point.
    fn real(&self, column: usize) -> Result<Option<f64>, Self::Error>;
    /// Text.
    fn text(&self, column: usize) -> Result<Option<String>, Self::Error>;
}

/// The vessel that a row of [`columns`] tells of; none when there is neither a position nor static data.
pub fn view<C: Columns>(mmsi: u32, row: &C) -> Result<Option<VesselView>, C::Error> {
    let last = position(row)?;
    let said_us = row.whole(28)?;
    let times = [last.map(|last| last.received_us), said_us];
    let Some(last_seen_us) = times.into_iter().flatten().max() else { return Ok(None) };
    let statics = statics(row)?;
    // The row has one time for all that was said. What was said at that very time is known better by who heard it.
    let said = SaidTimes::all(said_us.map_or(0, |said_us| said_us - 1));
    let elsewhere = None;
    Ok(Some(VesselView { mmsi, last, elsewhere, statics, said, first_seen_us: 0, last_seen_us }))
}

fn position<C: Columns>(row: &C) -> Result<Option<LastPosition>, C::Error> {
    let (Some(seq), Some(time_us)) = (row.whole(0)?, row.whole(1)?) else { return Ok(None) };
    let flags: u16 = small(row.whole(13)?).unwrap_or(0);
    let position = Position {
        msg_type: small(row.whole(11)?).unwrap_or(0),
        place: place(row.real(3)?, row.real(4)?),
        sog: tenths(row.real(5)?),
        cog: tenths(row.real(6)?),
        heading: small(row.whole(7)?),
        rot: small(row.whole(8)?),
        altitude: small(row.whole(9)?),
        nav_status: small(row.whole(10)?),
        utc_second: None,
        accurate: flags & flags::ACCURATE != 0,
        raim: flags & flags::RAIM != 0,
    };
    let received_us = row.whole(2)?.unwrap_or(time_us);
    Ok(Some(LastPosition {
        position,
        seq: seq.cast_unsigned(),
        // It counts no later than its receipt, as in memory.
        time_us: time_us.min(received_us),
        received_us,
        flags,
        feed: small(row.whole(12)?).unwrap_or(FEED_OF_ANOTHER),
    }))
}

fn statics<C: Columns>(row: &C) -> Result<StaticData, C::Error> {
    let mut to = [None; 4];
    for (n, metres) in to.iter_mut().enumerate() {
        *metres = small::<u16>(row.whole(18 + n)?);
    }
    let dimensions = match to {
        [Some(bow), Some(stern), Some(port), Some(starboard)] => {
            Some([bow, stern, port, starboard])
        }
        _ => None,
    };
    Ok(StaticData {
        msg_type: 0,
        name: text(row.text(14)?),
        callsign: text(row.text(15)?),
        imo: small(row.whole(16)?),
        ship_type: small(row.whole(17)?),
        dimensions,
        draught: tenths(row.real(22)?).and_then(|tenths| tenths.try_into().ok()),
        destination: text(row.text(23)?),
        eta: eta(&row.text(24)?.unwrap_or_default()),
        epfd: small(row.whole(25)?),
        vendor: text(row.text(26)?),
        mothership: small(row.whole(27)?),
    })
}

fn small<T: TryFrom<i64>>(value: Option<i64>) -> Option<T> {
    value.and_then(|value| value.try_into().ok())
}

fn text<const N: usize>(text: Option<String>) -> Option<Text<N>> {
    Text::new(text?.as_bytes())
}

fn place(lat: Option<f64>, lon: Option<f64>) -> Option<Place> {
    let unit = |degrees: f64| i32::try_from(rounded(degrees * UNITS_PER_DEGREE)).ok();
    Place::new(unit(lon?)?, unit(lat?)?)
}

fn tenths(value: Option<f64>) -> Option<u16> {
    rounded(value? * 10.0).try_into().ok()
}

/// The nearest double of as many tenths: what was stored in fewer bits comes back as it was.
pub fn exact_tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn rounded(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "it saturates, and then is out of range")]
    let whole = value.round() as i64;
    whole
}

/// `MM-DDThh:mmZ` with `??` for what was not told.
fn eta(text: &str) -> [Option<u8>; 4] {
    [0, 3, 6, 9].map(|at| text.get(at..at + 2).and_then(|part| part.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_divided_comes_back_exactly() {
        for lon in [-108_000_000, -1, 0, 1, 2_700_001, 107_999_999] {
            let there = Place::new(lon, 31_200_060).unwrap();
            assert_eq!(place(Some(there.lat_degrees()), Some(there.lon_degrees())), Some(there));
        }
        for value in 0..=10_220_u16 {
            let stored = f64::from(f32::from(value) / 10.0);
            assert_eq!(tenths(Some(stored)), Some(value));
            assert_eq!(exact_tenths(stored).to_string(), (f64::from(value) / 10.0).to_string());
        }
        assert_eq!(place(Some(91.0), Some(0.0)), None);
        assert_eq!(tenths(Some(-0.1)), None);
    }

    #[test]
    fn an_arrival_is_read_part_by_part() {
        assert_eq!(eta("12-??T07:??Z"), [Some(12), None, Some(7), None]);
        assert_eq!(eta(""), [None; 4]);
    }
}
