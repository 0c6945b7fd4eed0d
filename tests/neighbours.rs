//! What the outside sees of the neighbours, from the first look on.

use crate::support::http::get;
use crate::support::process::Home;

#[test]
fn the_neighbours_and_their_breakers_are_there_with_nothing_configured() {
    let home = Home::new("");
    let daemon = home.start();
    let text = |path| {
        let (status, body) = get(daemon.http(), path);
        assert_eq!(status, 200, "{path}");
        String::from_utf8(body).unwrap()
    };
    let (ready, metrics) = (text("/readyz?verbose"), text("/metrics"));
    for line in ["[+]neighbour sqlite: breaker closed", "[+]neighbour redis: not configured"] {
        assert!(ready.lines().any(|shown| shown == line), "no line `{line}` in {ready}");
    }
    for name in ["sqlite", "redis"] {
        for metric in ["circuit_breaker_state", "circuit_breaker_trips_total"] {
            let line = format!("{metric}{{name=\"{name}\"}} 0");
            assert!(metrics.lines().any(|shown| shown == line), "no line `{line}`");
        }
    }
    let told = home.log().matches("Circuit breaker initialized: sqlite, closed").count();
    assert_eq!((told, home.log().contains("initialized: redis")), (1, false));
    assert_eq!(daemon.stop(), Some(0));
}
