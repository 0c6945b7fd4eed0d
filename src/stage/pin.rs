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

/// The thread that asks.
const CALLING: Pid = Pid::from_raw(0);

/// Pins the calling thread to the `nth` core the process may use; says whether that worked.
#[must_use]
pub fn pin_current_thread(nth: usize) -> bool {
    let cores = usable();
    !cores.is_empty() && run_on(&[cores[nth % cores.len()]]).is_ok()
}

/// The cores that the calling thread may use.
fn usable() -> Vec<usize> {
    let Ok(cores) = sched_getaffinity(CALLING) else { return Vec::new() };
    (0..CpuSet::count()).filter(|core| cores.is_set(*core).unwrap_or(false)).collect()
}

/// Lets the calling thread run on these alone.
fn run_on(cores: &[usize]) -> nix::Result<()> {
    let mut allowed = CpuSet::new();
    cores.iter().try_for_each(|core| allowed.set(*core))?;
    sched_setaffinity(CALLING, &allowed)
}

/// The cores that the calling thread may use, of which it leaves all but one to others at times.
pub struct Cores {
    all: Vec<usize>,
    keeps_to_last: bool,
}

impl Cores {
    /// Of the calling thread; none where it has nowhere to go, or so many that nobody is in its way.
    #[must_use]
    pub fn to_share() -> Option<Self> {
        let all = usable();
        (2..CORES_MIN_TO_PIN).contains(&all.len()).then_some(Self { all, keeps_to_last: false })
    }

    /// Keeps the calling thread to the last of them from here on, or lets it use all. Where that is forbidden it changes nothing.
    pub fn keep_to_last(&mut self, to_last: bool) {
        if to_last != self.keeps_to_last {
            self.keeps_to_last = to_last;
            let first = if to_last { self.all.len() - 1 } else { 0 };
            let _ = run_on(&self.all[first..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
