//! How far files were read, into the table and out of it.

use super::array;
use super::wire::{Answer, Wire, WireError};
use crate::record::{Mark, Place};
use crate::rows::FileMark;
use crate::taken::READINGS_MAX;

const NOTE_FILES: &str = "INSERT INTO aisd_files AS f (instance, writer, reading, source, taken, nth, digest) \
    SELECT $1::int2, $2::int2, v.* FROM unnest($3::int8[], $4::int2[], $5::int8[], $6::int2[], $7::int8[]) AS v \
    ON CONFLICT (instance, writer, reading) DO UPDATE SET source = excluded.source, taken = excluded.taken, \
    nth = excluded.nth, digest = excluded.digest, noted_at = now() \
    WHERE (excluded.taken, excluded.nth) > (f.taken, f.nth)";
const FILES: &str = "SELECT reading, taken, nth, digest FROM aisd_files WHERE instance = $1::int2 \
    ORDER BY taken DESC LIMIT $2::int8";

/// Adds the statement that notes how far files were read, if any was. Each writer has rows of its own, so they do not wait for each other.
pub fn add(
    wire: &mut Wire,
    instance: &str,
    writer: &str,
    files: &[FileMark],
) -> Result<(), WireError> {
    if files.is_empty() {
        return Ok(());
    }
    let marks = || files.iter().map(|it| it.mark);
    wire.add(
        NOTE_FILES,
        &[
            instance,
            writer,
            &array(marks().map(|mark| mark.reading.cast_signed())),
            &array(files.iter().map(|it| it.feed)),
            &array(marks().map(|mark| mark.place.bytes)),
            &array(marks().map(|mark| mark.place.nth)),
            &array(marks().map(|mark| mark.digest.cast_signed())),
        ],
    )
}

/// Asks for the last mark of each reading, by any writer.
pub fn read(wire: &mut Wire, instance: &str) -> Result<Vec<Mark>, WireError> {
    wire.add(FILES, &[instance, &READINGS_MAX.to_string()])?;
    let answers = wire.exchange()?;
    Ok(answers.last().map_or_else(Vec::new, |answer: &Answer| {
        answer.rows.iter().filter_map(|row| mark(row)).collect()
    }))
}

fn mark(row: &[Option<String>]) -> Option<Mark> {
    let word = |at: usize| row.get(at)?.as_ref()?.parse::<i64>().ok();
    let place = Place { bytes: word(1)?.cast_unsigned(), nth: word(2)?.try_into().ok()? };
    Some(Mark { reading: word(0)?.cast_unsigned(), place, digest: word(3)?.cast_unsigned() })
}
