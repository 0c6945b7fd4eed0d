//! Reads tag blocks: `\s:station,c:time,g:1-2-1234*hh\`, which stand before the sentence they are about.
//!
//! In:      what is between the backslashes
//! Out:     the time and the group in it; the other fields concern nobody here
//! Drops:   nothing; a block with a wrong checksum is `None`, and is counted by the assembler
//!
//! The format is that of IEC 61162-450; the group field also comes in its older form `1G2:1234`.

use super::sentence::{checksum, hex};
use super::stamp;

/// What a tag block says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagBlock {
    /// Its time (`c:`).
    pub time: TagTime,
    /// The group that its sentence belongs to (`g:`), reduced to a number.
    pub group: Option<u64>,
}

/// The time in a tag block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagTime {
    /// There is none.
    #[default]
    Absent,
    /// Microseconds since 1970.
    At(i64),
    /// There is one that cannot be read.
    Unreadable,
}

/// Whether what is between two backslashes is meant to be a tag block.
#[must_use]
pub fn is_meant(content: &[u8]) -> bool {
    content.contains(&b':')
}

/// Reads a tag block; `None` when its checksum is wrong or missing.
#[must_use]
pub fn read(content: &[u8]) -> Option<TagBlock> {
    let [fields @ .., b'*', high, low] = content else { return None };
    let sealed = hex(*high, *low)?;
    let fields = if sealed == checksum(fields) { fields } else { before_grouping(fields, sealed)? };
    let mut block = TagBlock::default();
    for field in fields.split(|&byte| byte == b',') {
        match field {
            [b'c', b':', time @ ..] => {
                block.time =
                    stamp::epoch(time.trim_ascii()).map_or(TagTime::Unreadable, TagTime::At);
            }
            [b'g', b':', group @ ..] => block.group = group_id(group),
            [b'1'..=b'9', b'G', b'1'..=b'9', b':', id @ ..] => block.group = Some(reduce(id)),
            _ => {}
        }
    }
    Some(block)
}

/// The block without its leading group field, if that is what the checksum was made of.
///
/// The Norwegian coast's feed puts `g:1-2-9999,` in front of finished blocks and leaves their checksum as it was; the id
/// is always the same, so such a group joins nothing.
fn before_grouping(fields: &[u8], sealed: u8) -> Option<&[u8]> {
    let rest = fields.strip_prefix(b"g:")?;
    let (_, rest) = rest.split_at_checked(memchr::memchr(b',', rest)? + 1)?;
    (checksum(rest) == sealed).then_some(rest)
}

/// The id in `number-total-id`.
fn group_id(group: &[u8]) -> Option<u64> {
    let mut parts = group.splitn(3, |&byte| byte == b'-');
    let (number, total) = (parts.next()?, parts.next()?);
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    (digits(number) && digits(total)).then(|| parts.next().map(reduce))?
}

/// An id of any length as a number.
fn reduce(id: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: Option<TagBlock>) {
        assert_eq!(read(content.as_bytes()), expected, "{content}");
    }

    #[test]
    fn time_and_group_are_read_when_the_checksum_is_right() {
        let time = TagTime::At(1_661_782_369_000_000);
        let group = Some(reduce(b"1278"));
        check("g:1-2-1278,s:66,c:1661782369*43", Some(TagBlock { time, group }));
        check("g:2-2-1278*51", Some(TagBlock { time: TagTime::Absent, group }));
        check("g:2-2-1278*52", None);
        check("g:2-2-1278*5", None);
        check("g:2-2-1278", None);
        check("", None);
        let millis = TagTime::At(1_599_239_526_500_000);
        check(
            "c:1599239526500,s:sdr-experiments,T:2020-09-04 18.12.06*5D",
            Some(TagBlock { time: millis, group: None }),
        );
        let old = Some(reduce(b"0125"));
        let time = TagTime::At(1_354_719_387_000_000);
        check("1G2:0125,c:1354719387*0D", Some(TagBlock { time, group: old }));
    }

    #[test]
    fn a_group_put_in_front_of_a_finished_block_joins_nothing() {
        let time = TagTime::At(1_565_218_798_000_000);
        check("g:1-2-9999,c:1565218798*53", Some(TagBlock { time, group: None }));
        check("g:1-2-9999,c:1565218798*54", None);
        check("g:1-2-9999*00", None);
    }

    #[test]
    fn a_time_that_cannot_be_read_is_not_taken_for_none() {
        let content = b"c:yesterday";
        let block = format!("c:yesterday*{:02x}", checksum(content));
        check(&block, Some(TagBlock { time: TagTime::Unreadable, group: None }));
    }
}
