//! Puts the layers together: defaults < file < file of variables < environment < files of secrets < command line.
//!
//! All faults of all layers are found before anything is refused, so that one look mends them all.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::env_file;
use super::fault::{Fault, nearest};
use super::feeds::{self, FEEDS_MAX, give_names};
use super::judging;
use super::keys::{self, COMMON_VARIABLES, KEYS};
use super::outputs;
use super::read::read_toml;
use super::rule::{Rule, Value};
use super::secret_files::{self, Found};
use super::sources::{Layers, Sources};
use super::{AtBound, Config, FeedConfig, FeedKind};
use crate::exit::{self, Failure};

/// Read when it is there and no other file is named.
pub const DEFAULT_FILE: &str = "/etc/aisd/aisd.toml";
/// Names the file when the command line does not.
const FILE_VARIABLE: &str = "AISD_CONFIG";

/// What the command line says; what is absent or empty leaves the other layers alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flags {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--env-file`.
    pub env_file: Option<PathBuf>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--http`.
    pub http: Option<String>,
    /// Feeds named on the command line, as flag, kind and target; any takes the place of all others.
    pub feeds: Vec<(&'static str, &'static str, String)>,
    /// `--pace`, for files.
    pub pace: Option<f64>,
    /// `--start`, for files.
    pub start: Option<String>,
    /// `--again`, for files.
    pub again: bool,
}

/// A configuration that is right, and what should be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The configuration; every feed has a name.
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What is not wrong but looks unintended.
    pub warnings: Vec<String>,
    /// Where each setting comes from.
    pub sources: Sources,
}

/// Variables of the environment that lists feeds, with the kind of each.
pub const FEED_VARIABLES: &[(&str, &str)] = &[
    ("AISD_UDP", "udp"),
    ("AISD_TCP", "tcp"),
    ("AISD_TCP_CONNECT", "tcp_client"),
    ("AISD_HTTP_FEED", "http"),
    ("AISD_FILE", "file"),
];

/// Loads the configuration from the file, this process' environment and the flags.
///
/// # Errors
/// Every fault that was found, one a line, or that the named file cannot be read.
pub fn load(flags: &Flags) -> Result<Loaded, Failure> {
    load_from(flags, std::env::vars_os())
}

/// Like [`load`], with this environment.
///
/// # Errors
/// Every fault that was found, one a line, or that the named file cannot be read.
pub fn load_from(
    flags: &Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, Failure> {
    let mut faults = Vec::new();
    let own: Vec<(OsString, OsString)> = environment.into_iter().collect();
    let env_file = flags.env_file.as_deref();
    let added = env_file::beyond(&own, env_file, &mut faults)?;
    let secrets = secret_files::read(&[&own[..], &added[..]].concat(), &mut faults);
    // Each by itself: a setting has more names than one, and the order of those holds within a layer.
    let layers = [(added, env_file), (own, None)]
        .map(|(variables, file)| (our_variables(variables, &mut faults), file));
    let (mut config, mut warnings) = (Config::default(), Vec::new());
    let mut nearest_first = layers.iter().rev().flat_map(|(variables, _)| variables);
    let named = nearest_first.find(|(name, _)| name == FILE_VARIABLE).map(|(_, path)| path);
    let file = read_file(flags, named, &mut config, &mut faults)?;
    let names = layers
        .iter()
        .flat_map(|(variables, file)| variables.iter().map(move |(name, _)| (name.clone(), *file)));
    let sources = Sources::of_layers(&Layers {
        file: file.as_ref().map(|(path, text)| (path.as_path(), text.as_str())),
        environment: &names.collect::<Vec<_>>(),
        secrets: &secrets,
        flags,
    });
    for (variables, _) in &layers {
        put_environment(variables, &mut config, &mut faults, &mut warnings);
    }
    put_secrets(secrets, &mut config, &mut faults);
    put_flags(flags, &mut config, &mut faults);
    finish(&mut config, &mut faults);
    if faults.is_empty() {
        warnings.extend(feeds::open_posts(&config.feeds, &config.http.address));
        warnings.extend(judging::strangers(&config));
        let file = file.map(|(path, _)| path);
        return Ok(Loaded { config, file, warnings, sources });
    }
    let texts: Vec<_> = faults.iter().map(Fault::to_string).collect();
    Err(Failure::new(exit::CONFIG, texts.join("\n")))
}

/// The configuration that this text alone makes, as [`load`] would finish it.
///
/// # Errors
/// Every fault that was found.
pub fn parse(name: &str, text: &str) -> Result<Config, Vec<Fault>> {
    let (mut config, mut faults) = (Config::default(), Vec::new());
    read_toml(name, text, &mut config, &mut faults);
    finish(&mut config, &mut faults);
    if faults.is_empty() { Ok(config) } else { Err(faults) }
}

fn our_variables(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    faults: &mut Vec<Fault>,
) -> Vec<(String, String)> {
    let mut ours = Vec::new();
    for (name, value) in environment {
        let is_common = |name: &&str| COMMON_VARIABLES.iter().any(|(known, _)| known == name);
        let is_ours = |name: &&str| name.starts_with("AISD_") || is_common(name);
        let Some(name) = name.to_str().filter(is_ours) else { continue };
        match value.into_string() {
            Ok(value) => ours.push((name.to_owned(), value)),
            Err(_) => faults.push(Fault::new(name, "the value is not valid UTF-8")),
        }
    }
    // The environment has no order of its own; texts should. Names that others know come first: ours win over them.
    ours.sort_by_key(|(name, _): &(String, String)| (name.starts_with("AISD_"), name.clone()));
    ours
}

fn read_file(
    flags: &Flags,
    from_environment: Option<&String>,
    config: &mut Config,
    faults: &mut Vec<Fault>,
) -> Result<Option<(PathBuf, String)>, Failure> {
    let named = flags.file.clone().or_else(|| from_environment.map(PathBuf::from));
    let path = named.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            read_toml(&path.to_string_lossy(), &text, config, faults);
            Ok(Some((path, text)))
        }
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(exit::NO_INPUT, cannot_read(&path, &error))),
    }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> String {
    format!("cannot read the configuration {}: {error}", path.display())
}

fn put_environment(
    environment: &[(String, String)],
    config: &mut Config,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<String>,
) {
    let mut named_feeds = Vec::new();
    for (name, value) in environment {
        let is_named = |key: &&keys::Key| {
            key.variable() == *name || key.common_variable() == Some(name.as_str())
        };
        if let Some(key) = KEYS.iter().find(is_named) {
            if let Err(text) = key.put(config, key.rule.read(value)) {
                faults.push(Fault::new(name, text));
            }
        } else if let Some((_, kind)) = FEED_VARIABLES.iter().find(|(known, _)| known == name) {
            for target in value.split([',', ' ']).filter(|target| !target.is_empty()) {
                named_feeds.extend(named_feed(name, kind, target, faults));
            }
        } else if name != FILE_VARIABLE {
            warnings.push(unknown_variable(name));
        }
    }
    if !named_feeds.is_empty() {
        config.feeds = named_feeds;
    }
}

fn put_secrets(secrets: Vec<Found>, config: &mut Config, faults: &mut Vec<Fault>) {
    for Found { place, key, value } in secrets {
        let Some(key) = keys::find(key) else { continue };
        if let Err(text) = key.put(config, Value::Text(value)) {
            faults.push(Fault::new(place, text));
        }
    }
}

/// Not a fault: container platforms put variables of their own under the name of a service.
fn unknown_variable(name: &str) -> String {
    let variables: Vec<_> = KEYS.iter().map(keys::Key::variable).collect();
    let known =
        variables.iter().map(String::as_str).chain(FEED_VARIABLES.iter().map(|(name, _)| *name));
    nearest(name, known).map_or_else(
        || format!("the environment variable {name} is no setting and is ignored"),
        |near| {
            format!(
                "the environment variable {name} is no setting and is ignored; did you mean {near}?"
            )
        },
    )
}

fn named_feed(
    place: &str,
    kind: &str,
    target: &str,
    faults: &mut Vec<Fault>,
) -> Option<FeedConfig> {
    let rule = match kind {
        "file" => Rule::Text,
        "http" => Rule::AddressOrNone,
        _ => Rule::Address,
    };
    match rule.check(Value::Text(target.to_owned())) {
        Ok(_) => feeds::simple(kind, target),
        Err(must_be) => {
            faults.push(Fault::new(place, format!("\"{target}\" must be {must_be}")));
            None
        }
    }
}

fn put_flags(flags: &Flags, config: &mut Config, faults: &mut Vec<Fault>) {
    let texts = [
        ("--data-dir", "data_dir", flags.data_dir.as_ref().map(|dir| dir.to_string_lossy().into())),
        ("--http", "http.address", flags.http.clone()),
    ];
    for (flag, path, value) in texts {
        let (Some(value), Some(key)) = (value, keys::find(path)) else { continue };
        if let Err(text) = key.put(config, Value::Text(value)) {
            faults.push(Fault::new(flag, text));
        }
    }
    if !flags.feeds.is_empty() {
        let named = flags.feeds.iter();
        config.feeds = named
            .filter_map(|(flag, kind, target)| named_feed(flag, kind, target, faults))
            .collect();
    }
    put_file_flags(flags, config, faults);
}

/// `--pace` and `--start` are for every file that is read.
fn put_file_flags(flags: &Flags, config: &mut Config, faults: &mut Vec<Fault>) {
    let pace = flags.pace.map(|pace| ("--pace", "pace", Value::Real(pace)));
    let start = flags.start.clone().map(|start| ("--start", "start", Value::Text(start)));
    for (flag, name, value) in pace.into_iter().chain(start) {
        let Some(key) =
            feeds::keys_of("file").and_then(|keys| keys.iter().find(|key| key.name == name))
        else {
            continue;
        };
        if let Err(must_be) = key.rule.check(value.clone()) {
            faults.push(Fault::new(flag, format!("{value} must be {must_be}")));
        }
    }
    for feed in &mut config.feeds {
        if let FeedKind::File { pace, start, again, .. } = &mut feed.kind {
            *again |= flags.again;
            *pace = flags.pace.or(*pace);
            *start = flags.start.clone().or_else(|| start.take());
        }
    }
}

/// Secrets of feeds, which stand outside their tables so that they can come from files of their own.
fn give_secrets(config: &mut Config, faults: &mut Vec<Fault>) {
    for feed in &mut config.feeds {
        let FeedKind::Aisstream { api_key, .. } = &mut feed.kind else { continue };
        api_key.clone_from(&config.aisstream.api_key);
        if api_key.is_empty() {
            let name = feed.name.as_deref().unwrap_or_default();
            faults.push(Fault::new(
                "configuration",
                format!(
                    "feed \"{name}\" needs aisstream.api_key; a systemd credential AISSTREAM_API_KEY is the best place for it"
                ),
            ));
        }
    }
}

/// A hub that is asked for the last minutes brings rows again that an earlier run has stored.
fn remember_as_far_as_looked_back(config: &mut Config) {
    for feed in &config.feeds {
        if let FeedKind::Signalr { hub, .. } = &feed.kind {
            let back = (hub.query_minutes + 2) * 60;
            config.shards.retry_seconds = config.shards.retry_seconds.max(back);
        }
    }
}

/// Default feeds, names, and what depends on more than one key.
fn finish(config: &mut Config, faults: &mut Vec<Fault>) {
    if config.feeds.is_empty() {
        config.feeds = feeds::default_feeds(!config.http.address.is_empty());
    }
    give_names(&mut config.feeds);
    outputs::give_names(&mut config.outputs);
    give_secrets(config, faults);
    remember_as_far_as_looked_back(config);
    let mut fault = |text: String| faults.push(Fault::new("configuration", text));
    if config.feeds.len() > FEEDS_MAX {
        fault(format!("{} feeds, must be at most {FEEDS_MAX}", config.feeds.len()));
    }
    for (at, feed) in config.feeds.iter().enumerate() {
        let name = feed.name.as_deref().unwrap_or_default();
        if config.feeds[..at].iter().any(|other| other.name == feed.name) {
            fault(format!("two feeds have the name \"{name}\"; names must differ"));
        }
    }
    outputs::wrong(&config.outputs).into_iter().for_each(&mut fault);
    let face = &config.http.address;
    feeds::wrong_posts(&config.feeds, face).into_iter().for_each(&mut fault);
    feeds::wrong_addresses(&config.feeds, face).into_iter().for_each(&mut fault);
    let journal = &config.journal;
    if journal.bytes_max / 4 < journal.segment_bytes {
        fault(format!(
            "journal.bytes_max is {}, must be at least four times journal.segment_bytes, which is {}",
            journal.bytes_max, journal.segment_bytes
        ));
    }
    let letters = &config.dead_letters;
    let rows_min = config.store.batch_rows_max.saturating_mul(2);
    if letters.at_bound == AtBound::Drop && letters.rows_max < rows_min {
        fault(format!(
            "dead_letters.rows_max is {}, must be at least twice store.batch_rows_max with at_bound \"drop\", which is {rows_min}",
            letters.rows_max
        ));
    }
}
