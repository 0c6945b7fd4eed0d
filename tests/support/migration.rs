//! What migrations are asked for.

use std::time::Duration;

use aisd::config::Index;
use aisd::store::postgres::migrate::{Build, Wanted};

/// With as much patience as a busy machine needs.
pub fn wanted(index: Index, build: Build) -> Wanted {
    Wanted { index, build, answer_within: Duration::from_secs(20) }
}
