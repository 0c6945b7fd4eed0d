//! Every state that a breaker and those who talk to it can be in, walked through breadth first.
//!
//! Three ask. Each may be let through, hear of success or failure at any later time or never, tell of an attempt that it did
//! not ask for, and leave. Time passes in steps. What is looked at in every state and at every step between two:
//!
//! - at most one is let through at once in a breaker that is not closed, but for one of which nothing is heard for as long as
//!   the breaker stays open;
//! - it opens exactly at the failure that makes too many in a row or too many in the window, counted here a second time;
//! - whoever of the three is still there: if the neighbour answers from now on, it is closed within [`WELL_STEPS_MAX`] steps.

use std::collections::{HashSet, VecDeque};

use super::window::{SLOTS, Slot};
use super::*;

const ASKERS: usize = 3;
/// A step of time, three slots of the window: those of four steps are in it.
const STEP_MS: u64 = 300;
const WINDOW_MS: u64 = 1000;
const WINDOW_STEPS: usize = 4;
/// How many steps it stays open.
const OPEN_STEPS: u8 = 3;
/// Attempts that end in a step, all askers together: more would only be more of the same.
const ENDS_PER_STEP: u32 = 3;
/// As long as it is open, as long again for a probe that was lost, and one more.
const WELL_STEPS_MAX: u8 = 2 * OPEN_STEPS + 1;

/// A breaker and those around it.
#[derive(Clone, Debug)]
struct World {
    breaker: Breaker,
    now: Instant,
    /// Those who were let through while it was not closed, and of whom nothing is heard yet: steps since, up to those after which
    /// another may take the place.
    probes: [Option<u8>; ASKERS],
    /// Attempts and failures of each step of the window while it is closed, the newest first.
    log: [(u32, u32); WINDOW_STEPS],
    in_a_row: u32,
}

/// All of a world that matters for what comes.
type Key = (Face, [Option<u8>; ASKERS], [(u32, u32); WINDOW_STEPS], u32);

/// A breaker's state, with times as distances from now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Face {
    Closed(u32, [Slot; SLOTS], Option<Duration>),
    Open(Duration),
    HalfOpen(u32, Option<(Asker, Duration)>),
}

impl World {
    fn new(limits: BreakerConfig) -> Self {
        let log = [(0, 0); WINDOW_STEPS];
        let (breaker, now) = (Breaker::new(limits), Instant::now());
        Self { breaker, now, probes: [None; ASKERS], log, in_a_row: 0 }
    }

    fn key(&self) -> Key {
        let left = |until: Instant| until.saturating_duration_since(self.now);
        let face = match &self.breaker.phase {
            Phase::Closed { failures, window } => {
                let age = window.newest.map(|newest| self.now - newest);
                // A window that has run out is as good as one that never began.
                let is_over = age.is_none_or(|age| age >= Duration::from_millis(WINDOW_MS));
                let shown = if is_over { (Window::new().slots, None) } else { (window.slots, age) };
                Face::Closed(*failures, shown.0, shown.1)
            }
            Phase::Open { until } => Face::Open(left(*until)),
            Phase::HalfOpen { successes, probe } => {
                Face::HalfOpen(*successes, probe.map(|probe| (probe.by, left(probe.until))))
            }
        };
        (face, self.probes, self.log, self.in_a_row)
    }

    /// Everything that may come next.
    fn next(&self) -> Vec<Self> {
        let mut next = vec![self.step()];
        for who in 0..ASKERS {
            let mut asked = self.clone();
            asked.ask(who);
            let mut left = self.clone();
            left.breaker.leave(asker(who));
            left.probes[who] = None;
            next.extend([asked, left]);
            if self.log[0].0 < ENDS_PER_STEP {
                next.extend([true, false].map(|well| {
                    let mut ended = self.clone();
                    ended.end(who, well);
                    ended
                }));
            }
        }
        next
    }

    fn step(&self) -> Self {
        let mut next = self.clone();
        next.now += Duration::from_millis(STEP_MS);
        for age in next.probes.iter_mut().flatten() {
            *age = (*age + 1).min(OPEN_STEPS);
        }
        if next.breaker.limits.window_ms > 0 {
            next.log.rotate_right(1);
        }
        next.log[0] = (0, 0);
        next
    }

