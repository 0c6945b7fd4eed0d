//! A small reader of sentences for tests that need payloads: no clock, no limits. Parts are joined by total, sequence
//! id and channel, in order.

use std::collections::HashMap;

/// A whole message as the decoder takes it.
#[derive(Clone, Debug)]
pub struct Payload {
    pub chars: Vec<u8>,
    pub fill: u8,
    /// The line, from 0, that completed it.
    pub line: usize,
}

/// Every message in these lines; those that begin with `#` are comments.
pub fn payloads(lines: &[String]) -> Vec<Payload> {
    let mut waiting: HashMap<(u8, String, String), (u8, Vec<u8>)> = HashMap::new();
    let mut found = Vec::new();
    for (line, text) in lines.iter().enumerate().filter(|(_, text)| !text.starts_with('#')) {
        for sentence in sentences(text) {
            let Some([total, number, id, channel, chars, fill]) = fields(sentence) else {
                continue;
            };
            let (Ok(total), Ok(number)) = (total.parse::<u8>(), number.parse::<u8>()) else {
                continue;
            };
            let fill = fill.parse().unwrap_or(9);
            if total == 1 {
                found.push(Payload { chars: chars.into(), fill, line });
                continue;
            }
            let key = (total, id.to_owned(), channel.to_owned());
            if number == 1 {
                waiting.insert(key, (1, chars.into()));
                continue;
            }
            let Some((last, mut joined)) = waiting.remove(&key) else { continue };
            if last + 1 != number {
                continue;
            }
            joined.extend_from_slice(chars.as_bytes());
            if number == total {
                found.push(Payload { chars: joined, fill, line });
            } else {
                waiting.insert(key, (number, joined));
            }
        }
    }
    found
}

/// The sentences of a line, from their `!` or `$` to the end of the checksum, if it is right.
fn sentences(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices(['!', '$']).filter_map(|(at, _)| {
        let rest = &line[at..];
        let star = rest.find('*')?;
        let sent = u8::from_str_radix(rest.get(star + 1..star + 3)?, 16).ok()?;
        let sum = rest[1..star].bytes().fold(0, |sum, byte| sum ^ byte);
        (sum == sent).then(|| &rest[1..star])
    })
}

/// The fields of a VDM or VDO sentence.
fn fields(sentence: &str) -> Option<[&str; 6]> {
    let mut fields = sentence.split(',');
    let tag = fields.next()?;
    if !tag.ends_with("VDM") && !tag.ends_with("VDO") {
        return None;
    }
    let found = std::array::from_fn(|_| fields.next().unwrap_or(""));
    Some(found)
}
