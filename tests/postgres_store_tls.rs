//! A server that cannot prove who it is gets nothing; one that can is stored in.

use crate::support::process::Home;
use crate::support::servers::{Identity, Postgres, authority, other_authority, trusting};
use crate::support::storing::{config, numbers, send_numbers, wait_said, wait_stored};

/// Any address of this machine, and not the loopback: nothing says that what answers there is local.
const NOT_LOOPBACK: &str = "@0.0.0.0:";

/// Nothing is stored, and `/readyz?verbose` says why; messages are taken all the same.
fn refused(server: &Postgres, url: &str, why: &[&str]) {
    let home = Home::new(&config(url, ""));
    let daemon = home.start();
    send_numbers(&daemon, 0..100);
    for part in why {
        wait_said(&daemon, part);
    }
    wait_said(&daemon, "[+]engine ready");
    wait_said(&daemon, "[+]feed tcp: 100 received");
    daemon.kill();
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'positions'";
    assert_eq!(server.count(tables), 0, "nobody came so far as to make tables");
}

#[test]
fn a_server_that_proves_its_name_is_stored_in() {
    let server = Postgres::with_tls(Identity::Own, &[]);
    let home = Home::new(&config(&(server.url() + &trusting(&authority())), ""));
    let daemon = home.start();
    send_numbers(&daemon, 0..100);
    wait_stored(&daemon, 100);
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE ssl AND usename = 'aisd'";
    assert!(server.count(encrypted) > 0, "the connection is encrypted");
    assert_eq!(daemon.stop(), Some(0));
    assert!(numbers(&server).into_iter().eq(0..100));
}

#[test]
fn a_certificate_of_a_strange_authority_is_refused() {
    let server = Postgres::with_tls(Identity::Own, &[]);
    let url = server.url() + &trusting(&other_authority());
    refused(&server, &url, &["[-]neighbour postgres", "certificate", "authority"]);
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    let server = Postgres::with_tls(Identity::Elsewhere, &[]);
    let url = server.url() + &trusting(&authority());
    refused(&server, &url, &["[-]neighbour postgres", "certificate", "name"]);
}

#[test]
fn plain_is_plain_and_the_server_may_refuse_it() {
    let server = Postgres::with_tls(Identity::Own, &[]);
    let url = format!("{}?sslmode=disable", server.url());
    refused(&server, &url, &["[-]neighbour postgres", "no encryption", "28000"]);
}

#[test]
fn a_server_that_may_be_elsewhere_is_talked_to_over_tls_alone() {
    let plain = Postgres::with(&[("listen_addresses", "*")]);
    let elsewhere = plain.url().replace("@127.0.0.1:", NOT_LOOPBACK);
    refused(&plain, &elsewhere, &["[-]neighbour postgres", "TLS"]);
    // Only who says so is talked to in the clear.
    let home = Home::new(&config(&format!("{elsewhere}?sslmode=disable"), ""));
    let daemon = home.start();
    send_numbers(&daemon, 0..100);
    wait_stored(&daemon, 100);
    assert_eq!(daemon.stop(), Some(0));
}