    /// One asks; says whether it is let through.
    fn ask(&mut self, who: usize) -> bool {
        let wait = self.breaker.ask(asker(who), self.now);
        assert!(wait != Some(Duration::ZERO), "{self:?}");
        if wait.is_none() && self.breaker.state() != State::Closed {
            self.probes[who] = None;
            let mut others = self.probes.iter().flatten();
            assert!(others.all(|age| *age >= OPEN_STEPS), "two probes: {self:?}");
            self.probes[who] = Some(0);
        }
        wait.is_none()
    }

    /// One tells how an attempt went, also one that it did not ask for.
    fn end(&mut self, who: usize, well: bool) {
        let before = self.breaker.state();
        self.log[0].0 += 1;
        let opened = if well {
            self.breaker.succeeded(asker(who), self.now);
            false
        } else {
            self.breaker.failed(asker(who), self.now)
        };
        self.probes[who] = None;
        if before == State::Closed {
            self.log[0].1 += u32::from(!well);
            self.in_a_row = if well { 0 } else { self.in_a_row + 1 };
            assert_eq!(opened, !well && self.is_too_much(), "{self:?}");
        }
        if self.breaker.state() != State::Closed || before != State::Closed {
            // Nothing is held against it when it closes; what ended in this step still counts for the bound.
            let ended = self.log[0].0;
            self.in_a_row = 0;
            self.log = [(0, 0); WINDOW_STEPS];
            if self.breaker.state() != State::Closed {
                self.log[0].0 = ended;
            }
        }
    }

    fn is_too_much(&self) -> bool {
        let limits = &self.breaker.limits;
        let attempts: u32 = self.log.iter().map(|step| step.0).sum();
        let failures: u32 = self.log.iter().map(|step| step.1).sum();
        let is_share = limits.window_ms > 0
            && attempts >= limits.window_attempts_min
            && failures * 100 >= attempts * limits.window_failures_percent;
        self.in_a_row >= limits.failures_to_open || is_share
    }

    /// Those who are there ask at every step and hear of success at once; whether it closes in time.
    fn closes(mut self, there: [bool; ASKERS]) -> bool {
        for _ in 0..=WELL_STEPS_MAX {
            for _ in 0..self.breaker.limits.successes_to_close {
                for who in (0..ASKERS).filter(|who| there[*who]) {
                    if self.ask(who) {
                        self.end(who, true);
                    }
                }
            }
            if self.breaker.state() == State::Closed {
                return true;
            }
            self = self.step();
        }
        false
    }
}

fn asker(who: usize) -> Asker {
    u32::try_from(who).unwrap()
}

/// Walks through all that can be reached; how many states that are, and how many of them are not closed.
fn walk(limits: BreakerConfig) -> (usize, usize) {
    let first = World::new(limits);
    let mut known = HashSet::from([first.key()]);
    let mut to_see = VecDeque::from([first]);
    let mut not_closed = 0;
    while let Some(world) = to_see.pop_front() {
        if world.breaker.state() != State::Closed {
            not_closed += 1;
            for there in 1..1_u8 << ASKERS {
                let there = std::array::from_fn(|who| there >> who & 1 == 1);
                assert!(world.clone().closes(there), "stuck with {there:?}: {world:?}");
            }
        }
        for next in world.next() {
            if known.insert(next.key()) {
                to_see.push_back(next);
            }
        }
    }
    (known.len(), not_closed)
}

#[test]
fn from_every_state_it_closes_when_the_neighbour_is_well_and_never_are_there_two_probes() {
    let in_a_row = BreakerConfig {
        failures_to_open: 2,
        open_ms: u64::from(OPEN_STEPS) * STEP_MS,
        successes_to_close: 2,
        ..BreakerConfig::default()
    };
    let share = BreakerConfig {
        window_ms: WINDOW_MS,
        window_attempts_min: 4,
        window_failures_percent: 50,
        failures_to_open: 3,
        ..in_a_row
    };
    for (limits, states_min) in [(in_a_row, 400), (share, 5_000)] {
        let (states, not_closed) = walk(limits);
        println!("{states} states, {not_closed} of them not closed");
        assert!(states > states_min && not_closed > 300, "{states} {not_closed}");
    }
}
