//! Opening a journal at the start: what is there, what is none of ours, and where replay begins.
//!
//! Whatever is found, the daemon starts: a file that is no segment goes to `quarantine/`, one that was begun and never written to is
//! removed, a torn tail is cut, and a damaged record is skipped when it is read.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::directory::{Directory, journal_dir, quarantine_dir};
use super::read_back::ReadBack;
use super::segment::{Listing, Segment, list, numbers_end};
use super::{Place, Shared, first_of};
use crate::disk::{self, File, Mode};
use crate::observe::counts::Counts;
use crate::record::{self, Mark};

/// Opens the journal of a directory: lists its segments, cuts the last one behind its last record, and begins numbering in a
/// generation that no segment has used.
///
/// # Errors
/// When the directory cannot be read.
pub fn open(directory: &mut Directory, counts: &Counts) -> io::Result<Arc<Shared>> {
    let dir = journal_dir(directory.root());
    let Listing { segments, foreign } = list(&dir, directory.instance().as_bytes())?;
    for (path, why) in foreign {
        if is_blank(&path)? {
            // A kill between making a segment and writing its header leaves this: nothing was ever in it.
            disk::remove(&path)?;
            tracing::info!(path = %path.display(), "removed a segment that was begun and never written to");
        } else {
            quarantine(&path, directory.root(), &why, counts)?;
        }
    }
    // The file that holds the generation may have been lost: numbers in the journal are not used again either.
    let newest = segments.last().map_or(0, |last| last.header.first_seq >> super::COUNTER_BITS);
    if directory.generation() <= newest {
        directory.generation_after(newest)?;
    }
    let last = segments.last().cloned();
    let start = Place { segment: last.as_ref().map_or(0, |last| last.index), offset: 0 };
    let next_seq = first_of(directory.generation());
    let shared = Arc::new(Shared::new(dir, segments, start, next_seq));
    if let Some(last) = last {
        let end = end_of(&shared, &last)?;
        let file = File::open(&last.path, Mode::Write)?;
        // It counts once it is on the disk: see `append`.
        if let Err(error) = file.set_length(u64::from(end.offset)) {
            tracing::warn!(path = %last.path.display(), %error, "cannot cut the torn tail of a segment");
        }
        shared.set_head(end, next_seq);
    }
    Ok(shared)
}

/// Whether a file holds nothing but zeros, or nothing at all.
fn is_blank(path: &Path) -> io::Result<bool> {
    let file = File::open(path, Mode::Read)?;
    let mut piece = vec![0; 64 * 1024];
    let mut at = 0;
    loop {
        match file.read_at(&mut piece, at)? {
            0 => return Ok(true),
            count if piece[..count].iter().any(|byte| *byte != 0) => return Ok(false),
            count => at += count as u64,
        }
    }
}

fn quarantine(path: &Path, root: &Path, why: &str, counts: &Counts) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default();
    let mut target = quarantine_dir(root).join(name);
    let mut n = 1;
    while disk::exists(&target) {
        target = quarantine_dir(root).join(format!("{}.{n}", name.to_string_lossy()));
        n += 1;
    }
    disk::rename(path, &target)?;
    counts.journal.quarantined.add(1);
    tracing::error!(path = %path.display(), why, "moved a file that is no journal segment to quarantine");
    Ok(())
}

/// Where the last intact record of a segment ends.
fn end_of(shared: &Arc<Shared>, segment: &Segment) -> io::Result<Place> {
    let mut end = segment.begin();
    ReadBack::new(Arc::clone(shared)).read_all(end, segment.end(), |stretch, _| {
        if stretch.bytes > 0 {
            end = stretch.end;
        }
        Ok(true)
    })?;
    Ok(end)
}

/// Where a replay begins that is to decide everything from `next_seq` on: one dedup window of `window_us` before all of it,
/// by received time. Records there are looked at for what they say of the window, and make no rows.
///
/// # Errors
/// When a segment cannot be read.
pub fn replay_from(shared: &Arc<Shared>, next_seq: u64, window_us: i64) -> io::Result<Place> {
    let segments = shared.segments.read().clone();
    let Some(first) = segments.first() else { return Ok(shared.head()) };
    let last = segments.len() - 1;
    let holds = (0..last).find(|&at| numbers_end(&segments, at, u64::MAX) > next_seq);
    let holds = holds.unwrap_or(last);
    // The oldest received time from the offset on, since a batch may have waited for room; or that of the last record.
    let (mut last_us, mut oldest_us) = (segments[holds].header.created_us, i64::MAX);
    walk(shared, segments[holds].begin(), |_, record| {
        last_us = record::received_us(record);
        if record::seq(record) >= next_seq {
            oldest_us = oldest_us.min(last_us);
        }
        true
    })?;
    let offset_us = oldest_us.min(last_us);
    let from_us = offset_us.saturating_sub(window_us);
    let begin = segments[..=holds].iter().rev().find(|segment| segment.header.created_us < from_us);
    let mut start = begin.unwrap_or(first).begin();
    walk(shared, start, |behind, record| {
        let earlier = record::received_us(record) < from_us && record::seq(record) < next_seq;
        if earlier {
            start = behind;
        }
        earlier
    })?;
    Ok(start)
}

/// The last mark of each reading of a file from a place on. Who goes on behind a mark counts on what is before it, and an earlier run
/// may have died before its last sync: segments with marks are on disk when this returns.
///
/// # Errors
/// When a segment cannot be read or synced.
pub fn marks(shared: &Arc<Shared>, from: Place) -> io::Result<Vec<Mark>> {
    let (mut marks, mut holding) = (Vec::new(), BTreeSet::new());
    walk(shared, from, |behind, record| {
        if let Some(mark) = record::mark(record) {
            mark.note_in(&mut marks);
            holding.insert(behind.segment);
        }
        true
    })?;
    let segments = shared.segments.read().clone();
    for segment in segments.iter().filter(|segment| holding.contains(&segment.index)) {
        disk::File::open(&segment.path, Mode::Read)?.sync()?;
    }
    Ok(marks)
}

fn after(place: Place, record: &[u8]) -> Place {
    let length = u32::try_from(record::aligned(record.len())).unwrap_or(0);
    Place { offset: place.offset + length, ..place }
}

/// Calls `wants_more` with where to read on behind each record, and its bytes, until it says no or there are no more.
fn walk(
    shared: &Arc<Shared>,
    from: Place,
    mut wants_more: impl FnMut(Place, &[u8]) -> bool,
) -> io::Result<()> {
    ReadBack::new(Arc::clone(shared)).read_all(from, shared.head(), |stretch, bytes| {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut behind = Place { offset: stretch.end.offset.saturating_sub(length), ..stretch.end };
        for record in record::Walk::new(bytes) {
            behind = if stretch.is_again { stretch.end } else { after(behind, record) };
            if !wants_more(behind, record) {
                return Ok(false);
            }
        }
        Ok(true)
    })
}
