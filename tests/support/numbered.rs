//! Sentences that carry a number: type 1 reports, each with a payload of its own, found again in the store by their longitude.

/// Vessels that the sentences are of.
const VESSELS: u32 = 5000;
const FIRST_MMSI: u32 = 200_000_000;
/// Numbers are longitudes in 1/10 000 minute from here, so below 216 000 000.
const WEST: i32 = -108_000_000;

/// SQL for the number of a row of `positions`.
pub const NUMBER_SQL: &str = "CAST(round(lon * 600000) AS INTEGER) + 108000000";

/// SQL for whether a row of `positions` is not what the sentence with its number says, in any column.
pub const WRONG_SQL: &str = "mmsi <> 200000000 + number % 5000 OR round(lat * 600000) <> number % 1000 * 3 \
    OR sog <> 10 OR cog <> 90 OR heading IS NOT NULL OR rot IS NOT NULL OR msg_type <> 1";

/// The payload of a type 1 report with this number.
pub fn payload(n: u32) -> [u8; 28] {
    payload_of(FIRST_MMSI + n % VESSELS, n)
}

/// The payload of a type 1 report of this vessel with this number.
pub fn payload_of(mmsi: u32, n: u32) -> [u8; 28] {
    let lon = WEST + n.cast_signed();
    // So near that no ship jumps from one number to another that is not far from it.
    let lat = (n % 1000).cast_signed() * 3;
    let mut bits = Bits { chars: [0; 28], at: 0 };
    bits.put(1, 6);
    bits.put(0, 2);
    bits.put(mmsi, 30);
    // Under way, and no rate of turn.
    bits.put(0, 4);
    bits.put(128, 8);
    bits.put(100, 10);
    bits.put(0, 1);
    bits.put(lon.cast_unsigned(), 28);
    bits.put(lat.cast_unsigned(), 27);
    bits.put(900, 12);
    bits.put(511, 9);
    // No second, so that the event time is the time of receipt.
    bits.put(60, 6);
    bits.chars.map(|six| if six < 40 { six + 48 } else { six + 56 })
}

/// The number of a payload that one of these made.
pub fn number(payload: &[u8]) -> u32 {
    // Bits 61 to 88 lie in characters 10 to 14, the last of which has one more.
    let bits = payload[10..15].iter().fold(0, |bits: u32, char| {
        let six = if *char < 96 { char - 48 } else { char - 56 };
        bits << 6 | u32::from(six)
    });
    let lon = (bits >> 1 << 4).cast_signed() >> 4;
    (lon - WEST).cast_unsigned()
}

/// The sentence with this number, without a line end.
pub fn sentence(n: u32) -> String {
    sentence_with(payload(n))
}

/// The sentence with this number of a ship of a fleet, without a line end.
pub fn sentence_of(ship: u32, n: u32) -> String {
    sentence_with(payload_of(FIRST_MMSI + ship, n))
}

fn sentence_with(payload: [u8; 28]) -> String {
    checked(&format!("AIVDM,1,1,,A,{},0", std::str::from_utf8(&payload).unwrap()))
}

/// A sentence of this body with its checksum.
pub fn checked(body: &str) -> String {
    let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
    format!("!{body}*{sum:02X}")
}

/// Lines of these numbers, one after the other.
pub fn lines(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut lines = Vec::new();
    for n in numbers {
        lines.extend_from_slice(sentence(n).as_bytes());
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

/// Six bits to a character.
struct Bits {
    chars: [u8; 28],
    at: usize,
}

impl Bits {
    fn put(&mut self, value: u32, width: usize) {
        for bit in (0..width).rev() {
            if value >> bit & 1 == 1 {
                self.chars[self.at / 6] |= 32 >> (self.at % 6);
            }
            self.at += 1;
        }
    }
}

#[test]
fn a_numbered_sentence_is_read_as_it_was_meant() {
    let mut scratch = aisd::ais::Scratch::default();
    for n in [0, 1, 4999, 123_456, 215_999_999] {
        let payload = payload(n);
        assert_eq!(number(&payload), n);
        let message = aisd::ais::decode(&payload, 0, &mut scratch).unwrap();
        assert_eq!(message.mmsi(), FIRST_MMSI + n % VESSELS);
        let place = message.position().unwrap().place.unwrap();
        assert_eq!(place.lon - WEST, n.cast_signed());
        let sentence = sentence(n);
        assert_eq!(sentence.split(',').nth(5).unwrap().as_bytes(), payload);
    }
}
