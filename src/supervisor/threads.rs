//! The threads of the engine: started with a name, and heard of when they end.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::observe::counts::StageCounts;
use crate::stage::{Broken, Spot, Stage, pin, run};

/// What a thread is for, and so what its end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It brings bytes in.
    Feed,
    /// It moves messages: the journal, a shard, the store.
    Flow,
    /// It answers questions.
    Face,
    /// It shows the picture, until nothing changes any more.
    Live,
}

/// A thread that ended.
pub struct Ended {
    /// Its name.
    pub name: String,
    /// What it was for.
    pub role: Role,
    /// Whether it ends by itself when its work is done.
    pub may_finish: bool,
    /// How it ended.
    pub result: Result<(), Broken>,
    number: usize,
}

/// What is to be known of a thread before it starts.
pub struct Plan {
    /// Its work.
    pub stage: Box<dyn Stage>,
    /// Where it waits.
    pub spot: Spot,
    /// What it is for.
    pub role: Role,
    /// Whether it ends by itself when its work is done.
    pub may_finish: bool,
    /// The core to pin it to.
    pub core: Option<usize>,
    /// How long a turn may take because of a call to a neighbour, by the deadlines that are configured.
    pub call_max: Duration,
}

/// What is seen of a thread from outside.
struct Watched {
    number: usize,
    counts: Arc<StageCounts>,
    call_max: Duration,
    turns: u64,
    /// When its turns were last more than before.
    since: Instant,
}

/// All threads that were started.
pub struct Threads {
    ends: (Sender<Ended>, Receiver<Ended>),
    running: HashMap<Role, usize>,
    watched: Vec<Watched>,
    started: usize,
}

impl Threads {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        // One message for each thread at most, so nothing here grows.
        Self { ends: unbounded(), running: HashMap::new(), watched: Vec::new(), started: 0 }
    }

    /// Starts a thread.
    ///
    /// # Errors
    /// When the system has no room for another.
    pub fn start(&mut self, plan: Plan, counts: Arc<StageCounts>) -> std::io::Result<()> {
        let Plan { mut stage, spot, role, may_finish, core, call_max } = plan;
        let name = stage.name().to_owned();
        let (ends, number) = (self.ends.0.clone(), self.started);
        let watched = Arc::clone(&counts);
        std::thread::Builder::new().name(name.clone()).spawn(move || {
            if let Some(core) = core
                && !pin::pin_current_thread(core)
            {
                tracing::warn!("cannot pin {name} to a core; it runs wherever there is room");
            }
            let result = catch_unwind(AssertUnwindSafe(|| {
                let result = run(stage.as_mut(), &spot, &counts);
                // Its queues close here, before anybody hears of its end.
                drop(stage);
                result
            }));
            let result = result.unwrap_or_else(|panic| Err(Broken(text_of(&*panic))));
            let _ = ends.send(Ended { name, role, may_finish, result, number });
        })?;
        self.started += 1;
        let since = Instant::now();
        self.watched.push(Watched { number, counts: watched, call_max, turns: 0, since });
        *self.running.entry(role).or_default() += 1;
        Ok(())
    }

    /// The next thread that ended, waiting at most this long for one.
    pub fn next_ended(&mut self, wait: Duration) -> Option<Ended> {
        let ended = self.ends.1.recv_timeout(wait).ok()?;
        if let Some(running) = self.running.get_mut(&ended.role) {
            *running -= 1;
        }
        self.watched.retain(|watched| watched.number != ended.number);
        Some(ended)
    }

    /// The thread that has stood still for longest, and for how long, if for longer than this and its calls may take.
    pub fn standing_still(&mut self, patience: Duration, now: Instant) -> Option<(&str, Duration)> {
        let mut worst = None;
        for watched in &mut self.watched {
            let turns = watched.counts.turns();
            if turns != watched.turns {
                (watched.turns, watched.since) = (turns, now);
            }
            let still = now.saturating_duration_since(watched.since);
            if still > patience + watched.call_max
                && worst.is_none_or(|(_, longest)| still > longest)
            {
                worst = Some((watched.counts.name.as_str(), still));
            }
        }
        worst
    }

    /// The thread that broke, if one does within this time, else this one: a thread's queues close before its end is heard of, so
    /// those behind it may end first.
    pub fn culprit(&mut self, ended: Ended, within: Duration) -> Ended {
        let deadline = Instant::now() + within;
        while let Some(other) = self.next_ended(deadline.saturating_duration_since(Instant::now()))
        {
            if other.result.is_err() {
                return other;
            }
        }
        ended
    }

    /// How many threads of this role run.
    #[must_use]
    pub fn running(&self, role: Role) -> usize {
        self.running.get(&role).copied().unwrap_or(0)
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_else(|| "without a text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Turn, parking};

    struct Once(Result<Turn, &'static str>);

    impl Stage for Once {
        fn name(&self) -> &'static str {
            "once"
        }

        fn turn(&mut self) -> Result<Turn, Broken> {
            assert!(self.0 != Err("panic"), "on purpose");
            self.0.map_err(|text| Broken(text.to_owned()))
        }
    }

    #[test]
    fn a_thread_stands_still_when_its_turns_do_for_longer_than_its_calls_may_take() {
        let (mut threads, start) = (Threads::new(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let watch = |number: usize, name, call_max| Watched {
            number,
            counts: Arc::new(StageCounts::new(name)),
            call_max: Duration::from_secs(call_max),
            turns: 0,
            since: start,
        };
        threads.watched = vec![watch(0, "journal", 0), watch(1, "store", 10)];
        let patience = Duration::from_secs(5);
        assert_eq!(threads.standing_still(patience, at(5)), None);
        let still = Some(("journal", Duration::from_secs(6)));
        assert_eq!(threads.standing_still(patience, at(6)), still);
        threads.watched[0].counts.turns_idle.add(1);
        assert_eq!(threads.standing_still(patience, at(11)), None);
        threads.watched[0].counts.turns_busy.add(1);
        let still = Some(("store", Duration::from_secs(16)));
        assert_eq!(threads.standing_still(patience, at(16)), still);
        threads.watched[1].counts.turns_stalled.add(1);
        assert_eq!(threads.standing_still(patience, at(17)), None);
    }

    fn end_of(turn: Result<Turn, &'static str>) -> Result<(), String> {
        let mut threads = Threads::new();
        let (spot, _waker) = parking();
        let stage = Box::new(Once(turn));
        let plan = Plan {
            stage,
            spot,
            role: Role::Flow,
            may_finish: false,
            core: None,
            call_max: Duration::ZERO,
        };
        threads.start(plan, Arc::new(StageCounts::new("once"))).unwrap();
        let ended = threads.next_ended(Duration::from_secs(5)).unwrap();
        assert_eq!((threads.running(Role::Flow), threads.watched.len()), (0, 0));
        ended.result.map_err(|broken| broken.to_string())
    }

    #[test]
    fn however_a_thread_ends_its_end_is_heard_of() {
        assert_eq!(end_of(Ok(Turn::Finished)), Ok(()));
        assert_eq!(end_of(Err("no disk")), Err("no disk".to_owned()));
        assert!(end_of(Err("panic")).is_err_and(|text| text.contains("on purpose")));
    }
}
