//! What a run sends, and when: the fleet or the file, and the schedule.

use crate::arguments::rate::Rate;
use crate::arguments::{Arguments, RATE_MAX, WINDOW_S};
use crate::civil::now_us;
use crate::fleet::{self, Fleet};
use crate::recording::Recording;
use crate::schedule::Schedule;
use crate::stream::{Makes, Order, whole};
use crate::target::Target;
use crate::traffic::{Style, Traffic};
use std::sync::Arc;

/// Memory for what is made ahead of the sender.
const AHEAD_BYTES: usize = 512 * 1024 * 1024;
/// The same when the generator itself is measured.
const AHEAD_BYTES_NULL: usize = 4 * 1024 * 1024;
/// The virtual rate of a fleet whose real one is not known before.
const RATE_VIRTUAL: f64 = 500_000.0;
/// Messages made in a second, at least, for guessing when a run will start.
const MADE_PER_S: u64 = 1_000_000;

/// Who sends, and when.
pub struct Plan {
    who: Who,
    /// When messages are due; `None` when each is due at once.
    pub schedule: Option<Arc<Schedule>>,
    /// Distinct messages at most.
    pub count: u64,
}

enum Who {
    Fleet(Box<Fleet>),
    File(Recording),
}

impl Plan {
    /// As the arguments ask.
    ///
    /// # Errors
    /// When the file cannot be read, or does not say when its lines were heard.
    pub fn new(arguments: &Arguments) -> Result<Self, String> {
        let who = match &arguments.file {
            None => {
                let turn = fleet::turn(now_us());
                let Arguments { profile, vessels, seed, .. } = *arguments;
                Who::Fleet(Box::new(Fleet::of(profile, vessels, seed, turn)))
            }
            Some(file) => {
                let read = Recording::read(file);
                Who::File(read.map_err(|error| format!("{}: {error}", file.display()))?)
            }
        };
        let schedule = match (&who, &arguments.rate) {
            (Who::File(recording), Rate::Recorded) => {
                let schedule = recording.schedule(arguments.speed);
                Some(schedule.ok_or("no line of the file says when it was heard: use --rate")?)
            }
            (Who::Fleet(fleet), rate) => {
                let natural = fleet.class_a.rate() / arguments.profile.class_a_share();
                rate.schedule(arguments.duration(), natural)
            }
            (_, rate) => rate.schedule(arguments.duration(), 1.0),
        };
        let total = schedule.as_ref().map_or(u64::MAX, Schedule::total);
        let held = match &who {
            Who::Fleet(_) => u64::MAX,
            Who::File(recording) => recording.len() as u64,
        };
        let count = total.min(held).min(arguments.count.unwrap_or(u64::MAX));
        Ok(Self { who, schedule: schedule.map(Arc::new), count })
    }

    /// Who makes the stream, and what it is to be.
    pub fn order(self, arguments: &Arguments, target: &Target) -> (Makes, Order) {
        let null = *target == Target::Null;
        let ahead = if null { 0 } else { self.count.min(10 * MADE_PER_S) };
        let scheduled = self.schedule.is_some();
        let virtually = || Arc::new(Schedule::even(RATE_VIRTUAL));
        let schedule = self.schedule.unwrap_or_else(virtually);
        let makes = match self.who {
            Who::Fleet(fleet) => {
                let traffic = Traffic::new(*fleet, style(arguments, target));
                Makes::Fleet(Box::new(traffic))
            }
            Who::File(recording) => {
                let expect = recording.decide(&schedule);
                Makes::File(recording, expect)
            }
        };
        let order = Order {
            count: self.count,
            schedule,
            scheduled,
            repeats: arguments.repeats,
            receivers: arguments.receivers,
            start_us: now_us() + ahead * 1_000_000 / MADE_PER_S,
            seed: arguments.seed,
            ahead_bytes: if null { AHEAD_BYTES_NULL } else { AHEAD_BYTES },
        };
        (makes, order)
    }
}

fn style(arguments: &Arguments, target: &Target) -> Style {
    Style {
        profile: arguments.profile,
        seed: arguments.seed,
        window: whole(arguments.rate.peak().unwrap_or(RATE_MAX) * WINDOW_S),
        tag_time: arguments.tag_time,
        dirt: arguments.dirt,
        json: target.is_json(),
    }
}
