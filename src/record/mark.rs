//! How far a file was read when a record came of it.
//!
//! Each record of a file carries its mark, so how much of a file is taken follows from what the journal and the store hold, never from
//! what was read. A mark is bound to content: it says what the bytes before it come to, and not what the file was called.

/// Bytes of a mark at the end of a record.
pub const MARK_BYTES: usize = 24;
/// The bits of a packed place that count the messages of one line.
const NTH_BITS: u32 = 8;

/// A place in a file. Later places of one file compare greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Bytes of the file, decompressed, up to the end of the line.
    pub bytes: u64,
    /// Messages of that line up to here.
    pub nth: u8,
}

/// A place in a file, and what makes it that of this file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The number of this reading of the file: any, the same for all of it.
    pub reading: u64,
    /// How far it was read.
    pub place: Place,
    /// What the bytes before the place come to.
    pub digest: u64,
}

impl Mark {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; MARK_BYTES] {
        let place = self.place.bytes << NTH_BITS | u64::from(self.place.nth);
        let mut bytes = [0; MARK_BYTES];
        for (part, value) in bytes.chunks_exact_mut(8).zip([self.reading, place, self.digest]) {
            part.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// What [`Mark::to_bytes`] wrote.
    #[must_use]
    pub fn of_bytes(bytes: &[u8; MARK_BYTES]) -> Self {
        let word = |at: usize| super::u64_at(bytes, at);
        let [nth, ..] = word(8).to_le_bytes();
        let place = Place { bytes: word(8) >> NTH_BITS, nth };
        Self { reading: word(0), place, digest: word(16) }
    }

    /// Puts this mark into a list of the last of each reading, if it is later than the one there.
    pub fn note_in(self, marks: &mut Vec<Self>) {
        note_last(marks, self, |mark| *mark);
    }
}

/// Puts something with a mark into a list of the last of each reading, if it is later than the one there.
pub fn note_last<T>(list: &mut Vec<T>, new: T, mark_of: impl Fn(&T) -> Mark) {
    let mark = mark_of(&new);
    match list.iter_mut().rev().find(|known| mark_of(known).reading == mark.reading) {
        Some(known) if mark_of(known).place < mark.place => *known = new,
        Some(_) => {}
        None => list.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_reading_the_last_place_is_kept() {
        let mark = |reading, bytes, nth| Mark { reading, place: Place { bytes, nth }, digest: 9 };
        let mut marks = Vec::new();
        for mark in [mark(1, 50, 1), mark(2, 7, 1), mark(1, 50, 2), mark(1, 49, 255)] {
            assert_eq!(Mark::of_bytes(&mark.to_bytes()), mark);
            mark.note_in(&mut marks);
        }
        assert_eq!(marks, [mark(1, 50, 2), mark(2, 7, 1)]);
    }
}
