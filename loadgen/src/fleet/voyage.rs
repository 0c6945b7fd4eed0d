//! Dead reckoning: a ship goes along the great circle to the end of its lane, in legs of a few minutes.
//!
//! A leg begins with a turn, at a rate that a ship of its kind can turn at, and goes straight on from there. Each leg is
//! set to the bearing of the end of the lane, give or take what a helmsman does; one in eight leads away from it for a
//! while, as for a ship that gives way. At the end of the lane the ship turns round.

use super::interval::Pace;
use super::lanes::LANES;
use crate::random::Random;
use std::f64::consts::{PI, TAU};

/// Degrees that one knot makes in a second.
const DEGREES_PER_KNOT_SECOND: f64 = 1.0 / 60.0 / 3600.0;
const UNITS_PER_DEGREE: f64 = 600_000.0;
/// How long a leg goes straight on at most.
const STRAIGHT_S_MAX: f64 = 600.0;
/// How near to its end a lane is over: two nautical miles.
const ARRIVED_DEGREES: f64 = 2.0 / 60.0;

/// Where a ship is and how it moves: what each report on the straight needs, and the rest where it is out of the way. All
/// ships together then fit into a processor's own cache.
#[repr(C)]
pub struct Voyage {
    /// The end of the leg: when, and where, in degrees north and east.
    until_s: f64,
    until: (f64, f64),
    /// Degrees north and east in a second, up to there.
    per_s: (f32, f32),
    told: Told,
    /// Whether the course of the leg is still to be told.
    turning: bool,
    rest: Box<Rest>,
}

/// What a leg changes once, or its turn.
struct Rest {
    lane: usize,
    outward: bool,
    small: bool,
    cruise_knots: f64,
    /// By how much the bow points off the course, for wind and current.
    drift: f64,
    leg: Leg,
    /// The rate of the turn with which the leg begins, as it is sent.
    rot: i16,
}

/// What was told last, in the numbers of the air.
#[derive(Clone, Copy, Debug)]
struct Told {
    sog: u16,
    cog: u16,
    heading: u16,
    rot: i16,
    nav_status: u8,
}

