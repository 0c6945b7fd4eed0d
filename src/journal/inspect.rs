//! Looking at a journal without owning it: `journal verify` and `journal dump`, also beside a running daemon.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directory::{journal_dir, quarantine_dir, read_instance};
use super::feeds::FeedNames;
use super::read_back::ReadBack;
use super::segment::{Listing, Segment, list};
use super::{COUNTER_BITS, Place, Shared};
use crate::ais::json::Object;
use crate::disk;
use crate::record::{self, Record};

/// A journal opened for looking.
pub struct Inspection {
    shared: Arc<Shared>,
    feeds: FeedNames,
    quarantine: PathBuf,
    /// Files that call themselves segments and are none, with the reason.
    pub foreign: Vec<(PathBuf, String)>,
}

/// What was found in the whole journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Intact records.
    pub records: u64,
    /// Damaged places.
    pub damaged: u64,
    /// Files that are no segments.
    pub foreign: u64,
}

impl Inspection {
    /// Lists the segments of a data directory.
    ///
    /// # Errors
    /// When there is no journal, or it cannot be read.
    pub fn open(root: &Path) -> Result<Self, String> {
        let instance = read_instance(root).map_err(|error| error.to_string())?;
        let dir = journal_dir(root);
        let failed = |error: io::Error| format!("read {}: {error}", dir.display());
        let Listing { segments, foreign } = list(&dir, instance.as_bytes()).map_err(failed)?;
        let head = segments.last().map_or(Place::default(), |last| last.end());
        Ok(Self {
            shared: Arc::new(Shared::new(dir.clone(), segments, head, 0)),
            feeds: FeedNames::read(root).map_err(failed)?,
            quarantine: quarantine_dir(root),
            foreign,
        })
    }

    /// Reads every record and writes what was found, a line for each segment.
    ///
    /// # Errors
    /// When a segment cannot be read, or the report not be written.
    pub fn verify(&self, out: &mut dyn Write) -> io::Result<Found> {
        let mut found = Found { foreign: self.foreign.len() as u64, ..Found::default() };
        for segment in self.shared.segments.read().iter() {
            let (mut records, mut first, mut last) = (0_u64, None, 0);
            let damaged = self.each(segment, |bytes| {
                records += 1;
                last = record::seq(bytes);
                first.get_or_insert(last);
                Ok(true)
            })?;
            let name = segment.path.file_name().unwrap_or_default().to_string_lossy();
            let numbers = first.map_or("empty".to_owned(), |first| {
                format!("{} to {}", number(first), number(last))
            });
            writeln!(out, "{name}: {records} records, {numbers}, {damaged} damaged places")?;
            found.records += records;
            found.damaged += damaged;
        }
        for (path, why) in &self.foreign {
            writeln!(out, "{}: no segment: {why}", path.display())?;
        }
        let quarantined = disk::list(&self.quarantine).map_or(0, |files| files.len());
        let Found { records, damaged, foreign } = found;
        writeln!(
            out,
            "{records} records, {damaged} damaged places, {foreign} foreign files, {quarantined} in quarantine"
        )?;
        Ok(found)
    }

    /// Writes records as one JSON object a line, from a number on, at most so many.
    ///
    /// # Errors
    /// When a segment cannot be read, or a line not be written.
    pub fn dump(&self, from: u64, limit: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
        let mut left = limit.unwrap_or(u64::MAX);
        let mut line = Vec::new();
        for segment in self.shared.segments.read().iter() {
            self.each(segment, |bytes| {
                if record::seq(bytes) < from || left == 0 {
                    return Ok(left > 0);
                }
                left -= 1;
                line.clear();
                self.write_json(&Record::view(bytes), &mut line);
                out.write_all(&line)?;
                Ok(true)
            })?;
        }
        Ok(())
    }

    /// Calls `look` with each intact record of a segment until it says no; the number of damaged places.
    fn each(
        &self,
        segment: &Segment,
        mut look: impl FnMut(&[u8]) -> io::Result<bool>,
    ) -> io::Result<u64> {
        let mut damaged = 0;
        ReadBack::of_each(Arc::clone(&self.shared)).read_all(
            segment.begin(),
            segment.end(),
            |stretch, bytes| {
                damaged += u64::from(stretch.skipped);
                for record in record::Walk::new(bytes) {
                    if !look(record)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            },
        )?;
        Ok(damaged)
    }

    fn write_json(&self, record: &Record<'_>, line: &mut Vec<u8>) {
        let mut object = Object::open(line);
        object.int("seq", record.seq.cast_signed());
        object.int("received_us", record.received_us);
        if let Some(sent_us) = record.sent_us {
            object.int("sent_us", sent_us);
        }
        let feed = self.feeds.all().get(usize::from(record.feed)).map_or("?", String::as_str);
        object.text("feed", feed.as_bytes());
        object.int("partition", record.partition);
        object.text(
            "channel",
            if record.channel == 0 { b"" } else { std::slice::from_ref(&record.channel) },
        );
        object.int("fill", record.fill);
        object.bool("own_ship", record.own_ship);
        object.bool("recorded", record.recorded);
        if record.report {
            // The packed form says nothing that the text before it does not.
            let text = record.raw.len().saturating_sub(record.payload.len() + 1);
            object.text("raw", &record.raw[..text]);
        } else {
            object.text("payload", record.payload);
            object.text("raw", record.raw);
        }
        object.close();
        line.push(b'\n');
    }
}

/// A sequence number as a person reads it: generation and count.
fn number(seq: u64) -> String {
    format!("{}/{}", seq >> COUNTER_BITS, seq & ((1 << COUNTER_BITS) - 1))
}
