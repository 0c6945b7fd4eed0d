//! How near does the daemon come to a client that does nothing but copy, and how far is one that inserts row by row?

use serde_json::Value;

use crate::Lengths;
use crate::load::{self, Ran, Setup, loadgen};
use crate::report::{Report, Runs, plain, rate, row};
use crate::support::process::aisd;

/// What was found, for the goals.
pub struct Found {
    /// By index: the daemon's rate, and the bare client's.
    pub track: [Runs; 2],
    pub append: [Runs; 2],
}

pub fn measure(report: &mut Report, lengths: &Lengths) -> Found {
    report.heading("Into Postgres, beside a bare client");
    report.text(&format!(
        "`loadgen --target tcp --rate max --count {}`, every message verified in the store; the time ends with the last commit. The bare \
         client copies as many positions of the same fleet, made beforehand, over one connection (`loadgen copy`), or inserts {} of \
         them one by one (`loadgen copy --insert`). Each on a new server: `shared_buffers = 1GB`, `max_wal_size = 4GB`, all else as it comes, \
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
        for _ in 0..lengths.runs {
            let ran = stored(index, lengths.messages);
            found[0].push(ran.number("/rate_held"));
            for (runs, seconds) in cost.iter_mut().zip(ran.seconds) {
                runs.push(ran.per_million(seconds));
            }
            for (runs, of) in bytes.iter_mut().zip([ran.journal, ran.wal, ran.tables]) {
                runs.push(of / ran.messages);
            }
            let rows = lengths.messages.to_string();
            found[1].push(copied(index, &["--rows", &rows])["rows_per_second"].as_f64().unwrap());
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
        rows.push(row([&format!("bare COPY, `{index}`"), &found[1].told(rate), "1", "-", "-"]));
    }
    let inserts = lengths.inserts.to_string();
    for (name, batch) in [("in transactions of 1 000", "1000"), ("each a transaction", "1")] {
        let runs = Runs::of(lengths.runs, |_| {
            let told = copied("track", &["--rows", &inserts, "--batch", batch, "--insert"]);
            told["rows_per_second"].as_f64().unwrap()
        });
        let ratio = runs.median() / track[1].median();
        rows.push(row([
            &format!("INSERT row by row, {name}, `track`"),
            &runs.told(rate),
            &format!("{ratio:.3}"),
            "-",
            "-",
        ]));
    }
    report.table(&rows);
    Found { track, append }
}

/// A run of the daemon on a new server.
fn stored(index: &str, messages: u64) -> Ran {
    let (store, count) = (format!("index = \"{index}\""), messages.to_string());
    let server = load::postgres();
    let setup = Setup { postgres: Some(&server), store: &store, ..Setup::default() };
    load::run(setup, &["--target", "tcp", "--rate", "max", "--count", &count, "--vessels", "20000"])
}

/// What a bare client reaches on a new server.
fn copied(index: &str, arguments: &[&str]) -> Value {
    let server = load::postgres();
    let store = format!("index = \"{index}\"");
    migrate(&Setup { postgres: Some(&server), store: &store, ..Setup::default() });
    println!("loadgen copy {}", arguments.join(" "));
    let out =
        loadgen().arg("copy").args(["--url", &server.url()]).args(arguments).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Makes the daemon's tables.
fn migrate(setup: &Setup<'_>) {
    let home = setup.home();
    let migrated = aisd().arg("migrate").arg("--config").arg(home.config()).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
}
