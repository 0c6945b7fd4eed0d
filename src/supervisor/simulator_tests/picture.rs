//! A live picture in memory, with the guard of the real one, on a server that fails and is emptied.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::random::Random;
use crate::live::link::Trouble;
use crate::live::sink::Sink;
use crate::live::writer::Outcome;
use crate::picture::Change;

/// What is shown, and how the server is.
#[derive(Debug)]
pub struct Picture {
    random: Random,
    /// The newest position of each vessel: its time and number.
    pub shown: BTreeMap<u32, (i64, u64)>,
    /// Whether older positions are refused.
    pub is_guarded: bool,
    /// Of a hundred calls, so many fail.
    pub fails: u64,
    is_marked: bool,
    pub wrong: Vec<String>,
    pub failed: u64,
    pub refused: u64,
    pub emptied: u64,
}

impl Picture {
    pub const fn new(random: Random, is_guarded: bool) -> Self {
        Self {
            random,
            shown: BTreeMap::new(),
            is_guarded,
            fails: 0,
            is_marked: false,
            wrong: Vec::new(),
            failed: 0,
            refused: 0,
            emptied: 0,
        }
    }

    /// The server forgets everything.
    pub fn empty(&mut self) {
        self.emptied += 1;
        self.is_marked = false;
        self.shown.clear();
    }

    fn call(&mut self) -> Result<(), Trouble> {
        if self.random.chance(self.fails) {
            self.failed += 1;
            let is_lost = self.random.chance(50);
            return Err(Trouble { is_lost, ..Trouble::answer("the connection was closed") });
        }
        Ok(())
    }

    /// Whether it was written.
    fn show(&mut self, change: &Change) -> bool {
        let Some(last) = change.view.last.filter(|_| change.what.position) else { return true };
        let (mmsi, new) = (change.view.mmsi, (last.time_us, last.seq));
        let is_older = self.shown.get(&mmsi).is_some_and(|old| *old > new);
        if is_older && self.is_guarded {
            self.refused += 1;
            return false;
        }
        if is_older {
            self.wrong.push(format!("the picture of vessel {mmsi} went back"));
        }
        self.shown.insert(mmsi, new);
        true
    }
}

/// A connection to it.
pub struct Link(pub Arc<Mutex<Picture>>, pub bool);

impl Link {
    fn call(&mut self) -> Result<(), Trouble> {
        let called = self.0.lock().call();
        self.1 &= called.is_ok();
        called
    }
}

impl Sink for Link {
    fn shown(&self) -> String {
        "redis".to_owned()
    }

    fn connect(&mut self) -> Result<bool, Trouble> {
        if self.1 {
            return Ok(false);
        }
        self.call()?;
        self.1 = true;
        Ok(true)
    }

    fn is_whole(&mut self) -> Result<bool, Trouble> {
        self.call()?;
        Ok(std::mem::replace(&mut self.0.lock().is_marked, true))
    }

    fn write(&mut self, changes: &[Change], _now_us: i64) -> Result<Outcome, Trouble> {
        self.call()?;
        let mut picture = self.0.lock();
        // A failure may come when some of them are written.
        let fails = picture.fails;
        let fails = picture.random.chance(fails);
        let some = if fails { picture.random.index(changes.len() + 1) } else { changes.len() };
        let written = changes[..some].iter().filter(|change| picture.show(change)).count() as u64;
        drop(picture);
        if fails {
            self.1 = false;
            self.0.lock().failed += 1;
            return Err(Trouble { is_lost: true, ..Trouble::answer("no answer in time") });
        }
        Ok(Outcome { written, refused: some as u64 - written, lacking: Vec::new() })
    }

    fn trim(&mut self, _now_us: i64) -> Result<bool, Trouble> {
        self.call()?;
        Ok(false)
    }
}
