//! Facts about the configuration as a whole: its layers, its faults, and the file that ships.

mod addresses;
mod env_file;
mod posts;

use std::ffi::OsString;

use super::keys::KEYS;
use super::load::{Flags, load_from, parse};
use super::{Config, FeedKind, default_feeds, to_toml};
use crate::exit;

const SHIPPED: &str = include_str!("../../config/aisd.toml");

fn faults(text: &str) -> Vec<String> {
    parse("aisd.toml", text).unwrap_err().iter().map(ToString::to_string).collect()
}

fn with(flags: &Flags, environment: &[(&str, &str)]) -> Result<super::load::Loaded, exit::Failure> {
    let environment: Vec<(OsString, OsString)> =
        environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    load_from(flags, environment)
}

fn file_with(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn the_shipped_file_is_the_defaults() {
    assert_eq!(parse("config/aisd.toml", SHIPPED), parse("nothing", ""));
}

#[test]
fn the_shipped_file_shows_every_key_with_a_comment() {
    let lines: Vec<&str> = SHIPPED.lines().collect();
    for key in KEYS {
        let name = key.path.rsplit('.').next().unwrap();
        let start = key.path.split_once('.').map_or(0, |(section, _)| {
            lines.iter().position(|line| *line == format!("[{section}]")).expect(section)
        });
        let shown = format!("{name} = {}", (key.get)(&Config::default()));
        let at = lines[start..].iter().position(|line| *line == shown);
        let at = start + at.unwrap_or_else(|| panic!("{}: no line `{shown}`", key.path));
        assert!(lines[at - 1].starts_with("# "), "{} has no comment", key.path);
    }
}

#[test]
fn what_is_printed_is_read_back() {
    let mut config = parse("config/aisd.toml", SHIPPED).unwrap();
    config.shards.pin = Some(true);
    config.journal.sync_interval_ms = 7;
    config.data_dir = "a \"quoted\" dir\\".into();
    config.shards.speed_knots_max = 60.0;
    config.feeds[0].kind = FeedKind::File {
        path: "x.nmea".into(),
        pace: Some(2.0),
        start: Some("2026-01-31T12:00:00Z".to_owned()),
        again: true,
    };
    assert_eq!(parse("printed", &to_toml(&config)), Ok(config));
}

#[test]
fn every_fault_is_reported_with_its_line() {
    let text = "\
data_dir = 5
shutdown_second = 1
[store]
batch_rows_max = 2000000
linger_ms = -1
index = \"fast\"
[jurnal]
bytes_max = 1
[[feeds]]
kind = \"udp\"
adress = \"127.0.0.1:1\"
[[feeds]]
kind = \"upd\"
[[feeds]]
kind = \"tcp\"
address = \"nowhere\"
clients_max = [1]
";
    let expected = [
        "aisd.toml:1: data_dir is 5, must be text that is not empty; the default is \"aisd-data\"",
        "aisd.toml:2: shutdown_second is no key; did you mean shutdown_seconds?",
        "aisd.toml:4: store.batch_rows_max is 2000000, must be 1..=1048576; the default is 65536",
        "aisd.toml:5: store.linger_ms is -1, must be 0..=60000; the default is 0",
        "aisd.toml:6: store.index is \"fast\", must be one of \"track\", \"append\"; the default is \"track\"",
        "aisd.toml:7: jurnal is no key; did you mean journal?",
        "aisd.toml:11: feeds[0].adress is no key of udp; did you mean address?",
        "aisd.toml:9: feeds[0] is a udp without address, must be HOST:PORT",
        "aisd.toml:13: feeds[1].kind is \"upd\"; did you mean udp?",
        "aisd.toml:16: feeds[2].address is \"nowhere\", must be HOST:PORT",
        "aisd.toml:17: feeds[2].clients_max is a TOML array, must be 1..=65536",
    ];
    let mut found = faults(text);
    let mut expected = expected.map(str::to_owned).to_vec();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn text_that_is_no_toml_is_a_fault_with_its_line() {
    let found = faults("data_dir = \"a\"\n[journal\nbytes_max = 1\n");
    assert!(found[0].starts_with("aisd.toml:2: "), "{found:?}");
}

#[test]
fn a_journal_smaller_than_four_segments_is_refused() {
    let found = faults("[journal]\nsegment_bytes = 8388608\nbytes_max = 25165824\n");
    assert!(found[0].contains("at least four times journal.segment_bytes"), "{found:?}");
}

#[test]
fn two_feeds_of_one_name_are_refused() {
    let feed = |port| format!("[[feeds]]\nkind = \"udp\"\nname = \"a\"\naddress = \"h:{port}\"\n");
    let found = faults(&format!("{}{}", feed(1), feed(2)));
    assert_eq!(found, ["configuration: two feeds have the name \"a\"; names must differ"]);
}

#[test]
fn later_layers_win() {
    let file = file_with(
        "data_dir = \"file\"\n[journal]\nbytes_max = 268435456\n[http]\naddress = \"h:1\"\n",
    );
    let environment = [
        ("AISD_DATA_DIR", "environment"),
        ("AISD_HTTP_ADDRESS", "h:2"),
        ("AISD_SHARDS_PIN", "auto"),
        ("AISD_STORE_LINGER_MS", "5"),
        ("UNRELATED", "x"),
    ];
    let flags = Flags {
        file: Some(file.path().into()),
        http: Some("localhost:3".to_owned()),
        ..Flags::default()
    };
    let loaded = with(&flags, &environment).unwrap();
    assert_eq!(loaded.file.as_deref(), Some(file.path()));
    assert_eq!(loaded.config.data_dir.to_str(), Some("environment"));
    assert_eq!(loaded.config.journal.bytes_max, 256 << 20);
    assert_eq!(loaded.config.http.address, "localhost:3");
    assert_eq!(loaded.config.store.linger_ms, 5);
    assert_eq!(loaded.config.feeds.len(), default_feeds(true).len());
    assert_eq!(loaded.warnings, Vec::<String>::new());
}

#[test]
fn the_environment_names_the_file_when_the_command_line_does_not() {
    let file = file_with("shutdown_seconds = 7\n");
    let path = file.path().to_str().unwrap();
    assert_eq!(
        with(&Flags::default(), &[("AISD_CONFIG", path)]).unwrap().config.shutdown_seconds,
        7
    );
}

#[test]
fn a_named_feed_takes_the_place_of_all_others() {
    let environment = [("AISD_UDP", "h:1,h:2"), ("AISD_TCP_CONNECT", "h:3")];
    let config = with(&Flags::default(), &environment).unwrap().config;
    let names: Vec<_> = config.feeds.iter().map(|feed| feed.name.clone().unwrap()).collect();
    assert_eq!(names, ["tcp_client", "udp", "udp2"]);
    let flags = Flags {
        feeds: vec![("--file", "file", "-".to_owned())],
        pace: Some(10.0),
        ..Flags::default()
    };
    let config = with(&flags, &environment).unwrap().config;
    assert_eq!(config.feeds.len(), 1);
    assert!(matches!(config.feeds[0].kind, FeedKind::File { pace: Some(_), .. }));
}

#[test]
fn faults_of_all_layers_come_together() {
    let file = file_with("[http]\nconnections_max = 0\n");
    let environment = [("AISD_NMEA_LINE_BYTES_MAX", "many"), ("AISD_LOG_FORMATT", "json")];
    let flags = Flags {
        file: Some(file.path().into()),
        http: Some("3001".to_owned()),
        feeds: vec![("--udp", "udp", "x".to_owned())],
        start: Some("yesterday".to_owned()),
        ..Flags::default()
    };
    let failure = with(&flags, &environment).unwrap_err();
    assert_eq!(failure.code, exit::CONFIG);
    let lines: Vec<&str> = failure.text.lines().collect();
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert!(
        lines[0].ends_with(":2: http.connections_max is 0, must be 1..=4096; the default is 256")
    );
    assert_eq!(
        lines[1],
        "AISD_NMEA_LINE_BYTES_MAX: nmea.line_bytes_max is \"many\", must be 128..=8192; the default is 1024"
    );
    assert!(lines[2].starts_with("--http: http.address is \"3001\""));
    assert_eq!(lines[3], "--udp: \"x\" must be HOST:PORT");
    assert!(lines[4].starts_with("--start: \"yesterday\" must be an RFC 3339 time"));
}

#[test]
fn an_unknown_variable_is_a_warning_that_names_the_nearest() {
    let warnings = with(&Flags::default(), &[("AISD_LOG_FORMATT", "json")]).unwrap().warnings;
    assert!(warnings[0].ends_with("did you mean AISD_LOG_FORMAT?"), "{warnings:?}");
}

#[test]
fn a_named_file_that_is_not_there_is_a_failure_of_its_own() {
    let flags = Flags { file: Some("/nonexistent/aisd.toml".into()), ..Flags::default() };
    let failure = with(&flags, &[]).unwrap_err();
    assert_eq!(failure.code, exit::NO_INPUT);
    assert!(failure.text.starts_with("cannot read the configuration /nonexistent/aisd.toml: "));
}

/// A quoted key may hold any character: with a line feed in it the fault was two lines, of which the second looked like a
/// fault of its own. Found by the fuzz target `config`.
#[test]
fn a_fault_is_one_line_whatever_the_name_holds() {
    assert_eq!(
        faults("\"a\\nb.toml:9: \\u001b[2J\" = 1\n")[0].split(" is no key").next(),
        Some("aisd.toml:1: a\\nb.toml:9: \\u{1b}[2J")
    );
    assert_eq!(
        faults("[[feeds]]\nkind = \"u\\ndp\""),
        ["aisd.toml:2: feeds[0].kind is \"u\\ndp\"; did you mean udp?"]
    );
}

const URL: &str = "postgres://me:hunter2@db-1:5432/ais";

/// The URL of the store that these variables make.
fn store_url(environment: &[(&str, &str)]) -> String {
    with(&Flags::default(), environment).unwrap().config.store.url.reveal().to_owned()
}

#[test]
fn the_names_that_everybody_knows_are_read_and_our_own_win_over_them() {
    let common = [
        ("DATABASE_URL", "postgres://a"),
        ("DIRECT_DATABASE_URL", "postgres://b"),
        ("REDIS_URL", "redis://c"),
    ];
    let config = with(&Flags::default(), &common).unwrap().config;
    let urls = [&config.store.url, &config.store.direct_url, &config.redis.url];
    assert_eq!(urls.map(|url| url.reveal()), ["postgres://a", "postgres://b", "redis://c"]);
    let [first, ..] = common;
    assert_eq!(store_url(&[("AISD_STORE_URL", "postgres://ours"), first]), "postgres://ours");
    let file = file_with("[store]\nurl = \"postgres://file\"\n");
    let named = ("AISD_CONFIG", file.path().to_str().unwrap());
    assert_eq!(store_url(&[named]), "postgres://file");
    assert_eq!(store_url(&[named, first]), "postgres://a");
}

#[test]
fn a_credential_wins_over_a_file_and_a_file_over_the_environment() {
    let credentials = tempfile::tempdir().unwrap();
    let directory = ("CREDENTIALS_DIRECTORY", credentials.path().to_str().unwrap());
    let file = file_with("postgres://file\n");
    let named = ("DATABASE_URL_FILE", file.path().to_str().unwrap());
    let plain = [("DATABASE_URL", "postgres://plain"), ("AISD_STORE_URL", "postgres://ours")];
    let put = |name: &str, text: &str| std::fs::write(credentials.path().join(name), text).unwrap();
    // An empty directory, and variables without a value, say nothing.
    assert_eq!(store_url(&[directory, ("DATABASE_URL_FILE", ""), plain[0]]), "postgres://plain");
    assert_eq!(store_url(&[directory, named, plain[0], plain[1]]), "postgres://file");
    put("database_url", "postgres://small\n");
    assert_eq!(store_url(&[directory, named, plain[0], plain[1]]), "postgres://small");
    put("DATABASE_URL", "  postgres://large\r\n");
    assert_eq!(store_url(&[directory, named]), "postgres://large");
    put("REDIS_URL", "redis://cache");
    put("direct_database_url", "postgres://direct");
    let config = with(&Flags::default(), &[directory]).unwrap().config;
    let urls = [&config.store.direct_url, &config.redis.url];
    assert_eq!(urls.map(|url| url.reveal()), ["postgres://direct", "redis://cache"]);
}

#[test]
fn a_secret_that_cannot_be_read_is_a_fault_that_names_its_file() {
    let credentials = tempfile::tempdir().unwrap();
    std::fs::create_dir(credentials.path().join("DATABASE_URL")).unwrap();
    std::fs::write(credentials.path().join("REDIS_URL"), b"redis://\xff").unwrap();
    std::fs::write(credentials.path().join("direct_database_url"), "mysql://me:hunter2@db")
        .unwrap();
    let long = file_with(&"x".repeat(70_000));
    let directory = credentials.path().to_str().unwrap();
    let environment = [
        ("CREDENTIALS_DIRECTORY", directory),
        ("DATABASE_URL_FILE", "/nonexistent/url"),
        ("REDIS_URL_FILE", long.path().to_str().unwrap()),
    ];
    let failure = with(&Flags::default(), &environment).unwrap_err();
    let lines: Vec<&str> = failure.text.lines().collect();
    assert_eq!((failure.code, lines.len()), (exit::CONFIG, 5), "{lines:#?}");
    assert!(lines[0].starts_with("DATABASE_URL_FILE: cannot read /nonexistent/url: "));
    assert!(lines[1].ends_with(": it is longer than 65536 bytes"), "{}", lines[1]);
    let begin = format!("CREDENTIALS_DIRECTORY: cannot read {directory}/");
    assert!(lines[2].starts_with(&format!("{begin}DATABASE_URL: ")), "{}", lines[2]);
    assert!(lines[3].starts_with(&format!("{begin}REDIS_URL: ")), "{}", lines[3]);
    let wrong =
        format!("{directory}/direct_database_url: store.direct_url is \"mysql://***\", must be ");
    assert!(lines[4].starts_with(&wrong), "{}", lines[4]);
}

#[test]
fn neither_the_printed_configuration_nor_a_fault_shows_a_password() {
    let mut config = parse("aisd.toml", &format!("[store]\nurl = \"{URL}\"")).unwrap();
    config.redis.url = super::Secret::new("redis://:hunter2@cache:6379");
    let printed = to_toml(&config);
    assert!(printed.contains("url = \"postgres://me:***@db-1:5432/ais\""), "{printed}");
    assert!(printed.contains("url = \"redis://:***@cache:6379\""), "{printed}");
    assert!(!printed.contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    for text in [
        "[store]\nurl = \"mysql://me:hunter2@db/ais\"",
        "[store]\nurl = \"me:hunter2@db/ais\"",
        "[store]\nurl = \"host=db password=hunter2\"",
        "[store]\nurl = \"postgres://me:hunter2 @db/ais\"",
        "[store]\nurl = [\"postgres://me:hunter2@db/ais\"]",
        "[store]\nurl = \"postgres://me:hunter2@db/ais",
        "[store]\nurl = postgres://me:hunter2@db/ais",
        "[store]\nurll = \"postgres://me:hunter2@db/ais\"",
        "[redis]\nurl = \"http://:hunter2@cache\"",
        "[redis]\nurl = \"redis://:hunter2@cache, redis://:hunter2@other\"",
        "store = \"postgres://me:hunter2@db/ais\"",
        "store.url = { password = \"hunter2\" }",
    ] {
        let faults = faults(text);
        assert!(!faults.is_empty() && !faults.join("\n").contains("hunter2"), "{faults:?}");
    }
    for name in ["DATABASE_URL", "AISD_STORE_DIRECT_URL", "REDIS_URL"] {
        let failure = with(&Flags::default(), &[(name, "me:hunter2@db")]).unwrap_err();
        assert!(failure.text.contains(" is \"***\", must be "), "{}", failure.text);
    }
}

#[test]
fn the_place_of_each_setting_is_told_and_what_is_printed_is_read_back() {
    let file = file_with(
        "[store]\nlinger_ms = 7\n\n[log]\nlevel = \"warn\"\n[[feeds]]\nkind = \"udp\"\naddress = \"a:1\"\n",
    );
    let variables = file_with("REDIS_URL=redis://h/\nAISD_STORE_WRITERS=2\n");
    let secret = file_with("postgres://u:p@h/d");
    let flags = Flags {
        file: Some(file.path().into()),
        env_file: Some(variables.path().into()),
        data_dir: Some("d".into()),
        ..Flags::default()
    };
    let path = secret.path().to_str().unwrap();
    let environment =
        [("DATABASE_URL_FILE", path), ("AISD_LOG_LEVEL", "info"), ("AISD_STORE_WRITERS", "3")];
    let loaded = with(&flags, &environment).unwrap();
    let (file, variables) = (file.path().display(), variables.path().display());
    let check = |path: &str, expected: &str| assert_eq!(loaded.sources.of(path), expected);
    check("journal.keep_all", "default");
    check("store.linger_ms", &format!("{file}:2"));
    check("log.level", "environment AISD_LOG_LEVEL");
    check("store.writers", "environment AISD_STORE_WRITERS");
    check("redis.url", &format!("REDIS_URL in {variables}"));
    check("store.url", "secret DATABASE_URL_FILE");
    check("data_dir", "flag --data-dir");
    check("feeds", &format!("{file}:6"));
    let printed = super::to_toml_with(&loaded.config, &loaded.sources);
    assert!(printed.contains(&format!("linger_ms = 7  # {file}:2\n")), "{printed}");
    assert!(
        printed.contains("keep_all = false  # default\n") && !printed.contains("u:p"),
        "{printed}"
    );
    // The same but for secrets, which are never printed.
    let again = parse("printed", &printed).unwrap();
    assert_eq!((again.feeds, again.store.writers), (loaded.config.feeds, 3));
}
