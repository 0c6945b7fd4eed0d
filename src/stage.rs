//! The one shape of a thread, and the one loop that runs it.
//!
//! A thread's work is a [`Stage`]: short turns that never sleep and never wait. Waiting is this module's job: a stage
//! that found nothing to do is parked until one of its queues wakes it or a moment has passed. Tests call `turn` by
//! hand, with no thread at all.

pub mod pin;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_utils::sync::{Parker, Unparker};

use crate::observe::counts::StageCounts;
use pin::Cores;

/// An idle stage looks up at least this often, so that work that depends on time is never later than this.
pub(crate) const IDLE_PARK: Duration = Duration::from_millis(50);
/// A stage that waits for room in a full queue tries again after this.
const STALLED_PARK: Duration = Duration::from_micros(500);

/// What one turn achieved; the runner decides how to wait from this alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// This many things were moved; there may be more.
    Moved(u32),
    /// Nothing to do until somebody wakes the stage, or time passes.
    Idle,
    /// There is work, but no room to put its result, or it is not time yet.
    Stalled,
    /// The input is closed and empty, and everything held has been handed on.
    Finished,
}

/// Why a stage cannot go on; the text is what the operator reads.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

impl Broken {
    /// From what was being done and what went wrong with it.
    pub fn because(doing: impl std::fmt::Display, error: impl std::fmt::Display) -> Self {
        Self(format!("{doing}: {error}"))
    }
}

/// The longest thread name that the kernel keeps.
const THREAD_NAME_BYTES: usize = 15;

/// The name of a thread that is one of several of a kind: at most 15 bytes, and no other's.
#[must_use]
pub fn thread_name(kind: &str, number: usize, name: &str) -> String {
    let mut name = format!("{kind}{number}-{name}");
    while name.len() > THREAD_NAME_BYTES {
        name.pop();
    }
    name
}

/// One thread's work, cut into short turns. A turn is bounded, never sleeps and never waits; a stage whose work is a
/// blocking call gives that call a deadline and says so in its module doc.
pub trait Stage: Send {
    /// Thread name and metric label, at most 15 bytes.
    fn name(&self) -> &str;

    /// On its own thread and core, before the first turn.
    ///
    /// # Errors
    /// When the stage cannot do its work at all; the process then stops.
    fn start(&mut self) -> Result<(), Broken> {
        Ok(())
    }

    /// One bounded piece of work.
    ///
    /// # Errors
    /// When an invariant is broken and the process must stop. Bad data and failing neighbours are not errors here.
    fn turn(&mut self) -> Result<Turn, Broken>;

    /// How long to wait after a turn that found nothing, when nobody wakes the stage.
    fn idle_for(&self) -> Duration {
        IDLE_PARK
    }

    /// Whether whoever takes what it makes cannot keep up, so that a core does more for them than for this stage.
    fn is_behind(&self) -> bool {
        false
    }

    /// After the last turn, finished or broken.
    fn stop(&mut self) {}
}

/// Where a stage waits. One for each stage.
pub struct Spot(Parker);

/// Wakes the stage that waits at a [`Spot`]; cheap to clone, and to call when nobody waits.
#[derive(Clone)]
pub struct Waker(Unparker);

impl Waker {
    /// Ends the wait, or the next one if there is none now.
    pub fn wake(&self) {
        self.0.unpark();
    }
}

/// A place to wait and the means to be woken.
#[must_use]
pub fn parking() -> (Spot, Waker) {
    let parker = Parker::new();
    let unparker = parker.unparker().clone();
    (Spot(parker), Waker(unparker))
}

/// Runs a stage to its end on the calling thread.
///
/// # Errors
/// What broke the stage, in its `start` or one of its turns.
pub fn run(stage: &mut dyn Stage, spot: &Spot, counts: &Arc<StageCounts>) -> Result<(), Broken> {
    let result = stage.start().and_then(|()| turns(stage, spot, counts));
    stage.stop();
    result
}

fn turns(stage: &mut dyn Stage, spot: &Spot, counts: &Arc<StageCounts>) -> Result<(), Broken> {
    let mut cores = Cores::to_share();
    loop {
        let began = Instant::now();
        let turn = stage.turn()?;
        counts.turned(turn, began.elapsed());
        if let Some(cores) = &mut cores {
            cores.keep_to_last(stage.is_behind());
        }
        match turn {
            Turn::Moved(_) => {}
            Turn::Idle => spot.0.park_timeout(stage.idle_for()),
            Turn::Stalled => spot.0.park_timeout(STALLED_PARK),
            Turn::Finished => return Ok(()),
        }
    }
}

impl StageCounts {
    /// Notes one turn.
    fn turned(&self, turn: Turn, took: Duration) {
        match turn {
            // A stage that waits in a blocking call of its own and finds nothing has moved nothing.
            Turn::Moved(0) | Turn::Idle => self.turns_idle.add(1),
            Turn::Moved(_) | Turn::Finished => self.turns_busy.add(1),
            Turn::Stalled => self.turns_stalled.add(1),
        }
        if matches!(turn, Turn::Moved(1..)) {
            self.busy_ns.add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
        let us = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        if us > self.turn_us_max.get() {
            self.turn_us_max.set(us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_names_fit_the_kernel_and_differ() {
        assert_eq!(thread_name("feed", 0, "udp"), "feed0-udp");
        assert_eq!(thread_name("feed", 1, "tcp_client-2"), "feed1-tcp_clien");
        assert_eq!(thread_name("feed", 2, "12345678é"), "feed2-12345678");
    }
}