/// A stretch of a voyage: a turn, and straight on. Degrees north and east, radians, seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Leg {
    from: (f64, f64),
    from_s: f64,
    until_s: f64,
    knots: f64,
    course: f64,
    /// Radians a second, to starboard; 0 when the turn is over.
    turn: f64,
    turned_s: f64,
    /// Where the turn begins, what does not change in it: sine and cosine of the course, and a degree east by a degree north.
    sin_cos: (f64, f64),
    scale: f64,
    /// Where the turn ends, and the course from there.
    then: (f64, f64),
    then_course: f64,
    /// Degrees north and east in a second from there.
    then_per_s: (f64, f64),
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
        let sog = degrees(cruise_knots * 10.0);
        let outward = random.below(2) == 0;
        let here = (lat, lon);
        let mut leg = Leg { from: here, then: here, until_s: f64::INFINITY, ..Leg::default() };
        if !moored {
            // Somewhere on the straight of a leg.
            leg.then_course = bearing(here, if outward { route.to } else { route.from });
            leg.until_s = random.between(0.0, STRAIGHT_S_MAX);
            leg.knots = cruise_knots;
        }
        let drift = random.between(-0.07, 0.07);
        let rest = Rest { lane, outward, small, cruise_knots, drift, leg, rot: 0 };
        let told = Told { sog, cog, heading, rot: 0, nav_status };
        let (until_s, per_s) = (f64::INFINITY, (0.0, 0.0));
        let rest = Box::new(rest);
        let mut ship = Self { until_s, until: here, per_s, told, turning: false, rest };
        if !moored {
            ship.go_straight();
            ship.tell_course(ship.rest.leg.then_course);
        }
        ship
    }

    /// The state at a virtual time in seconds; time does not go back.
    pub fn at(&mut self, at_s: f64, random: &mut Random) -> State {
        while at_s >= self.until_s {
            self.next_leg(random);
        }
        // On the straight everything was said when the turn was over.
        let (lat, lon) = if self.turning { self.turn(at_s) } else { self.straight(at_s) };
        let (lat, lon) = (units(lat * UNITS_PER_DEGREE), units(lon * UNITS_PER_DEGREE));
        let Told { sog, cog, heading, rot, nav_status } = self.told;
        State { lon, lat, sog, cog, heading, rot, nav_status }
    }

    fn straight(&self, at_s: f64) -> (f64, f64) {
        // Of a ship at rest there is no end, and nothing to go until then.
        let left_s = (self.until_s - at_s).min(1e9);
        let (north, east) = (f64::from(self.per_s.0), f64::from(self.per_s.1));
        on_globe(self.until.0 - north * left_s, self.until.1 - east * left_s)
    }

    /// In a turn, or just behind it: tells the course, too.
    fn turn(&mut self, at_s: f64) -> (f64, f64) {
        let leg = &self.rest.leg;
        let (place, course) = (leg.at(at_s), leg.course_at(at_s));
        self.turning = at_s < leg.turned_s;
        self.tell_course(course);
        place
    }

    fn tell_course(&mut self, course: f64) {
        self.told.cog = degrees((course.to_degrees() * 10.0).min(3599.0));
        if self.told.heading != 511 {
            let heading = around(course + self.rest.drift).to_degrees();
            self.told.heading = degrees(heading).min(359);
            self.told.rot = if self.turning { self.rest.rot } else { 0 };
        }
    }

    /// Sets the end of the leg and the way to it.
    #[expect(clippy::cast_possible_truncation, reason = "seven digits of a small number will do")]
    fn go_straight(&mut self) {
        let leg = &mut self.rest.leg;
        leg.go_straight();
        (self.until_s, self.until) = (leg.until_s, leg.at(leg.until_s));
        self.per_s = (leg.then_per_s.0 as f32, leg.then_per_s.1 as f32);
    }

    /// How it moved when it was last looked at.
    pub const fn pace(&self) -> Pace {
        let Told { nav_status, sog, rot, .. } = self.told;
        Pace { at_rest: matches!(nav_status, 1 | 5), sog, turning: rot != 0 }
    }

    /// Moves the whole voyage north by one cell of the grid that reports walk through.
    pub fn nudge(&mut self) {
        let north = 16.0 / UNITS_PER_DEGREE;
        let leg = &mut self.rest.leg;
        for lat in [&mut self.until.0, &mut leg.from.0, &mut leg.then.0] {
            *lat += north;
        }
    }

    fn next_leg(&mut self, random: &mut Random) {
        let from_s = self.rest.leg.until_s;
        let from = self.rest.leg.at(from_s);
        if distance(from, self.end()) < ARRIVED_DEGREES {
            self.rest.outward = !self.rest.outward;
        }
        let off = if random.below(8) == 0 { 0.5 } else { 0.05 };
        let then_course = bearing(from, self.end()) + random.between(-off, off);
        let knots = self.rest.cruise_knots * random.between(0.95, 1.05);
        let course = self.rest.leg.then_course;
        let way = (then_course - course + PI).rem_euclid(TAU) - PI;
        let per_minute =
            if self.rest.small { random.between(60.0, 180.0) } else { random.between(8.0, 25.0) };
        let turn = (per_minute.to_radians() / 60.0).copysign(way);
        let turned_s = from_s + way / turn;
        let then_course = (course + way).rem_euclid(TAU);
        let (sin_cos, scale_here) = (course.sin_cos(), scale(from.0));
        let mut leg = Leg {
            from,
            from_s,
            knots,
            course,
            turn,
            turned_s,
            sin_cos,
            scale: scale_here,
            then_course,
            ..self.rest.leg
        };
        leg.until_s = turned_s + random.between(180.0, STRAIGHT_S_MAX);
        leg.then = leg.turning(turned_s - from_s);
        self.rest.leg = leg;
        self.rest.rot = rot(turn);
        self.go_straight();
        self.turning = true;
        self.told.sog = degrees(knots * 10.0);
    }

    fn end(&self) -> (f64, f64) {
        let route = &LANES[self.rest.lane];
        if self.rest.outward { route.to } else { route.from }
    }
}

