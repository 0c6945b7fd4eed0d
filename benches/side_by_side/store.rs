//! How near does the daemon come to a client that does nothing but copy, and how far is one that inserts row by row?

use serde_json::Value;

use crate::Lengths;
use crate::load::{self, Ran, Setup, loadgen};
use crate::report::{Report, Runs, plain, rate, row};
use crate::support::process::aisd;
use crate::support::servers::Postgres;

/// Rows of one commit of the bare client, as many as the daemon's writer commits at most.
const BATCH: &str = "65536";

/// What was found, for the goals.
pub struct Found {
    pub track: Of,
    pub append: Of,
}

/// Into one index.
#[derive(Default)]
pub struct Of {
    /// Messages a second of the daemon.
    pub daemon: Runs,
    /// Rows a second of the bare client that stores the very same ones in all tables.
    pub same: Runs,
    /// Of the one that leaves `vessels` out.
    pub copied: Runs,
}

pub fn measure(report: &mut Report, lengths: &Lengths) -> Found {
    report.heading("Into Postgres, beside a bare client");
    report.text(&format!(
        "`loadgen --target tcp --rate max --count {} --no-commits`, every message verified in the store; the time ends with the last commit. The bare \
         client stores the very rows that the daemon has just stored in another server, over one connection: it copies positions and messages, \
         moves the offsets, and merges into `vessels` as many static reports as the daemon was sent, with the daemon's own function, since \
         no COPY does that; {BATCH} positions a commit (`loadgen copy --from URL --offsets --statics --batch {BATCH}`). One that leaves `vessels` \
         out stands beside it. Into the index `track` the daemon sorts what it commits, and the client that it is compared with does too \
         (`--sorted`). Another client inserts {} positions of the \
         same fleet one by one (`loadgen copy --insert`). Each on a new server: `shared_buffers = 1GB`, `max_wal_size = 4GB`, all else as it comes, \
         `fsync` on. Daemon and clients run {} times in turn; the ratio is that of neighbours.",
        lengths.messages, lengths.inserts, lengths.pairs
    ));
    let mut rows = vec![row([
        "who, index",
        "rows/s",
        "of the bare client",
        "CPU s per million: daemon, Postgres",
        "bytes a message: journal, WAL, tables",
    ])];
    let [mut track, mut append] = <[Of; 2]>::default();
    for (index, found) in [("track", &mut track), ("append", &mut append)] {
        let (mut cost, mut bytes) = <([Runs; 2], [Runs; 3])>::default();
        let mut unsorted = Runs::default();
        for _ in 0..lengths.pairs {
            let server = load::postgres();
            let ran = stored(&server, index, lengths.messages);
            found.daemon.push(ran.number("/rate_held"));
            for (runs, seconds) in cost.iter_mut().zip(ran.seconds) {
                runs.push(ran.per_million(seconds));
            }
            for (runs, of) in bytes.iter_mut().zip([ran.journal, ran.wal, ran.tables]) {
                runs.push(of / ran.messages);
            }
            let url = server.url();
            let again = ["--from", &url, "--offsets", "--batch", BATCH];
            let sorted: &[&str] = if index == "track" { &["--sorted"] } else { &[] };
            found.same.push(copied(index, &[&again[..], sorted, &["--statics"]].concat()));
            found.copied.push(copied(index, &[&again[..], sorted].concat()));
            if index == "track" {
                unsorted.push(copied(index, &again));
            }
        }
        let told =
            |runs: &[Runs]| runs.iter().map(|it| plain(it.median())).collect::<Vec<_>>().join(", ");
        let to_same = |runs: &Runs| runs.per(&found.same).told(|it| format!("{it:.2}"));
        let daemon = &found.daemon;
        let name = format!("aisd, one writer, `{index}`");
        rows.push(vec![name, daemon.told(rate), to_same(daemon), told(&cost), told(&bytes)]);
        let sorted = if index == "track" { ", sorted" } else { "" };
        let name = format!("bare client, the same rows{sorted}, `{index}`");
        rows.push(row([&name, &found.same.told(rate), "1", "-", "-"]));
        let mut bare = |name: &str, runs: &Runs| {
            rows.push(row([name, &runs.told(rate), &to_same(runs), "-", "-"]));
        };
        bare(&format!("the same client without `vessels`{sorted}, `{index}`"), &found.copied);
        if index == "track" {
            bare("and with rows as they were received, `track`", &unsorted);
        }
    }
    rows.extend(inserted(lengths, track.same.median()));
    report.table(&rows);
    Found { track, append }
}

/// Rows of the client that inserts them one by one, beside what the bare client reached.
fn inserted(lengths: &Lengths, bare: f64) -> Vec<Vec<String>> {
    let inserts = lengths.inserts.to_string();
    let ways = [("in transactions of 1 000", "1000"), ("each a transaction", "1")];
    let rows = ways.into_iter().map(|(name, batch)| {
        let runs = Runs::of(lengths.runs, |_| {
            copied("track", &["--rows", &inserts, "--batch", batch, "--insert"])
        });
        let ratio = runs.median() / bare;
        row([
            &format!("INSERT row by row, {name}, `track`"),
            &runs.told(rate),
            &format!("{ratio:.3}"),
            "-",
            "-",
        ])
    });
    rows.collect()
}

/// A run of the daemon on a server.
fn stored(server: &Postgres, index: &str, messages: u64) -> Ran {
    let (store, count) = (format!("index = \"{index}\""), messages.to_string());
    let setup = Setup { postgres: Some(server), store: &store, ..Setup::default() };
    let most = ["--target", "tcp", "--rate", "max", "--count", &count, "--vessels", "20000"];
    // Nobody looks at the server but the daemon.
    load::run(setup, &[&most[..], &["--no-commits"]].concat())
}

/// Rows a second that a bare client reaches on a new server.
fn copied(index: &str, arguments: &[&str]) -> f64 {
    let server = load::postgres();
    let store = format!("index = \"{index}\"");
    migrate(&Setup { postgres: Some(&server), store: &store, ..Setup::default() });
    println!("loadgen copy {}", arguments.join(" "));
    let out =
        loadgen().arg("copy").args(["--url", &server.url()]).args(arguments).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let told: Value = serde_json::from_slice(&out.stdout).unwrap();
    told["rows_per_second"].as_f64().unwrap()
}

/// Makes the daemon's tables.
fn migrate(setup: &Setup<'_>) {
    let home = setup.home();
    let migrated = aisd().arg("migrate").arg("--config").arg(home.config()).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
}
