//! Where the calling thread runs: on a core of its own where that helps, or out of the way of others.
//!
//! On two shared cores pinning cost 12 % of the highest rate; from four on it keeps a shard's vessels in its core's
//! cache. So the default pins from four cores on. Under a systemd filter that forbids `sched_setaffinity` the call
//! fails, which is logged once and changes nothing else.
//!
//! On two or three cores a thread that is [behind](super::Stage::is_behind) makes way: it keeps to the last core until it has caught up,
//! so that a server on the same machine, for which everybody waits, is not kept from its work. That is 12 % of the highest rate into
//! Postgres; always to keep to one core would cost the tail (p99.9 at 100 000 messages a second 57 instead of 24 ms).

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Cores below which the default does not pin.
pub const CORES_MIN_TO_PIN: usize = 4;

/// Pins the calling thread to the `nth` core the process may use; says whether that worked.
#[must_use]
pub fn pin_current_thread(nth: usize) -> bool {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if cores.is_empty() {
        return false;
    }
    core_affinity::set_for_current(cores[nth % cores.len()])
}

/// The cores that the calling thread may use, of which it leaves all but one to others at times.
pub struct Cores {
    all: CpuSet,
    last: CpuSet,
    keeps_to_last: bool,
}

impl Cores {
    /// Of the calling thread; none where it has nowhere to go, or so many that nobody is in its way.
    #[must_use]
    pub fn to_share() -> Option<Self> {
        let all = sched_getaffinity(CALLING).ok()?;
        let mut usable = (0..CpuSet::count()).filter(|at| all.is_set(*at).unwrap_or(false));
        let last = usable.next_back()?;
        if !(1..CORES_MIN_TO_PIN - 1).contains(&usable.count()) {
            return None;
        }
        let mut one = CpuSet::new();
        one.set(last).ok()?;
        Some(Self { all, last: one, keeps_to_last: false })
    }

    /// Keeps the calling thread to the last of them from here on, or lets it use all. Where that is forbidden it changes nothing.
    pub fn keep_to_last(&mut self, to_last: bool) {
        if to_last != self.keeps_to_last {
            self.keeps_to_last = to_last;
            let _ = sched_setaffinity(CALLING, if to_last { &self.last } else { &self.all });
        }
    }
}

const CALLING: Pid = Pid::from_raw(0);

#[cfg(test)]
mod tests {
    use super::*;

    fn usable() -> Vec<usize> {
        let set = sched_getaffinity(CALLING).unwrap();
        (0..CpuSet::count()).filter(|at| set.is_set(*at).unwrap()).collect()
    }

    #[test]
    fn a_thread_keeps_to_the_last_core_and_has_all_again() {
        // A thread of its own, since it is the thread that moves.
        std::thread::spawn(|| {
            let all = usable();
            let Some(mut cores) = Cores::to_share() else {
                assert!(!(2..CORES_MIN_TO_PIN).contains(&all.len()), "{all:?}");
                return;
            };
            for (to_last, expected) in
                [(true, &all[all.len() - 1..]), (false, &all), (true, &all[all.len() - 1..])]
            {
                cores.keep_to_last(to_last);
                assert_eq!(usable(), expected);
            }
            // Where there is one alone, it stays.
            assert!(Cores::to_share().is_none());
        })
        .join()
        .unwrap();
    }
}
