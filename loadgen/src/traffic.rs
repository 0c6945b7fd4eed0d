//! The traffic of a fleet: decides who says what next, encodes it, and notes how it must appear in the store.
//!
//! In:  the number of a message and the moment it is meant for
//! Out: its lines, appended to a buffer, and its [`Entry`]
//!
//! A function of the seed and the intended times alone: the same arguments give the same bytes.

use crate::civil::Civil;
use crate::digest::{self, Fix, When, absent};
use crate::dirt::Dirt;
use crate::encode::{Encoder, Look, binary, fixed, json, position, static_data};
use crate::fleet::particulars::Particulars;
use crate::fleet::{Fleet, Ship};
use crate::ledger::{Entry, NOWHERE};
use crate::profile::{Mix, Profile, Tag};
use crate::random::{Random, high_half, mixed};

/// Area code 366, function 56: the commonest broadcast whose content nobody decodes.
const BROADCAST: u32 = 366 << 6 | 56;
/// Area code 669, function 11, likewise addressed.
const ADDRESSED: u32 = 669 << 6 | 11;

/// When a message is meant to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Seconds since the run began, in the time of the fleet.
    pub virtual_s: f64,
    /// Microseconds since 1970.
    pub wall_us: u64,
}

/// What the messages are to be like.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The mix, and the look of the lines.
    pub profile: Profile,
    /// Seed for everything that is chance.
    pub seed: u64,
    /// Messages that may be sent within the daemon's dedup window.
    pub window: u64,
    /// Put the intended time before each sentence, to the millisecond.
    pub tag_time: bool,
    /// What goes wrong.
    pub dirt: Dirt,
    /// Positions as JSON, and nothing else.
    pub json: bool,
}

impl Style {
    /// Clean, and with times only where the profile has them.
    pub const fn clean(profile: Profile, seed: u64, window: u64) -> Self {
        Self { profile, seed, window, tag_time: false, dirt: Dirt::NONE, json: false }
    }
}

/// Makes one message after another.
pub struct Traffic {
    fleet: Fleet,
    style: Style,
    mix: Mix,
    random: Random,
    encoder: Encoder,
    made: u64,
    last_fix: Option<(Fix, bool)>,
}

/// What is known of a message when its bits are complete.
struct Made {
    digest: u64,
    mmsi: u32,
    msg_type: u8,
    split: bool,
    /// The UTC second that it tells.
    second: Option<u8>,
    /// Of a position: what it tells, and whether it is accurate.
    fix: Option<(Fix, bool)>,
}

impl Made {
    /// A message that is no position, and fits a line.
    const fn other(digest: u64, mmsi: u32, msg_type: u8) -> Self {
        Self { digest, mmsi, msg_type, split: false, second: None, fix: None }
    }

    /// How it must appear, when its lines told this time. A static report has no row of its own.
    fn digest(&self, told_us: Option<i64>) -> u64 {
        let when = match (told_us, self.second) {
            (Some(us), _) => When::Told(us),
            (None, Some(second)) => When::Second(second),
            (None, None) => When::Received,
        };
        if matches!(self.msg_type, 5 | 24) { self.digest } else { digest::dated(self.digest, when) }
    }
}

impl Traffic {
    /// The traffic of `fleet`.
    pub fn new(fleet: Fleet, style: Style) -> Self {
        Self {
            fleet,
            style,
            mix: Mix::new(style.profile),
            random: Random::new(mixed(style.seed)),
            encoder: Encoder::new(),
            made: 0,
            last_fix: None,
        }
    }

    /// Writes the next message.
    pub fn next(&mut self, moment: Moment, out: &mut Vec<u8>) -> Entry {
        if self.style.json {
            return self.json(moment, out);
        }
        let chance = self.random.bits();
        let msg_type = self.mix.pick(high_half(chance));
        let made = match msg_type {
            4 => self.base_station(moment),
            5 => self.static_and_voyage(),
            6 => self.addressed(),
            8 => self.broadcast(),
            17 => self.corrections(),
            20 => self.link_management(),
            21 => self.aid(),
            24 => self.class_b_static(),
            27 => self.long_range(moment),
            _ => self.position(msg_type, moment),
        };
        self.made += 1;
        let Style { profile, tag_time, dirt, .. } = self.style;
        let dirt = if dirt.is_none() { [None; 2] } else { dirt.pick(&mut self.random) };
        let look = Look {
            talker: profile.talker(high_half(chance << 16)),
            channel: profile.channel(high_half(chance << 32)),
            split: made.split && profile.cuts(),
            whole: !profile.cuts(),
            tag: if tag_time { Tag::Millis } else { profile.tag() },
            time_ms: (moment.wall_us / 1000).cast_signed(),
            dirt,
        };
        let start = out.len();
        let (lines, dirt) = self.encoder.lines(look, out);
        let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
        self.last_fix = made.fix;
        let fix = made.fix.map(|(fix, _)| fix);
        Entry {
            digest: made.digest(look.tag.told_us(look.time_ms)),
            mmsi: made.mmsi,
            length,
            msg_type: made.msg_type,
            lines,
            dirt,
            second: fix.map_or(0, |fix| fix.second),
            at: fix.map_or(NOWHERE, |fix| (fix.lon, fix.lat)),
            ..Entry::NONE
        }
    }

