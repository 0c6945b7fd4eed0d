//! Whether a position can be true. What cannot is flagged, never dropped: somebody may want to know.
//!
//! A jump is a move that needs more than the configured speed, between two fixes of one vessel. The distance is taken on a
//! cylinder around the mean latitude (error under 1 % for moves under 100 km), since only its order of magnitude counts.

use crate::report::{Place, Position};

/// Moves shorter than this are never a jump: receivers differ, and times are whole seconds.
const JUMP_METRES_MIN: f64 = 1_000.0;
/// Fixes further apart in time than this say nothing of a jump.
const JUMP_SECONDS_MAX: f64 = 6.0 * 3600.0;
/// Metres in 1/10 000 minute of latitude: a minute is a nautical mile.
const METRES_PER_UNIT: f64 = 1852.0 / 10_000.0;
const METRES_PER_SECOND_PER_KNOT: f64 = 1852.0 / 3600.0;
/// Search-and-rescue aircraft report in type 9, and may fly.
const SAR_AIRCRAFT: u8 = 9;

/// The limits.
#[derive(Clone, Copy, Debug)]
pub struct Plausibility {
    speed_max_mps: f64,
    sog_max: f64,
}

impl Plausibility {
    /// Flags what is faster than this.
    #[must_use]
    pub const fn new(speed_knots_max: f64) -> Self {
        Self {
            speed_max_mps: speed_knots_max * METRES_PER_SECOND_PER_KNOT,
            sog_max: speed_knots_max * 10.0,
        }
    }

    /// Whether the position reports an impossible speed.
    #[must_use]
    pub fn is_fast(&self, position: &Position) -> bool {
        position.msg_type != SAR_AIRCRAFT
            && position.sog.is_some_and(|sog| f64::from(sog) > self.sog_max)
    }

    /// Whether it takes an impossible speed to come to the position's place from there in so many seconds, before or after.
    #[must_use]
    pub fn is_jump(
        &self,
        position: &Position,
        here: Place,
        (there, seconds): (Place, f64),
    ) -> bool {
        let seconds = seconds.abs();
        if here == there || seconds > JUMP_SECONDS_MAX || position.msg_type == SAR_AIRCRAFT {
            return false;
        }
        let metres = metres_between(here, there);
        metres > JUMP_METRES_MIN && metres > self.speed_max_mps * seconds.max(1.0)
    }
}

/// Metres between two places, the short way around.
#[must_use]
pub fn metres_between(one: Place, other: Place) -> f64 {
    const WHOLE_TURN: f64 = 216_000_000.0;
    let north = f64::from(one.lat - other.lat);
    let apart = f64::from((one.lon - other.lon).unsigned_abs());
    let east = apart.min(WHOLE_TURN - apart);
    let mean_lat = (one.lat_degrees() + other.lat_degrees()) / 2.0;
    north.hypot(east * mean_lat.to_radians().cos()) * METRES_PER_UNIT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lon: f64, lat: f64) -> Place {
        #[expect(clippy::cast_possible_truncation, reason = "a test's degrees")]
        let units = |degrees: f64| (degrees * 600_000.0) as i32;
        Place::new(units(lon), units(lat)).unwrap()
    }

    fn at(place: Place, sog: u16) -> Position {
        Position {
            msg_type: 1,
            place: Some(place),
            sog: Some(sog),
            cog: None,
            heading: None,
            rot: None,
            nav_status: None,
            altitude: None,
            utc_second: None,
            accurate: false,
            raim: false,
        }
    }

    #[test]
    fn a_move_that_needs_an_impossible_speed_is_a_jump() {
        let rule = Plausibility::new(90.0);
        let check = |from, to, seconds, expected| {
            assert_eq!(rule.is_jump(&at(to, 100), to, (from, seconds)), expected);
        };
        // One minute of latitude in one minute is 60 knots, in half a minute 120.
        check(place(4.0, 52.0), place(4.0, 52.0 + 1.0 / 60.0), 60.0, false);
        check(place(4.0, 52.0), place(4.0, 52.0 + 1.0 / 60.0), 30.0, true);
        check(place(4.0, 52.0), place(5.0, 52.0), 60.0, true);
        check(place(4.0, 52.0), place(4.005, 52.0), 0.0, false);
        check(place(179.999, 10.0), place(-179.999, 10.0), 10.0, false);
        check(place(4.0, 52.0), place(50.0, 52.0), 7.0 * 3600.0, false);
    }

    #[test]
    fn a_reported_speed_over_the_limit_is_flagged_but_not_for_aircraft() {
        let rule = Plausibility::new(90.0);
        let ship = at(place(4.0, 52.0), 901);
        assert!(rule.is_fast(&ship));
        assert!(!rule.is_fast(&Position { sog: Some(900), ..ship }));
        assert!(!rule.is_fast(&Position { msg_type: SAR_AIRCRAFT, ..ship }));
    }
}
