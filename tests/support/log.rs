//! Reads the last words of a daemon: what became of everything that came.

use std::collections::BTreeMap;

/// The counts of a feed by their names.
pub type Totals = BTreeMap<String, u64>;

/// Of the last run in a log, the counts of each feed that brought something.
pub fn totals(log: &str) -> BTreeMap<String, Totals> {
    let last_run = log.rfind(" in all ").map_or("", |end| {
        let begin = log[..end].rfind("stopping: ").unwrap_or(0);
        &log[begin..]
    });
    let mut feeds = BTreeMap::new();
    for line in last_run.lines().filter(|line| line.contains(" in all ")) {
        let fields: BTreeMap<&str, &str> =
            line.split_whitespace().filter_map(|field| field.split_once('=')).collect();
        let counts = fields
            .iter()
            .filter_map(|(name, count)| Some(((*name).to_owned(), count.parse().ok()?)));
        feeds.insert(fields["feed"].trim_matches('"').to_owned(), counts.collect());
    }
    feeds
}
