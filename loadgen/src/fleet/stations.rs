//! Those who stand still: base stations and aids to navigation.

use super::lanes::LANES;
use crate::random::Random;

/// How far apart two turns begin to count; all of them fit the 483 840 times of arrival that tell type 5s apart.
pub const COUNTS_BETWEEN_TURNS: u32 = 7_560;

/// A base station ashore.
pub struct BaseStation {
    /// 00MIDXXXX.
    pub mmsi: u32,
    /// East, in 1/10 000 minute.
    pub lon: i32,
    /// North, in 1/10 000 minute.
    pub lat: i32,
    /// Messages other than type 4 so far.
    pub count: u32,
    last_told_s: u64,
}

impl BaseStation {
    /// Somewhere along a lane.
    pub fn new(mmsi: u32, turn: u32, random: &mut Random) -> Self {
        let (lon, lat) = somewhere(random);
        Self { mmsi, lon, lat, count: turn * COUNTS_BETWEEN_TURNS, last_told_s: 0 }
    }

    /// The time that its next type 4 tells: now, or a second after the one before, since no two may be equal.
    pub fn tell(&mut self, now_s: u64) -> u64 {
        self.last_told_s = now_s.max(self.last_told_s + 1);
        self.last_told_s
    }
}

/// A buoy or a light.
pub struct Aid {
    /// 99MIDXXXX.
    pub mmsi: u32,
    /// At most 20 characters.
    pub name: String,
    /// What it marks, 1-31.
    pub aid_type: u8,
    lon: i32,
    lat: i32,
    count: u32,
}

impl Aid {
    /// Somewhere along a lane.
    pub fn new(mmsi: u32, index: u32, turn: u32, random: &mut Random) -> Self {
        let (lon, lat) = somewhere(random);
        let kind = ["LT BUOY", "WRECK", "FAIRWAY", "N CARDINAL"][random.index(4)];
        let aid_type = (1 + random.below(31)).to_le_bytes()[0];
        let name = format!("{kind} {}", index % 1_000_000);
        Self { mmsi, name, aid_type, lon: lon & !15, lat: lat & !15, count: turn * 240 }
    }

    /// Where its next report sees it, and the second it tells: it swings about its anchor, never quite the same.
    pub fn report(&mut self) -> (i32, i32, u32) {
        let count = self.count;
        self.count = self.count.wrapping_add(1);
        if count > 0 && count.is_multiple_of(256 * 60) {
            self.lat += 16;
        }
        let (north, east) = super::serpentine(count);
        (self.lon + east, self.lat + north, count / 256 % 60)
    }
}

fn somewhere(random: &mut Random) -> (i32, i32) {
    let lane = &LANES[random.index(LANES.len())];
    let along = random.unit();
    let unit = |from: f64, to: f64| super::voyage::units((from + (to - from) * along) * 600_000.0);
    (unit(lane.from.1, lane.to.1), unit(lane.from.0, lane.to.0))
}
