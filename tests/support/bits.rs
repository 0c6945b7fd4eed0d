//! Sentences of messages that carry names and data, made bit by bit; and of any sentence, when its sender says it was.

use super::numbered::checked;

/// A six-bit payload in the making.
#[derive(Default)]
struct Payload(Vec<bool>);

impl Payload {
    fn put(mut self, value: u32, width: usize) -> Self {
        self.0.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    /// Six-bit text, filled up with `@`.
    fn text(self, text: &str, chars: usize) -> Self {
        let mut bytes = text.bytes();
        (0..chars).fold(self, |payload, _| {
            let byte = bytes.next().unwrap_or(b'@');
            payload.put(u32::from(if byte >= 64 { byte - 64 } else { byte }), 6)
        })
    }

    fn sentence(self) -> String {
        let fill = (6 - self.0.len() % 6) % 6;
        let bits = self.put(0, fill).0;
        let chars = bits.chunks(6).map(|six| {
            let value = six.iter().fold(0_u8, |value, bit| value * 2 + u8::from(*bit));
            char::from(if value < 40 { value + 48 } else { value + 56 })
        });
        checked(&format!("AIVDM,1,1,,A,{},{fill}", chars.collect::<String>()))
    }
}

fn part_of_24(mmsi: u32, part: u32) -> Payload {
    Payload::default().put(24, 6).put(0, 2).put(mmsi, 30).put(part, 2)
}

/// Type 24 part A: a ship's name.
pub fn name_of(mmsi: u32, name: &str) -> String {
    part_of_24(mmsi, 0).text(name, 20).sentence()
}

/// Type 24 part B: a ship's type and call sign; no dimensions.
pub fn call_sign_of(mmsi: u32, ship_type: u32, call_sign: &str) -> String {
    let payload = part_of_24(mmsi, 1).put(ship_type, 8).text("", 7).text(call_sign, 7);
    payload.put(0, 30).put(0, 6).sentence()
}

/// Type 8: data for an application.
pub fn broadcast_of(mmsi: u32, data: u32) -> String {
    let payload = Payload::default().put(8, 6).put(0, 2).put(mmsi, 30).put(0, 2);
    payload.put(999, 10).put(1, 6).put(data, 32).sentence()
}

/// Type 19: position, speed and name at once; the number is a longitude as in `numbered`.
pub fn extended_of(mmsi: u32, n: u32, name: &str) -> String {
    let lon = n.cast_signed() - 108_000_000;
    let payload = Payload::default().put(19, 6).put(0, 2).put(mmsi, 30).put(0, 8);
    let payload = payload.put(123, 10).put(1, 1).put(lon.cast_unsigned(), 28).put(600_000, 27);
    let payload = payload.put(900, 12).put(511, 9).put(60, 6).put(0, 4).text(name, 20);
    // Ship type, dimensions, no device, RAIM, and so on.
    payload.put(36, 8).put(0, 30).put(1, 4).put(1, 1).put(0, 6).sentence()
}

/// The sentence with a tag block that says when it was.
pub fn tagged(time_s: u64, sentence: &str) -> String {
    let tag = checked(&format!("c:{time_s}"));
    format!("\\{}\\{sentence}", &tag[1..])
}
