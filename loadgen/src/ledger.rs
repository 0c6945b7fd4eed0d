//! What was sent and how it must appear, in a form that a hundred million messages fit into.
//!
//! A position costs 8 bytes, any other message at most 16; what ships say of themselves is a count per ship.

use crate::digest::absent;
use crate::dirt::Kind;
use std::collections::HashMap;

/// What must become of a message in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It is there.
    Surely,
    /// It is there, or counted as a repeat: that depends on the moment at which it is received.
    Perhaps,
    /// It is a repeat of one before it.
    Again,
    /// Nobody here knows.
    Unknown,
}

/// One message, or a further copy of one, as the sender meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How it must appear. For types 5 and 24 there is no row of its own: of a type 5 the number of the voyage; of a type 24
    /// 1 when it is part A, else 0.
    pub digest: u64,
    /// Who it is from.
    pub mmsi: u32,
    /// Bytes of all its lines.
    pub length: u16,
    /// 1-27, or 0 for a position in JSON.
    pub msg_type: u8,
    /// How many lines.
    pub lines: u8,
    /// A copy, as a second receiver sends it: it must not appear at all.
    pub repeat: bool,
    /// What must become of it, unless it is a copy or dirty.
    pub expect: Expect,
    /// Which receiver heard it, from 0.
    pub receiver: u8,
    /// What went wrong on the way.
    pub dirt: Option<Kind>,
    /// The UTC second that a position tells.
    pub second: u8,
    /// Where a position is, east and north in 1/10 000 minute; absent for every other message.
    pub at: (i32, i32),
}

impl Entry {
    /// Nothing yet: from nobody, nowhere.
    pub const NONE: Self = Self {
        digest: 0,
        mmsi: 0,
        length: 0,
        msg_type: 0,
        lines: 0,
        repeat: false,
        expect: Expect::Surely,
        receiver: 0,
        dirt: None,
        second: 0,
        at: NOWHERE,
    };

    /// Where it is from, if it says so and is to be believed.
    pub fn place(&self) -> Option<(i32, i32)> {
        (self.at != NOWHERE && !self.is_refused()).then_some(self.at)
    }

    /// Whether it must be counted as refused, and stored nowhere.
    pub fn is_refused(&self) -> bool {
        self.dirt.is_some_and(|kind| kind.reason().is_some())
    }
}

/// What a message without a position has as its place.
pub const NOWHERE: (i32, i32) = (absent::LON, absent::LAT);

/// A message that must appear in `messages`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Other {
    /// How it must appear.
    pub digest: u64,
    /// Who it is from.
    pub mmsi: u32,
    /// Its type.
    pub msg_type: u8,
}

/// What the store must know of a ship afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Types 5, 19 and 24.
    pub reports: u64,
    /// Type 5 only: IMO number, destination, draught and time of arrival; the number of the last one.
    pub voyage: Option<u32>,
    /// Types 5, 19 and 24 B: the type of ship and its dimensions.
    pub kind: bool,
    /// Types 5, 19 and 24 A.
    pub name: bool,
    /// Types 5 and 24 B.
    pub callsign: bool,
}

/// Everything that was sent.
#[derive(Default)]
pub struct Ledger {
    /// Distinct messages.
    pub sent: u64,
    /// Further copies.
    pub repeats: u64,
    /// Lines, those of copies too.
    pub sentences: u64,
    /// Bytes, those of copies too.
    pub bytes: u64,
    /// Positions that may be there or not; in `sent` like all others.
    pub perhaps: Vec<u64>,
    /// Recorded messages that must be repeats; in `sent` like all others.
    pub again: u64,
    /// Recorded lines that nobody looks for in the store; in `sent` like all others.
    pub unknown: u64,
    /// Distinct messages that something happened to, by [`Kind`]; in `sent` like all others.
    pub dirty: [u64; Kind::ALL.len()],
    /// Messages that were being sent when the way broke, and not in `sent`: nobody knows how many of them went out.
    pub cut_off: Option<Box<Self>>,
    /// Whether what was sent last is received last: it all went one way.
    pub in_order: bool,
    /// Parts that were sent of messages whose last part was not.
    pub orphans: u64,
    /// Distinct messages by type.
    pub by_type: [u64; 28],
    /// Digests of types 1, 2, 3, 9, 18, 19 and 27, and of positions that were JSON.
    pub positions: Vec<u64>,
    /// Types 4, 6, 8, 17, 20 and 21.
    pub others: Vec<Other>,
    /// By MMSI.
    pub statics: HashMap<u32, Said>,
    /// Type 19 is a position and a static report: its digest and who it is from.
    pub both: HashMap<u64, u32>,
}

impl Ledger {
    /// With room for so many messages.
    pub fn with_room(messages: u64) -> Self {
        let positions = usize::try_from(messages.min(1 << 26)).unwrap_or(0);
        Self { positions: Vec::with_capacity(positions), ..Self::default() }
    }

    /// Distinct messages that must be counted as refused.
    pub fn refused(&self) -> u64 {
        let refused = Kind::ALL.into_iter().filter(|kind| kind.reason().is_some());
        refused.map(|kind| self.dirty[kind as usize]).sum()
    }

