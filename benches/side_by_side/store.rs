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
    /// By index: the daemon's rate, and that of the bare client which does the same work.
    pub track: [Runs; 2],
    pub append: [Runs; 2],
}

pub fn measure(report: &mut Report, lengths: &Lengths) -> Found {
    report.heading("Into Postgres, beside a bare client");
    report.text(&format!(
        "`loadgen --target tcp --rate max --count {} --no-commits`, every message verified in the store; the time ends with the last commit. The bare \
         client copies the very rows that the daemon has just stored into another server, over one connection: positions, messages and \
         offsets, {BATCH} positions a commit (`loadgen copy --from URL --offsets --batch {BATCH}`). Into the index `track` the \
         daemon sorts what it commits, and the client that it is compared with does too (`--sorted`). What ships say of themselves, \
         which the daemon merges into `vessels`, the client leaves out. Another client inserts {} positions of the \
         same fleet one by one (`loadgen copy --insert`). Each on a new server: `shared_buffers = 1GB`, `max_wal_size = 4GB`, all else as it comes, \
         `fsync` on.",
        lengths.messages, lengths.inserts
    ));
    let mut rows = vec![row([
        "who, index",
        "rows/s",
        "of the bare COPY",
        "CPU s per million: daemon, Postgres",
        "bytes a message: journal, WAL, tables",
    ])];
    let [mut track, mut append] = <[[Runs; 2]; 2]>::default();
    for (index, found) in [("track", &mut track), ("append", &mut append)] {
        let (mut cost, mut bytes) = <([Runs; 2], [Runs; 3])>::default();
        let mut unsorted = Runs::default();
        for _ in 0..lengths.runs {
            let server = load::postgres();
            let ran = stored(&server, index, lengths.messages);
            found[0].push(ran.number("/rate_held"));
            for (runs, seconds) in cost.iter_mut().zip(ran.seconds) {
                runs.push(ran.per_million(seconds));
            }
            for (runs, of) in bytes.iter_mut().zip([ran.journal, ran.wal, ran.tables]) {
                runs.push(of / ran.messages);
            }
            let url = server.url();
            let again = ["--from", &url, "--offsets", "--batch", BATCH];
            let sorted: &[&str] = if index == "track" { &["--sorted"] } else { &[] };
            found[1].push(copied(index, &[&again[..], sorted].concat()));
            if index == "track" {
                unsorted.push(copied(index, &again));
            }
        }
        let ratio = found[0].median() / found[1].median();
        let told =
            |runs: &[Runs]| runs.iter().map(|it| plain(it.median())).collect::<Vec<_>>().join(", ");
        rows.push(vec![
            format!("aisd, one writer, `{index}`"),
            found[0].told(rate),
            format!("{ratio:.2}"),
            told(&cost),
            told(&bytes),
        ]);
        let sorted = if index == "track" { ", sorted" } else { "" };
        let name = format!("bare COPY of the same rows{sorted}, `{index}`");
        rows.push(row([&name, &found[1].told(rate), "1", "-", "-"]));
        if index == "track" {
            let ratio = format!("{:.2}", unsorted.median() / found[1].median());
            let name = "the same, as they were received, `track`";
            rows.push(row([name, &unsorted.told(rate), &ratio, "-", "-"]));
        }
    }
    rows.extend(inserted(lengths, track[1].median()));
    report.table(&rows);
    Found { track, append }
}

/// Rows of the client that inserts them one by one, beside what the bare COPY reached.
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
