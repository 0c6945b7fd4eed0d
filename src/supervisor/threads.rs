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
}

/// All threads that were started.
pub struct Threads {
    ends: (Sender<Ended>, Receiver<Ended>),
    running: HashMap<Role, usize>,
}

impl Threads {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        // One message for each thread at most, so nothing here grows.
        Self { ends: unbounded(), running: HashMap::new() }
    }

    /// Starts a thread.
    ///
    /// # Errors
    /// When the system has no room for another.
    pub fn start(&mut self, plan: Plan, counts: Arc<StageCounts>) -> std::io::Result<()> {
        let Plan { mut stage, spot, role, may_finish, core } = plan;
        let name = stage.name().to_owned();
        let ends = self.ends.0.clone();
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
            let _ = ends.send(Ended { name, role, may_finish, result });
        })?;
        *self.running.entry(role).or_default() += 1;
        Ok(())
    }

    /// The next thread that ended, waiting at most this long for one.
    pub fn next_ended(&mut self, wait: Duration) -> Option<Ended> {
        let ended = self.ends.1.recv_timeout(wait).ok()?;
        if let Some(running) = self.running.get_mut(&ended.role) {
            *running -= 1;
        }
        Some(ended)
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

    fn end_of(turn: Result<Turn, &'static str>) -> Result<(), String> {
        let mut threads = Threads::new();
        let (spot, _waker) = parking();
        let stage = Box::new(Once(turn));
        let plan = Plan { stage, spot, role: Role::Flow, may_finish: false, core: None };
        threads.start(plan, Arc::new(StageCounts::new("once"))).unwrap();
        let ended = threads.next_ended(Duration::from_secs(5)).unwrap();
        assert_eq!(threads.running(Role::Flow), 0);
        ended.result.map_err(|broken| broken.to_string())
    }

    #[test]
    fn however_a_thread_ends_its_end_is_heard_of() {
        assert_eq!(end_of(Ok(Turn::Finished)), Ok(()));
        assert_eq!(end_of(Err("no disk")), Err("no disk".to_owned()));
        assert!(end_of(Err("panic")).is_err_and(|text| text.contains("on purpose")));
    }
}
