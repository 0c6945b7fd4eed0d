//! What does it cost to combine all bytes of a sentence by exclusive or, and to compare that with its two digits?
//!
//! Eight bytes at once; an element is a sentence of 40 to 80 bytes.

use std::hint::black_box;

use aisd::nmea::sentence::{checksum, hex};

use crate::case::{Case, Prepared};
use crate::traffic;

pub fn cases() -> Vec<Case> {
    vec![Case::new("checksum/sentence", || {
        let plain = traffic::plain();
        let lines: Vec<Vec<u8>> =
            plain.split(|byte| *byte == b'\n').map(|line| line.trim_ascii().to_vec()).collect();
        let lines: Vec<_> = lines.into_iter().filter(|line| line.len() > 5).collect();
        Prepared::new(lines.len(), move || {
            let right = lines.iter().filter(|line| {
                let (body, digits) = line[1..].split_at(line.len() - 4);
                hex(digits[1], digits[2]) == Some(checksum(black_box(body)))
            });
            assert!(right.count() + 10 > lines.len(), "the recording has three bad ones");
        })
    })]
}