    /// A position of a class A ship that knows where it is; its message type is 0, since it has none.
    fn json(&mut self, moment: Moment, out: &mut Vec<u8>) -> Entry {
        let mut fix = self.class_a_fix(moment);
        while (fix.lon, fix.lat) == NOWHERE {
            fix = self.class_a_fix(moment);
        }
        let (rot, nav_status) = (absent::ROT, absent::NAV_STATUS);
        let fix = Fix { msg_type: 0, heading: absent::HEADING, rot, nav_status, ..fix };
        self.made += 1;
        self.last_fix = Some((fix, false));
        let start = out.len();
        json::position(&fix, moment.wall_us / 1000, out);
        let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
        let told_us = (moment.wall_us / 1000 * 1000).cast_signed();
        let digest = digest::dated(fix.digest(), When::Told(told_us));
        let (mmsi, at) = (fix.mmsi, (fix.lon, fix.lat));
        Entry { digest, mmsi, length, lines: 1, second: fix.second, at, ..Entry::NONE }
    }

    fn class_a_fix(&mut self, moment: Moment) -> Fix {
        let second = (moment.wall_us / 1_000_000 % 60).to_le_bytes()[0];
        self.fleet.class_a.next_due().report(1, moment.virtual_s, second, &mut self.random)
    }

    /// What the message before told, and whether it was accurate, if it was a position.
    pub fn last_fix(&self) -> Option<(&Fix, bool)> {
        self.last_fix.as_ref().map(|(fix, accurate)| (fix, *accurate))
    }

    fn position(&mut self, msg_type: u8, moment: Moment) -> Made {
        let class_b = matches!(msg_type, 18 | 19);
        let group = if class_b { &mut self.fleet.class_b } else { &mut self.fleet.class_a };
        let second = (moment.wall_us / 1_000_000 % 60).to_le_bytes()[0];
        let fix = group.next_due().report(msg_type, moment.virtual_s, second, &mut self.random);
        let chance = self.random.bits();
        let (accurate, radio) = (chance & 1 == 1, chance >> 45);
        let bits = &mut self.encoder.bits;
        match msg_type {
            18 => position::class_b(bits, &fix, accurate, radio),
            19 => {
                let ship = Particulars::of(fix.mmsi, true);
                position::class_b_extended(bits, &fix, accurate, &ship);
            }
            _ => position::class_a(bits, &fix, accurate, radio),
        }
        let split = msg_type == 19 && chance & 2 == 2;
        let (digest, mmsi) = (fix.digest(), fix.mmsi);
        let second = Some(fix.second);
        Made { digest, mmsi, msg_type, split, second, fix: Some((fix, accurate)) }
    }

    /// What ships say to those who hear them from far away, seldom and roughly.
    fn long_range(&mut self, moment: Moment) -> Made {
        let second = (moment.wall_us / 1_000_000 % 60).to_le_bytes()[0];
        let ship = self.fleet.class_a.next_due();
        let (fix, flags) = ship.report_far(moment.virtual_s, second, &mut self.random);
        position::long_range(&mut self.encoder.bits, &fix, flags);
        let fix = Some((fix, flags & 1 == 1));
        Made { fix, ..Made::other(fix.map_or(0, |it| it.0.digest()), ship.mmsi, 27) }
    }

    fn base_station(&mut self, moment: Moment) -> Made {
        let station = self.fleet.stations.next();
        let told = Civil::from_seconds(station.tell(moment.wall_us / 1_000_000));
        // The time that it tells is the same in two runs of one second; the radio state is not.
        let radio = self.random.bits() >> 45 ^ u64::from(self.fleet.turn) << 13;
        let (mmsi, lon, lat) = (station.mmsi, station.lon, station.lat);
        fixed::base_station(&mut self.encoder.bits, mmsi, told, lon, lat, radio);
        let digest = digest::base_station(mmsi, told.seconds(), lon, lat);
        Made::other(digest, mmsi, 4)
    }

    fn static_and_voyage(&mut self) -> Made {
        let ship = self.fleet.class_a.next();
        let voyage = counted(ship);
        let mmsi = ship.mmsi;
        let particulars = Particulars::of(mmsi, false);
        static_data::static_and_voyage(&mut self.encoder.bits, mmsi, &particulars, voyage);
        // What the store must know of the voyage afterwards follows from its number.
        Made::other(u64::from(voyage), mmsi, 5)
    }

