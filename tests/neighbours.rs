//! What the outside sees of the neighbours, from the first look on.

use crate::support::http::get;
use crate::support::process::{Home, aisd};

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

#[test]
fn a_credential_of_systemd_is_read_and_its_password_is_shown_nowhere() {
    let credentials = tempfile::tempdir().unwrap();
    let put = |url: &str| std::fs::write(credentials.path().join("DATABASE_URL"), url).unwrap();
    let ask = |command| {
        let mut aisd = aisd();
        aisd.arg(command).env("CREDENTIALS_DIRECTORY", credentials.path());
        let output = aisd.env("DATABASE_URL", "postgres://other").output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!said.contains("hunter2"), "{said}");
        (output.status.code(), said)
    };
    put("postgres://me:hunter2@db-1/ais\n");
    let (code, said) = ask("print-config");
    assert_eq!(code, Some(0));
    assert!(said.contains("url = \"postgres://me:***@db-1/ais\""), "{said}");
    put("http://me:hunter2@db-1/ais\n");
    let (code, said) = ask("check-config");
    assert_eq!(code, Some(78));
    assert!(said.contains("/DATABASE_URL: store.url is \"http://***\", must be a URL"), "{said}");
}