impl Leg {
    /// Sets the way of a second behind the turn.
    fn go_straight(&mut self) {
        let (east, north) = self.then_course.sin_cos();
        let per_s = self.knots * DEGREES_PER_KNOT_SECOND;
        self.then_per_s = (per_s * north, per_s * east / scale(self.then.0));
    }

    fn at(&self, at_s: f64) -> (f64, f64) {
        if self.knots <= 0.0 {
            return self.from;
        }
        if at_s < self.turned_s {
            return self.turning(at_s - self.from_s);
        }
        let since = at_s - self.turned_s;
        let (north, east) = self.then_per_s;
        on_globe(self.then.0 + north * since, self.then.1 + east * since)
    }

    /// So long after the turn began: on a circle.
    fn turning(&self, since_s: f64) -> (f64, f64) {
        let radius = self.knots * DEGREES_PER_KNOT_SECOND / self.turn;
        let (sin, cos) = self.sin_cos;
        let (then_sin, then_cos) = (self.course + self.turn * since_s).sin_cos();
        moved(self.from, self.scale, radius * (then_sin - sin), radius * (cos - then_cos))
    }

    fn course_at(&self, at_s: f64) -> f64 {
        if at_s < self.turned_s {
            around(self.course + self.turn * (at_s - self.from_s))
        } else {
            self.then_course
        }
    }
}

/// A place so many degrees of a great circle further north and east, at this scale; not for long ways.
fn moved((lat, lon): (f64, f64), scale: f64, north: f64, east: f64) -> (f64, f64) {
    on_globe(lat + north, lon + east / scale)
}

/// An angle that is less than once around off, from 0 to once around.
fn around(angle: f64) -> f64 {
    if angle < 0.0 {
        angle + TAU
    } else if angle >= TAU {
        angle - TAU
    } else {
        angle
    }
}

/// A degree east by a degree north.
fn scale(lat: f64) -> f64 {
    lat.to_radians().cos().max(0.05)
}

fn on_globe(lat: f64, lon: f64) -> (f64, f64) {
    (lat, if lon.abs() > 180.0 { lon - 360.0_f64.copysign(lon) } else { lon })
}

/// The course with which the great circle from here to there begins, in radians from north to east.
pub fn bearing(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (lat, to_lat) = (from.0.to_radians(), to.0.to_radians());
    let east = (to.1 - from.1).to_radians();
    let along = lat.cos() * to_lat.sin() - lat.sin() * to_lat.cos() * east.cos();
    (east.sin() * to_lat.cos()).atan2(along).rem_euclid(TAU)
}

/// Degrees of the great circle between two places.
pub fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (lat, to_lat) = (from.0.to_radians(), to.0.to_radians());
    let (north, east) = ((to_lat - lat) / 2.0, ((to.1 - from.1) / 2.0).to_radians());
    let half = north.sin().powi(2) + lat.cos() * to_lat.cos() * east.sin().powi(2);
    2.0 * half.sqrt().min(1.0).asin().to_degrees()
}

/// The rate of turn as it is sent: 4.733 times the root of degrees a minute.
#[expect(clippy::cast_possible_truncation, reason = "a root of 720 at most")]
fn rot(turn: f64) -> i16 {
    let per_minute = turn.to_degrees() * 60.0;
    (4.733 * per_minute.abs().min(700.0).sqrt()).copysign(per_minute).round() as i16
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

#[cfg(test)]
mod tests;
