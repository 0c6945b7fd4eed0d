//! What a file of variables says, and what the environment says beside it.

use super::{file_with, with};
use crate::config::load::Flags;
use crate::config::{Config, FeedKind};

/// The configuration of a file of these variables beside this environment, and where one of its settings comes from.
fn loaded(file: &str, environment: &[(&str, &str)], path: &str) -> (Config, String) {
    let file = file_with(file);
    let flags = Flags { env_file: Some(file.path().into()), ..Flags::default() };
    let loaded = with(&flags, environment).unwrap();
    let place = loaded.sources.of(path).replace(&file.path().display().to_string(), "FILE");
    (loaded.config, place)
}

/// A setting has two names, of which ours wins within one environment; so what stood in the file under our name won over what the process was
/// started with under the other, and a daemon wrote to the database of the file.
#[test]
fn the_environment_wins_over_the_file_by_whatever_name() {
    let (old, new) = ("postgres://u:p@old/d", "postgres://u:p@new/d");
    let check = |in_file: &str, in_environment: &str, expected: &str, place: &str| {
        let (config, from) =
            loaded(&format!("{in_file}={old}"), &[(in_environment, new)], "store.url");
        assert_eq!(config.store.url.reveal(), expected, "{in_file} {in_environment}");
        assert_eq!(from, place, "{in_file} {in_environment}");
    };
    check("AISD_STORE_URL", "DATABASE_URL", new, "environment DATABASE_URL");
    check("DATABASE_URL", "AISD_STORE_URL", new, "environment AISD_STORE_URL");
    check("AISD_STORE_URL", "AISD_STORE_URL", new, "environment AISD_STORE_URL");
    check("AISD_STORE_URL", "UNRELATED", old, "AISD_STORE_URL in FILE");
    // Within one layer ours does.
    let both = [("DATABASE_URL", old), ("AISD_STORE_URL", new)];
    assert_eq!(loaded("", &both, "store.url").0.store.url.reveal(), new);
    let both = format!("AISD_STORE_URL={new}\nDATABASE_URL={old}\n");
    assert_eq!(loaded(&both, &[], "store.url").0.store.url.reveal(), new);
}

/// Feeds of both were added up, though any that a layer names take the place of all below.
#[test]
fn feeds_of_the_environment_take_the_place_of_those_of_the_file() {
    let kinds = |config: &Config| -> Vec<&str> {
        config.feeds.iter().map(|feed| feed.kind.label()).collect()
    };
    let file = "AISD_UDP=127.0.0.1:1";
    let (config, place) = loaded(file, &[("AISD_TCP", "127.0.0.1:2")], "feeds");
    assert_eq!((kinds(&config), place.as_str()), (vec!["tcp"], "environment AISD_TCP"));
    let (config, place) = loaded(file, &[], "feeds");
    assert_eq!((kinds(&config), place.as_str()), (vec!["udp"], "AISD_UDP in FILE"));
    assert!(matches!(&config.feeds[0].kind, FeedKind::Udp { .. }));
}

#[test]
fn the_environment_names_the_configuration_before_the_file_of_variables_does() {
    let (one, other) = (file_with("data_dir = \"one\"\n"), file_with("data_dir = \"other\"\n"));
    let name = |file: &tempfile::NamedTempFile| file.path().display().to_string();
    let variables = format!("AISD_CONFIG={}", name(&one));
    let path = name(&other);
    let data_dir =
        |environment: &[(&str, &str)]| loaded(&variables, environment, "data_dir").0.data_dir;
    assert_eq!(data_dir(&[("AISD_CONFIG", &path)]).to_str(), Some("other"));
    assert_eq!(data_dir(&[]).to_str(), Some("one"));
}