    /// Distinct messages that must be stored.
    pub fn expected(&self) -> u64 {
        self.sent - self.refused() - self.again - self.unknown - self.perhaps.len() as u64
    }

    /// Whether lines of a recording were sent, of which only the positions are looked for.
    pub fn is_partial(&self) -> bool {
        self.unknown > 0 || self.again > 0 || !self.perhaps.is_empty()
    }

    /// How often the daemon must have counted a reason for this ledger alone.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let of = |kind: Kind| match kind {
            Kind::Lost => self.orphans,
            kind => self.dirty[kind as usize],
        };
        Kind::ALL.into_iter().filter_map(move |kind| Some((kind.reason()?, of(kind))))
    }

    /// Notes what was being sent when the way broke.
    pub fn cut_off(&mut self, entries: &[Entry]) {
        self.cut_off.get_or_insert_default().note(entries);
    }

    /// Notes what has been sent.
    pub fn note(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.bytes += u64::from(entry.length);
            self.sentences += u64::from(entry.lines);
            if entry.repeat {
                self.repeats += 1;
                continue;
            }
            self.sent += 1;
            let known = entry.expect != Expect::Unknown;
            if let Some(count) = self.by_type.get_mut(usize::from(entry.msg_type)).filter(|_| known)
            {
                *count += 1;
            }
            if let Some(kind) = entry.dirt {
                self.dirty[kind as usize] += 1;
                self.orphans += if kind == Kind::Lost { u64::from(entry.lines) } else { 0 };
            }
            match entry.expect {
                _ if entry.is_refused() => {}
                Expect::Surely => self.expect(entry),
                Expect::Perhaps => self.perhaps.push(entry.digest),
                Expect::Again => self.again += 1,
                Expect::Unknown => self.unknown += 1,
            }
        }
    }

    fn expect(&mut self, entry: &Entry) {
        let &Entry { digest, mmsi, msg_type, .. } = entry;
        match msg_type {
            0..=3 | 9 | 18 | 27 => self.positions.push(digest),
            19 => {
                self.positions.push(digest);
                self.both.insert(digest, mmsi);
                let said = self.statics.entry(mmsi).or_default();
                said.reports += 1;
                said.name = true;
                said.kind = true;
            }
            5 | 24 => {
                let is_voyage = msg_type == 5;
                let is_part_a = !is_voyage && digest == 1;
                let said = self.statics.entry(mmsi).or_default();
                said.reports += 1;
                said.voyage = u32::try_from(digest).ok().filter(|_| is_voyage).or(said.voyage);
                said.name |= is_voyage || is_part_a;
                said.callsign |= !is_part_a;
                said.kind |= !is_part_a;
            }
            _ => self.others.push(Other { digest, mmsi, msg_type }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(msg_type: u8, digest: u64) -> Entry {
        Entry { digest, mmsi: 7, length: 49, msg_type, lines: 1, ..Entry::NONE }
    }

    #[test]
    fn copies_are_counted_and_expected_nowhere() {
        let mut ledger = Ledger::default();
        ledger.note(&[entry(1, 5), Entry { repeat: true, ..entry(1, 5) }]);
        assert_eq!((ledger.sent, ledger.repeats, ledger.sentences, ledger.bytes), (1, 1, 2, 98));
        assert_eq!(ledger.positions, [5]);
    }

    #[test]
    fn every_type_is_expected_where_it_lands() {
        let mut ledger = Ledger::default();
        ledger.note(&[entry(1, 1), entry(4, 2), entry(19, 3), entry(24, 1), entry(24, 0)]);
        assert_eq!(ledger.positions, [1, 3]);
        assert_eq!(ledger.others, [Other { digest: 2, mmsi: 7, msg_type: 4 }]);
        let said = Said { reports: 3, voyage: None, kind: true, name: true, callsign: true };
        assert_eq!(ledger.statics[&7], said);
        assert_eq!(ledger.both[&3], 7);
        ledger.note(&[entry(5, 1), Entry { mmsi: 8, ..entry(24, 1) }, entry(5, 2)]);
        assert_eq!(ledger.statics[&7], Said { reports: 5, voyage: Some(2), ..said });
        let said = Said { reports: 1, name: true, ..Said::default() };
        assert_eq!(ledger.statics[&8], said);
    }

    #[test]
    fn what_must_be_refused_is_expected_nowhere_and_has_its_reason() {
        let mut ledger = Ledger::default();
        let dirty = |kind, lines| Entry { dirt: Some(kind), lines, ..entry(1, 5) };
        let kinds =
            [Kind::Checksum, Kind::Past, Kind::Past, Kind::Reordered].map(|it| dirty(it, 2));
        ledger.note(&kinds);
        ledger.note(&[dirty(Kind::Lost, 3), entry(1, 6)]);
        assert_eq!((ledger.sent, ledger.refused(), ledger.expected()), (6, 4, 2));
        assert_eq!(ledger.positions, [5, 6]);
        let reasons: Vec<_> = ledger.reasons().filter(|it| it.1 > 0).collect();
        assert_eq!(reasons, [("checksum", 1), ("time_past", 2), ("fragments_expired", 3)]);
    }
}
