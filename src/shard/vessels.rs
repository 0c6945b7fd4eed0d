//! What a shard knows of each vessel: its last position and what it says of itself, for the latest so many vessels.
//!
//! The lock is there only so that others may look; the shard takes it once a turn.

use hashlink::LruCache;

use crate::report::{Place, Position, StaticData};
use crate::rows::Origin;

/// A vessel's newest position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Where the report came from.
    pub origin: Origin,
    /// The report.
    pub position: Position,
    /// What is remarkable about it, see [`crate::rows::flags`].
    pub flags: u16,
}

/// What is known of a vessel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vessel {
    /// The newest position by event time.
    pub fix: Option<Fix>,
    /// The last place it was at, and when (microseconds), if the newest position does not say.
    pub last_place: Option<(Place, i64)>,
    /// What it said of itself, the newest of each field.
    pub data: StaticData,
    /// When it last said something of itself; 0 for never.
    pub data_time_us: i64,
    /// When it was first heard of since the start, microseconds since 1970; 0 for not yet.
    pub first_heard_us: i64,
    /// When it was last heard of, microseconds since 1970.
    pub heard_us: i64,
}

/// Vessels by MMSI, the least recently heard of going first.
#[derive(Clone)]
pub struct Vessels {
    table: LruCache<u32, Vessel>,
    max: usize,
    /// Look-ups that found their vessel.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Vessels put out at the bound.
    pub evictions: u64,
}

impl Vessels {
    /// Remembers at most `max` vessels, at least one.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        Self { table: LruCache::new(max), max, hits: 0, misses: 0, evictions: 0 }
    }

    /// The vessel, made when it is not there; it is now the most recent.
    pub fn heard(&mut self, mmsi: u32) -> &mut Vessel {
        if self.table.contains_key(&mmsi) {
            self.hits += 1;
        } else {
            self.misses += 1;
            self.evictions += u64::from(self.table.len() == self.max);
            self.table.insert(mmsi, Vessel::default());
        }
        self.table.entry(mmsi).or_insert_with(Vessel::default)
    }

    /// The vessel, for looking only.
    #[must_use]
    pub fn get(&self, mmsi: u32) -> Option<&Vessel> {
        self.table.peek(&mmsi)
    }

    /// All vessels, the most recent first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Vessel)> {
        self.table.iter().rev().map(|(mmsi, vessel)| (*mmsi, vessel))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

impl Vessel {
    /// Whether a report of this time and number is not newer than what is known.
    #[must_use]
    pub fn is_late(&self, origin: &Origin) -> bool {
        self.fix
            .is_some_and(|fix| (fix.origin.time_us, fix.origin.seq) > (origin.time_us, origin.seq))
    }

    /// The last known place, and the seconds from then to `time_us`.
    #[must_use]
    pub fn place_before(&self, time_us: i64) -> Option<(Place, f64)> {
        let (place, at_us) = self.last_place?;
        #[expect(clippy::cast_precision_loss, reason = "hours in microseconds are exact in an f64")]
        Some((place, (time_us - at_us) as f64 / 1e6))
    }

    /// Notes that something was received of it.
    pub fn heard(&mut self, received_us: i64) {
        if self.first_heard_us == 0 {
            self.first_heard_us = received_us;
        }
        self.heard_us = self.heard_us.max(received_us);
    }

    /// Takes a position over unless a newer one is known.
    pub fn moved(&mut self, fix: Fix) {
        if self.is_late(&fix.origin) {
            return;
        }
        if let Some(place) = fix.position.place {
            self.last_place = Some((place, fix.origin.time_us));
        }
        self.fix = Some(fix);
    }

    /// Takes over what a static report says; of an older one only what was not known.
    pub fn said(&mut self, origin: &Origin, data: &StaticData) {
        if origin.time_us >= self.data_time_us {
            self.data = data.or(&self.data);
            self.data_time_us = origin.time_us;
        } else {
            self.data = self.data.or(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Text;

    const fn origin(seq: u64, time_us: i64) -> Origin {
        Origin { seq, time_us, received_us: time_us, mmsi: 1, feed: 0 }
    }

    fn fix(seq: u64, time_us: i64) -> Fix {
        let position = Position {
            msg_type: 1,
            place: Place::new(i32::try_from(seq).unwrap(), 0),
            sog: None,
            cog: None,
            heading: None,
            rot: None,
            nav_status: None,
            altitude: None,
            utc_second: None,
            accurate: false,
            raim: false,
        };
        Fix { origin: origin(seq, time_us), position, flags: 0 }
    }

    #[test]
    fn the_newest_position_stays_whatever_comes_after_it() {
        let mut vessel = Vessel::default();
        for (seq, time) in [(1, 10), (2, 30), (3, 20), (4, 30)] {
            vessel.moved(fix(seq, time));
        }
        assert_eq!(vessel.fix.unwrap().origin.seq, 4);
        assert!(vessel.is_late(&origin(9, 29)));
    }

    #[test]
    fn an_older_static_report_fills_gaps_only() {
        let name =
            |text: &str| StaticData { name: Text::new(text.as_bytes()), ..StaticData::default() };
        let mut vessel = Vessel::default();
        vessel.said(&origin(1, 20), &name("NEWER"));
        let older = StaticData { imo: Some(9_074_729), ..name("OLDER") };
        vessel.said(&origin(2, 10), &older);
        assert_eq!(vessel.data.name, Text::new(b"NEWER"));
        assert_eq!(vessel.data.imo, Some(9_074_729));
    }

    #[test]
    fn at_the_bound_the_least_recent_goes_and_hits_are_counted() {
        let mut vessels = Vessels::new(2);
        for mmsi in [1, 2, 1, 3, 1, 2] {
            vessels.heard(mmsi);
        }
        assert_eq!((vessels.hits, vessels.misses, vessels.evictions, vessels.len()), (2, 4, 2, 2));
        assert!(vessels.get(3).is_none() && vessels.get(1).is_some());
    }
}
