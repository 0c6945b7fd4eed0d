//! Dead reckoning: a ship goes along its lane in legs of a few minutes, each with its own course and speed.

use super::lanes::LANES;
use crate::random::Random;

/// AIS position units (1/10 000 minute) that one knot makes in a second.
const UNITS_PER_KNOT_SECOND: f64 = 10_000.0 / 3600.0;
const UNITS_PER_DEGREE: f64 = 600_000.0;

/// Where a ship is and how it moves.
pub struct Voyage {
    lane: usize,
    outward: bool,
    cruise_knots: f64,
    lat: f64,
    lon: f64,
    lat_per_s: f64,
    lon_per_s: f64,
    leg_from_s: f64,
    leg_until_s: f64,
    state: State,
}

/// A moment of a voyage in the numbers of the air.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// East, in 1/10 000 minute.
    pub lon: i32,
    /// North, in 1/10 000 minute.
    pub lat: i32,
    /// 0.1 knot.
    pub sog: u16,
    /// 0.1 degree.
    pub cog: u16,
    /// Degrees.
    pub heading: u16,
    /// Rate of turn as sent.
    pub rot: i16,
    /// Navigational status.
    pub nav_status: u8,
}

impl Voyage {
    /// A ship somewhere near its lane, under way or not.
    pub fn new(lane: usize, moored: bool, small: bool, random: &mut Random) -> Self {
        let along = random.unit();
        let route = &LANES[lane];
        let lat = route.from.0 + (route.to.0 - route.from.0) * along + random.between(-0.15, 0.15);
        let lon = route.from.1 + (route.to.1 - route.from.1) * along + random.between(-0.15, 0.15);
        let cruise_knots = match (moored, small) {
            (true, _) => 0.0,
            (false, true) => random.between(3.0, 12.0),
            (false, false) => random.between(7.0, 21.0),
        };
        let nav_status = if moored { [1, 5, 5][random.index(3)] } else { 0 };
        let heading = if small { 511 } else { degrees(random.between(0.0, 360.0)) };
        let cog = degrees(random.between(0.0, 3599.0));
        Self {
            lane,
            outward: random.below(2) == 0,
            cruise_knots,
            lat: lat * UNITS_PER_DEGREE,
            lon: lon * UNITS_PER_DEGREE,
            lat_per_s: 0.0,
            lon_per_s: 0.0,
            leg_from_s: 0.0,
            leg_until_s: if moored { f64::INFINITY } else { 0.0 },
            state: State { lon: 0, lat: 0, sog: 0, cog, heading, rot: 0, nav_status },
        }
    }

    /// The state at a virtual time in seconds; time does not go back.
    pub fn at(&mut self, at_s: f64, random: &mut Random) -> State {
        if at_s >= self.leg_until_s {
            self.next_leg(at_s, random);
        }
        let since = at_s - self.leg_from_s;
        let lat = units(self.lat + self.lat_per_s * since);
        let lon = units(self.lon + self.lon_per_s * since);
        State { lon, lat, ..self.state }
    }

    /// Moves the whole voyage north by one cell of the grid that reports walk through.
    pub fn nudge(&mut self) {
        self.lat += 16.0;
    }

    fn next_leg(&mut self, at_s: f64, random: &mut Random) {
        let since = at_s - self.leg_from_s;
        self.lat += self.lat_per_s * since;
        self.lon += self.lon_per_s * since;
        let (north, east) = self.way_to_go();
        if north.hypot(east) < 2.0 * UNITS_PER_DEGREE / 60.0 {
            self.outward = !self.outward;
        }
        let (north, east) = self.way_to_go();
        let course = east.atan2(north) + random.between(-0.05, 0.05);
        let knots = self.cruise_knots * random.between(0.95, 1.05);
        let scale = (self.lat / UNITS_PER_DEGREE).to_radians().cos().max(0.2);
        self.lat_per_s = knots * UNITS_PER_KNOT_SECOND * course.cos();
        self.lon_per_s = knots * UNITS_PER_KNOT_SECOND * course.sin() / scale;
        self.leg_from_s = at_s;
        self.leg_until_s = at_s + random.between(180.0, 600.0);
        let tenths = course.to_degrees().rem_euclid(360.0) * 10.0;
        self.state.cog = degrees(tenths.min(3599.0));
        self.state.sog = degrees(knots * 10.0);
        if self.state.heading != 511 {
            self.state.heading = degrees(tenths / 10.0).min(359);
            self.state.rot = i16::try_from(random.below(9)).unwrap_or(0) - 4;
        }
    }

    /// From here to the end of the lane, in units of a minute of latitude times 10 000.
    fn way_to_go(&self) -> (f64, f64) {
        let route = &LANES[self.lane];
        let end = if self.outward { route.to } else { route.from };
        let scale = (self.lat / UNITS_PER_DEGREE).to_radians().cos();
        (end.0 * UNITS_PER_DEGREE - self.lat, (end.1 * UNITS_PER_DEGREE - self.lon) * scale)
    }
}

/// Whole position units.
#[expect(clippy::cast_possible_truncation, reason = "places on the globe fit with room to spare")]
pub fn units(value: f64) -> i32 {
    value as i32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "callers give 0 to 3599; what is outside saturates"
)]
fn degrees(value: f64) -> u16 {
    value as u16
}
