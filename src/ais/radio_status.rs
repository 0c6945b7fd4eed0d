//! The communication state at the end of many messages: how its sender holds its slots (ITU-R M.1371-5, annex 2, 3.3.7).

/// How a sender holds its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RadioStatus {
    /// Self-organised access.
    Sotdma {
        /// Synchronised by: 0 UTC direct, 1 UTC indirect, 2 a base station, 3 another station.
        sync: u8,
        /// Frames until a new slot is chosen, 0-7.
        timeout: u8,
        /// What is told in this frame.
        told: Told,
    },
    /// Incremental access.
    Itdma {
        /// Synchronised by, as above.
        sync: u8,
        /// Slots to the next one it will use.
        increment: u16,
        /// Slots it will use, as coded in the standard.
        slots: u8,
        /// It keeps the slot for one more frame.
        keep: bool,
    },
}

/// What a self-organised sender tells in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Slots to the one it will use in the next frame (time-out 0).
    SlotOffset(u16),
    /// Its UTC hour and minute (time-out 1).
    UtcTime(u8, u8),
    /// The slot it uses (time-out 2, 4, 6).
    SlotNumber(u16),
    /// Stations it hears (time-out 3, 5, 7).
    ReceivedStations(u16),
}

impl RadioStatus {
    /// From the 19 bits of a self-organised one (types 1, 2, 4 and 11).
    #[must_use]
    pub fn sotdma(bits: u32) -> Self {
        let told = low_u16(bits) & 0x3FFF;
        let timeout = low_u8(bits >> 14) & 7;
        let told = match timeout {
            0 => Told::SlotOffset(told),
            1 => Told::UtcTime(low_u8(bits >> 9) & 31, low_u8(bits >> 2) & 127),
            2 | 4 | 6 => Told::SlotNumber(told),
            _ => Told::ReceivedStations(told),
        };
        Self::Sotdma { sync: low_u8(bits >> 17) & 3, timeout, told }
    }

    /// From the 19 bits of an incremental one (type 3).
    #[must_use]
    pub fn itdma(bits: u32) -> Self {
        Self::Itdma {
            sync: low_u8(bits >> 17) & 3,
            increment: low_u16(bits >> 4) & 0x1FFF,
            slots: low_u8(bits >> 1) & 7,
            keep: bits & 1 == 1,
        }
    }

    /// From the 20 bits of which the first selects (types 9, 18 and 26; a carrier-sense unit sends a fixed value).
    #[must_use]
    pub fn selected(bits: u32) -> Self {
        if bits >> 19 & 1 == 0 { Self::sotdma(bits) } else { Self::itdma(bits) }
    }
}

fn low_u8(value: u32) -> u8 {
    value.to_le_bytes()[0]
}

fn low_u16(value: u32) -> u16 {
    let [low, high, ..] = value.to_le_bytes();
    u16::from_le_bytes([low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bits: u32, sync: u8, timeout: u8, told: Told) {
        assert_eq!(RadioStatus::sotdma(bits), RadioStatus::Sotdma { sync, timeout, told });
        assert_eq!(RadioStatus::selected(bits), RadioStatus::sotdma(bits));
    }

    #[test]
    fn what_is_told_depends_on_the_time_out() {
        check(2249, 0, 0, Told::SlotOffset(2249));
        check(1 << 14 | 9 << 9 | 41 << 2, 0, 1, Told::UtcTime(9, 41));
        check(3 << 17 | 6 << 14 | 2118, 3, 6, Told::SlotNumber(2118));
        check(2 << 17 | 7 << 14 | 102, 2, 7, Told::ReceivedStations(102));
        let itdma = RadioStatus::Itdma { sync: 2, increment: 3646, slots: 5, keep: true };
        let bits = 2 << 17 | 3646 << 4 | 5 << 1 | 1;
        assert_eq!(RadioStatus::itdma(bits), itdma);
        assert_eq!(RadioStatus::selected(1 << 19 | bits), itdma);
    }
}
