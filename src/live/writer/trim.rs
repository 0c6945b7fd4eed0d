//! Takes vessels out of `active` and `geo`: those that were not heard of for too long, and those of a time that is yet to come.

use redis::cmd;

use super::{Open, Trouble, call};
use crate::clock::SECOND_US;

/// Vessels taken out at either end by one call.
const TRIM_MAX: usize = 1000;
/// What is newer by more than this was written by a clock that was wrong.
const AHEAD_MAX_US: i64 = 3600 * SECOND_US;

impl Open {
    pub(super) fn trim(&mut self, now_us: i64) -> Result<bool, Trouble> {
        let oldest = self.entries.active_from(now_us).div_euclid(1000);
        let newest = (now_us + AHEAD_MAX_US).div_euclid(1000);
        if self.link.is_cluster() {
            return self.trim_cluster(oldest, newest);
        }
        let Self { link, keys, trim, .. } = self;
        let gone: Vec<usize> = call(link, trim, |call| {
            let mut command = call.begin(2);
            command.arg(&keys.geo).arg(&keys.active).arg(oldest).arg(TRIM_MAX).arg(newest);
            vec![command]
        })?;
        Ok(gone.first().is_some_and(|gone| *gone == TRIM_MAX))
    }

    /// The same where the keys lie on different nodes.
    fn trim_cluster(&mut self, oldest: i64, newest: i64) -> Result<bool, Trouble> {
        let Self { link, keys, .. } = self;
        let find = |from: &str, to: &str| {
            let mut find = cmd("ZRANGEBYSCORE");
            find.arg(&keys.active).arg(from).arg(to).arg("LIMIT").arg(0).arg(TRIM_MAX).take()
        };
        let mut finds = vec![find("-inf", &format!("({oldest}"))];
        // Who may not ask for the time takes out what is too old alone.
        if let Ok((seconds, _)) = link.ask_anyone::<(i64, i64)>(&cmd("TIME")) {
            let newest = newest.max(seconds * 1000 + AHEAD_MAX_US / 1000);
            finds.push(find(&format!("({newest}"), "+inf"));
        }
        let found: Vec<Vec<String>> = link.ask(finds)?;
        let is_more = found.iter().any(|gone| gone.len() == TRIM_MAX);
        let gone = found.concat();
        if !gone.is_empty() {
            let out = |key: &str| cmd("ZREM").arg(key).arg(&gone).take();
            link.ask::<redis::Value>(vec![out(&keys.geo), out(&keys.active)])?;
        }
        Ok(is_more)
    }
}
