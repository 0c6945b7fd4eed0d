//! A cable to Postgres that is pulled costs its deadline; plugged in again, all goes on.

use std::time::{Duration, Instant};

use super::{Rig, lasts};
use crate::support::namespace::{End, Namespace};
use crate::support::postgres_daemon::verbose;
use crate::support::process::wait_until;
use crate::support::proxy::Proxy;
use crate::support::servers::Postgres;

/// What `commit_seconds` of these tests allows, and what a look at it may take.
const NOTICED_WITHIN: Duration = Duration::from_millis(2_500);
/// From the cable to the next row: the rest of a wait between attempts, or of an open breaker, and a connection.
const BACK_WITHIN: Duration = Duration::from_secs(8);

#[test]
fn a_cable_that_is_pulled_is_noticed_within_the_deadline_and_loses_nothing() {
    let host = match Namespace::new() {
        Ok(host) => host,
        Err(why) => return eprintln!("SKIPPED: a pulled cable was not tested: {why}"),
    };
    let server = Postgres::start();
    let proxy = Proxy::behind(host.listener(), server.port());
    let rig = Rig::start(server, proxy, "?sslmode=disable", super::RATE);
    for end in [End::Far, End::Both] {
        assert!(host.has_carrier());
        let (failures, pulled) = (rig.failures(), Instant::now());
        host.pull(end);
        wait_until("a store that is missed", || rig.failures() > failures);
        let noticed = pulled.elapsed();
        assert!(!host.has_carrier());
        rig.takes_for(lasts(1, 30));
        let said = verbose(&rig.daemon);
        host.plug();
        let plugged = Instant::now();
        rig.commits_again();
        eprintln!("{end:?}: noticed after {noticed:?}, back after {:?}; {said}", plugged.elapsed());
        assert!(noticed < NOTICED_WITHIN, "{noticed:?}");
        assert!(said.contains("(attempt "), "{said}");
        assert!(plugged.elapsed() < BACK_WITHIN, "{:?}", plugged.elapsed());
    }
    rig.verdict();
}
