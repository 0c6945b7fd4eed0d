//! Feeds that are servers of WebSockets, with the whole daemon: what they send lands like anything else.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::support::http::{get, metrics};
use crate::support::process::{Daemon, Home, aisd, wait_until};
use crate::support::servers::{Identity, authority, certificate, other_authority};
use crate::support::web_socket::{Server, agree, say, until_gone};

/// A transmission as a receiver of our own tells it, and its fields as aisstream.io does.
const SENTENCE: &str = "!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\r\n";

fn moored(time: &str) -> Value {
    json!({
        "MessageType": "PositionReport",
        "MetaData": {"MMSI": 477_553_000, "time_utc": time},
        "Message": {"PositionReport": {
            "MessageID": 1, "RepeatIndicator": 0, "UserID": 477_553_000, "Valid": true,
            "NavigationalStatus": 5, "RateOfTurn": 0, "Sog": 0, "PositionAccuracy": false,
            "Longitude": -122.345_833_333_333_33, "Latitude": 47.582_833_333_333_33, "Cog": 51,
            "TrueHeading": 181, "Timestamp": 15, "SpecialManoeuvreIndicator": 0, "Spare": 0,
            "Raim": false, "CommunicationState": 149_208,
        }},
    })
}

/// The n-th of many reports, no two of which are the same.
fn report(n: u32) -> String {
    let mut report = moored(&now());
    let message = &mut report["Message"]["PositionReport"];
    message["UserID"] = json!(244_000_000 + n % 50);
    message["Sog"] = json!(f64::from(n % 1000) / 10.0);
    message["CommunicationState"] = json!(n);
    report.to_string()
}

/// As Go prints it.
fn now() -> String {
    let text = jiff::Timestamp::now().to_string();
    format!("{} +0000 UTC", text.trim_end_matches('Z').replace('T', " "))
}

fn config(url: &str, more: &str) -> String {
    format!(
        "[aisstream]\napi_key = \"hunter2\"\n[breakers]\nopen_ms = 100\n\
         [[feeds]]\nkind = \"tcp\"\naddress = \"127.0.0.1:0\"\n\
         [[feeds]]\nkind = \"aisstream\"\nurl = \"{url}\"\n{more}"
    )
}

fn start(home: &Home) -> Daemon {
    let mut daemon = home.spawn_as_configured();
    daemon.wait_until_ready();
    daemon
}

fn wait_settled(daemon: &Daemon, received: u64) {
    wait_until("all of it is decided", || {
        let metrics = metrics(daemon.http());
        assert_eq!(metrics.number("/accounting/imbalance"), 0);
        metrics.feed("aisstream", "received") == received
            && metrics.number("/accounting/in_flight") == 0
    });
}

#[test]
fn reports_of_aisstream_are_stored_once_also_when_a_receiver_of_our_own_heard_them() {
    let server = Server::start(|number, stream| {
        let (mut socket, asked) = agree(stream);
        assert!(asked.contains("\"APIKey\":\"hunter2\""), "{asked}");
        match number {
            1 => {
                assert!((0..200).all(|n| say(&mut socket, &report(n))));
                say(&mut socket, "no JSON");
            }
            // The connection was cut, and here it goes on.
            _ => {
                assert!((200..400).all(|n| say(&mut socket, &report(n))));
                say(&mut socket, &moored(&now()).to_string());
                until_gone(&mut socket);
            }
        }
    });
    let home = Home::new(&config(&server.url(), ""));
    let daemon = start(&home);
    wait_settled(&daemon, 402);
    TcpStream::connect(daemon.tcp()).unwrap().write_all(SENTENCE.as_bytes()).unwrap();
    wait_until("the sentence is decided", || metrics(daemon.http()).feed("tcp", "repeats") == 1);
    let metrics = metrics(daemon.http());
    assert_eq!(metrics.feed("aisstream", "stored"), 401);
    assert_eq!(metrics.feed("tcp", "stored"), 0);
    let (status, body) = get(daemon.http(), "/api/vessels/477553000");
    let vessel: Value = serde_json::from_slice(&body).unwrap_or_default();
    assert_eq!(status, 200, "{vessel}");
    assert!(!home.log().contains("hunter2"));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_server_that_hangs_up_is_called_no_more_than_once_a_second() {
    let server = Server::start(|_, stream| drop(stream));
    let home = Home::new(&config(&server.url(), ""));
    let daemon = start(&home);
    wait_until("it was called three times", || server.calls().len() >= 3);
    let calls = server.calls();
    for pair in calls.windows(2) {
        let between = pair[1].duration_since(pair[0]);
        assert!(between >= Duration::from_secs(1), "{between:?}");
    }
    assert_eq!(daemon.stop(), Some(0));
}

type Secured = WebSocket<StreamOwned<ServerConnection, TcpStream>>;

/// Agrees to talk over TLS, if the client trusts us.
fn agree_secured(stream: TcpStream, config: &Arc<ServerConfig>) -> Option<Secured> {
    let tls = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut socket = tungstenite::accept(StreamOwned::new(tls, stream)).ok()?;
    socket.read().ok()?;
    Some(socket)
}

fn secured(identity: Identity) -> Server {
    let (chain, key) = certificate(identity);
    let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    Server::start(move |_, stream| {
        let Some(mut socket) = agree_secured(stream, &config) else { return };
        for n in 0..100 {
            let _ = socket.send(Message::text(report(n)));
        }
        while socket.read().is_ok() {}
    })
}

#[test]
fn the_key_goes_to_a_server_that_proves_its_name_and_to_no_other() {
    let check = |identity, trusted: &Path, expected: Result<u64, &str>| {
        let server = secured(identity);
        let url = format!("wss://localhost:{}/", server.address().port());
        let home = Home::new(&config(&url, &format!("ca_file = \"{}\"\n", trusted.display())));
        let daemon = start(&home);
        match expected {
            Ok(received) => wait_settled(&daemon, received),
            Err(why) => {
                wait_until("it is said why not", || home.log().contains(why));
                assert_eq!(metrics(daemon.http()).feed("aisstream", "received"), 0);
            }
        }
        assert_eq!(daemon.stop(), Some(0));
    };
    check(Identity::Own, &authority(), Ok(100));
    check(Identity::Elsewhere, &authority(), Err("its certificate is for another host"));
    check(
        Identity::Own,
        &other_authority(),
        Err("of an authority that is not trusted here; ca_file"),
    );
}

#[test]
fn the_key_comes_from_a_credential_and_is_shown_nowhere() {
    let home = Home::new("[[feeds]]\nkind = \"aisstream\"\n");
    let credentials = tempfile::tempdir().unwrap();
    let ask = |command| {
        let mut aisd = aisd();
        aisd.arg(command).arg("--config").arg(home.config());
        let output = aisd.env("CREDENTIALS_DIRECTORY", credentials.path()).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!said.contains("hunter2"), "{said}");
        (output.status.code(), said)
    };
    let (code, said) = ask("check-config");
    assert_eq!(code, Some(78));
    assert!(said.contains("feed \"aisstream\" needs aisstream.api_key"), "{said}");
    std::fs::write(credentials.path().join("AISSTREAM_API_KEY"), "hunter2\n").unwrap();
    let (code, said) = ask("print-config");
    assert_eq!(code, Some(0));
    assert!(said.contains("[aisstream]\napi_key = \"***\""), "{said}");
}
