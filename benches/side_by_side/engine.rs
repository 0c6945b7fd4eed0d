//! What do more shards give?

use aisd::partition::shards_on;

use crate::Lengths;
use crate::load::{self, Setup};
use crate::report::{Report, Runs, plain, rate, row};

/// What was found, for the goals: rates of the embedded store under `track` and `append`, with as many shards as there are by default.
pub struct Found {
    pub track: Runs,
    pub append: Runs,
}

pub fn measure(report: &mut Report, lengths: &Lengths) -> Found {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let default = shards_on(cores);
    report.heading("Into the embedded store, by the number of shards");
    report.text(&format!(
        "`loadgen --target tcp --rate max --count {}`, every message verified in the store. One writer commits whatever the number of shards; \
         on {cores} cores generator, feed, journal, shards and writer share them.",
        lengths.messages
    ));
    let mut rows = vec![row([
        "shards, index",
        "messages/s",
        "of one shard",
        "CPU s per million",
        "bytes a message: journal, all that was written",
    ])];
    let mut all = Vec::new();
    for index in ["append", "track"] {
        let mut counts = vec![1, 2, cores, 2 * cores];
        counts.dedup();
        let mut first = f64::NAN;
        for count in counts {
            let (store, more) =
                (format!("index = \"{index}\""), format!("[shards]\ncount = {count}\n"));
            let setup = Setup { store: &store, more: &more, ..Setup::default() };
            let [mut rates, mut cost, mut journal, mut written] = [(); 4].map(|()| Runs::default());
            for _ in 0..lengths.runs {
                let messages = lengths.messages.to_string();
                let ran = load::run(
                    setup,
                    &[
                        "--target",
                        "tcp",
                        "--rate",
                        "max",
                        "--count",
                        &messages,
                        "--vessels",
                        "20000",
                    ],
                );
                rates.push(ran.number("/rate_held"));
                cost.push(ran.per_million(ran.seconds[0]));
                journal.push(ran.journal / ran.messages);
                written.push(ran.written / ran.messages);
            }
            first = if first.is_nan() { rates.median() } else { first };
            rows.push(vec![
                format!("{count}, `{index}`"),
                rates.told(rate),
                format!("{:.2}", rates.median() / first),
                cost.told(plain),
                format!("{}, {}", plain(journal.median()), plain(written.median())),
            ]);
            if count == default {
                all.push(rates);
            }
        }
    }
    report.table(&rows);
    let track = all.pop().unwrap_or_default();
    Found { track, append: all.pop().unwrap_or_default() }
}
