//! The rows, in the binary form of COPY.
//!
//! In:  the traffic of a fleet; only its positions become rows
//! Out: batches, each a whole stream of its own with header and end
//!
//! A row is what the daemon makes of a position: event time to the report's second, units of the table, nothing where the
//! air says "not available".

use super::Arguments;
use super::statics::Statics;
use crate::digest::{Fix, absent};
use crate::fleet::{self, Fleet};
use crate::profile::Profile;
use crate::stream::whole;
use crate::traffic::{Moment, Style, Traffic};

/// Messages a second, in the time of the fleet.
const RATE: f64 = 500_000.0;
/// From 1970 to 2000, where the server's times begin, in microseconds.
const EPOCH_US: i64 = 946_684_800_000_000;
const SECOND_US: i64 = 1_000_000;
const UNITS_PER_DEGREE: f64 = 600_000.0;
/// The first number of the first start of a data directory.
const FIRST_SEQ: i64 = 1 << 40;
/// What begins the rows of a COPY.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What ends them.
pub const END: [u8; 2] = (-1_i16).to_be_bytes();
/// Fields of a row.
const FIELDS: i16 = 16;
/// Bits of `flags`: the fix is better than 10 m, and its integrity is monitored. The fleet says both or none.
const ACCURATE_AND_RAIM: i16 = 64 | 128;

/// What takes the rows that [`prepare`] writes.
pub const COPY_POSITIONS: &str = "COPY positions (seq, ts, received_at, lat, lon, mmsi, sog, cog, heading, rot, altitude, \
     nav_status, msg_type, instance, source, flags) FROM STDIN (FORMAT binary)";

/// What takes messages that are neither position nor static data.
pub const COPY_MESSAGES: &str = "COPY messages (seq, ts, received_at, mmsi, msg_type, instance, source, json) \
     FROM STDIN (FORMAT binary)";

/// Rows that are committed together.
pub struct Batch {
    /// Positions as the server takes them.
    pub positions: Vec<u8>,
    /// Messages likewise; empty when there are none.
    pub messages: Vec<u8>,
    /// Ships whose static data is merged.
    pub statics: Statics,
    /// The number behind the last of them.
    pub next_seq: i64,
}

/// All batches, in the order of time from `start_us` on, in microseconds since 1970.
pub fn prepare(arguments: &Arguments, instance: i16, start_us: u64) -> Vec<Batch> {
    let mut traffic = traffic(arguments, start_us);
    let (mut batches, mut lines) = (Vec::new(), Vec::new());
    let (mut made, mut sent) = (0, 0_u64);
    while made < arguments.rows {
        let rows = u64::from(arguments.batch).min(arguments.rows - made);
        let mut bytes =
            Vec::with_capacity(HEADER.len() + 132 * usize::try_from(rows).unwrap_or(0) + 2);
        bytes.extend_from_slice(HEADER);
        let until = made + rows;
        while made < until {
            lines.clear();
            let moment = moment(start_us, sent);
            traffic.next(moment, &mut lines);
            sent += 1;
            if let Some((fix, accurate)) = traffic.last_fix() {
                let seq = FIRST_SEQ + sent.cast_signed() - 1;
                row(fix, accurate, seq, moment.wall_us.cast_signed(), instance, &mut bytes);
                made += 1;
            }
        }
        bytes.extend_from_slice(&END);
        let next_seq = FIRST_SEQ + sent.cast_signed();
        batches.push(Batch {
            positions: bytes,
            messages: Vec::new(),
            statics: Statics::default(),
            next_seq,
        });
    }
    batches
}

/// The traffic whose positions become rows.
pub fn traffic(arguments: &Arguments, start_us: u64) -> Traffic {
    let turn = fleet::turn(start_us);
    let fleet = Fleet::of(Profile::World, arguments.vessels, arguments.seed, turn);
    Traffic::new(fleet, Style::clean(Profile::World, arguments.seed, whole(RATE * 10.0)))
}

/// When a message is sent, by its number from 0.
pub fn moment(start_us: u64, number: u64) -> Moment {
    let virtual_s = number as f64 / RATE;
    Moment { virtual_s, wall_us: start_us + whole(virtual_s * 1e6) }
}

fn row(fix: &Fix, accurate: bool, seq: i64, received_us: i64, instance: i16, out: &mut Vec<u8>) {
    out.extend_from_slice(&FIELDS.to_be_bytes());
    put(out, Some(seq.to_be_bytes()));
    put(out, Some((received_us - received_us % SECOND_US - EPOCH_US).to_be_bytes()));
    put(out, Some((received_us - EPOCH_US).to_be_bytes()));
    let degrees = |units: i32, absent| {
        (units != absent).then(|| (f64::from(units) / UNITS_PER_DEGREE).to_be_bytes())
    };
    put(out, degrees(fix.lat, absent::LAT));
    put(out, degrees(fix.lon, absent::LON));
    put(out, Some(fix.mmsi.to_be_bytes()));
    let tenths =
        |value: u16, absent| (value != absent).then(|| (f32::from(value) / 10.0).to_be_bytes());
    put(out, tenths(fix.sog, absent::SOG));
    put(out, tenths(fix.cog, absent::COG));
    put(out, (fix.heading != absent::HEADING).then(|| fix.heading.to_be_bytes()));
    put(out, (fix.rot != absent::ROT).then(|| fix.rot.to_be_bytes()));
    put::<2>(out, None);
    let nav_status = i16::from(fix.nav_status);
    put(out, (fix.nav_status != absent::NAV_STATUS).then(|| nav_status.to_be_bytes()));
    put(out, Some(i16::from(fix.msg_type).to_be_bytes()));
    put(out, Some(instance.to_be_bytes()));
    put(out, Some(0_i16.to_be_bytes()));
    let flags = if accurate { ACCURATE_AND_RAIM } else { 0 };
    put(out, Some(flags.to_be_bytes()));
}

/// A field: its length and its bytes, or a length of -1 for none.
fn put<const N: usize>(out: &mut Vec<u8>, value: Option<[u8; N]>) {
    let Some(value) = value else {
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        return;
    };
    let length = u32::try_from(N).unwrap_or(0);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&value);
}