    /// Parts A and B in turns; B alone while the few payloads of part A are used up.
    fn class_b_static(&mut self) -> Made {
        let ship = self.fleet.class_b.next();
        let count = counted(ship);
        let mmsi = ship.mmsi;
        let particulars = Particulars::of(mmsi, true);
        let bits = &mut self.encoder.bits;
        let spare =
            if count & 1 == 0 { ship.part_a.next(self.made, self.style.window) } else { None };
        if let Some(spare) = spare {
            static_data::class_b_name(bits, mmsi, &particulars, spare);
        } else {
            static_data::class_b_particulars(bits, mmsi, &particulars, count);
        }
        // The digest of a static report says which of its fields the store must know afterwards.
        Made::other(u64::from(spare.is_some()), mmsi, 24)
    }

    fn addressed(&mut self) -> Made {
        let station = self.fleet.stations.next();
        let (mmsi, count) = (station.mmsi, station.count);
        station.count = count.wrapping_add(1);
        let to = self.fleet.class_a.next().mmsi;
        let data = self.data(mmsi, count);
        let data = &data[..16];
        binary::addressed(&mut self.encoder.bits, mmsi, to, count & 3, ADDRESSED, data);
        let digest = digest::binary(mmsi, 6, to, ADDRESSED, data);
        Made::other(digest, mmsi, 6)
    }

    /// Seven in ten come from ashore; one in eight is too long for a line.
    fn broadcast(&mut self) -> Made {
        let chance = self.random.bits() >> 56;
        let (mmsi, count) = if chance < 179 {
            let station = self.fleet.stations.next();
            station.count = station.count.wrapping_add(1);
            (station.mmsi, station.count)
        } else {
            let ship = self.fleet.class_a.next();
            (ship.mmsi, counted(ship))
        };
        let data = self.data(mmsi, count);
        let data = &data[..if chance & 7 == 0 { 44 } else { 32 }];
        binary::broadcast(&mut self.encoder.bits, mmsi, BROADCAST, data);
        let digest = digest::binary(mmsi, 8, 0, BROADCAST, data);
        Made::other(digest, mmsi, 8)
    }

    fn corrections(&mut self) -> Made {
        let station = self.fleet.stations.next();
        let (mmsi, count) = (station.mmsi, station.count);
        station.count = count.wrapping_add(1);
        let (lon, lat) = (station.lon / 1000, station.lat / 1000);
        let data = self.data(mmsi, count);
        let [most, third] = self.style.profile.corrections();
        let data = &data[..if count.is_multiple_of(3) { third } else { most }];
        binary::corrections(&mut self.encoder.bits, mmsi, lon, lat, data);
        let digest = digest::corrections(mmsi, [lon, lat].map(digest::tenths_of_degree), data);
        Made::other(digest, mmsi, 17)
    }

    fn link_management(&mut self) -> Made {
        let station = self.fleet.stations.next();
        let (mmsi, count) = (station.mmsi, station.count);
        station.count = count.wrapping_add(1);
        let [offset, number, timeout, increment] =
            [count % 2250, 1 + (count >> 20) % 5, 7, count / 2250 % 1125];
        let reservation = [offset, number, timeout, increment];
        fixed::link_management(&mut self.encoder.bits, mmsi, reservation);
        let digest = digest::link_management(mmsi, offset, number, timeout, increment);
        Made::other(digest, mmsi, 20)
    }

    fn aid(&mut self) -> Made {
        let aid = self.fleet.aids.next();
        let (lon, lat, second) = aid.report();
        fixed::aid_to_navigation(&mut self.encoder.bits, aid, lon, lat, second);
        let (name, aid_type) = (&*aid.name, u32::from(aid.aid_type));
        let told = digest::Aid { name, aid_type, dimensions: fixed::AID_METRES.map(u32::from) };
        let digest = digest::aid_to_navigation(aid.mmsi, [lon, lat], second, told);
        Made { second: u8::try_from(second).ok(), ..Made::other(digest, aid.mmsi, 21) }
    }

    /// Application data that begins with the sender's own count, so that none is equal to another.
    fn data(&mut self, mmsi: u32, count: u32) -> [u8; 56] {
        let mut data = [0; 56];
        data[..4].copy_from_slice(&count.to_be_bytes());
        data[4..8].copy_from_slice(&mmsi.to_be_bytes());
        for word in data[8..].chunks_mut(8) {
            word.copy_from_slice(&self.random.bits().to_le_bytes());
        }
        data
    }
}

fn counted(ship: &mut Ship) -> u32 {
    let count = ship.static_reports;
    ship.static_reports = count.wrapping_add(1);
    count
}

#[cfg(test)]
#[path = "traffic_tests.rs"]
mod tests;
