//! The tables of feeds: what is made of their keys, and back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use super::kinds::{KINDS, Otherwise, keys_of};
use super::rule::Value;
use super::{FeedConfig, FeedKind, Hidden, SignalrConfig};

/// Feeds at most; their numbers are one byte, and those of earlier runs count too.
pub const FEEDS_MAX: usize = 64;

/// Where feeds listen when none is configured.
const DEFAULT_ADDRESS: &str = "127.0.0.1:10110";

/// What a feed's table holds, by key, already checked.
pub type Values = BTreeMap<&'static str, Value>;

/// Makes a feed of checked values; what is left out gets its default. `None` when a required key is missing.
#[must_use]
pub fn build(kind: &str, mut values: Values) -> Option<FeedConfig> {
    for key in keys_of(kind)? {
        let default = match key.otherwise {
            Otherwise::Required | Otherwise::Absent => continue,
            Otherwise::Whole(default) => Value::Whole(default),
            Otherwise::False => Value::Truth(false),
            Otherwise::Text(default) => Value::Text(default.to_owned()),
        };
        values.entry(key.name).or_insert(default);
    }
    let kind = match kind {
        "udp" => FeedKind::Udp {
            address: text(&values, "address")?,
            receive_buffer_bytes: whole(&values, "receive_buffer_bytes")?.try_into().ok()?,
        },
        "tcp" => FeedKind::Tcp {
            address: text(&values, "address")?,
            clients_max: whole(&values, "clients_max")?.try_into().ok()?,
            clients_per_address_max: whole(&values, "clients_per_address_max")?.try_into().ok()?,
            idle_seconds: whole(&values, "idle_seconds")?,
        },
        "tcp_client" => FeedKind::TcpClient {
            address: text(&values, "address")?,
            hello: text(&values, "hello").filter(|hello| !hello.is_empty()),
            silent_seconds: whole(&values, "silent_seconds")?,
        },
        "http" => FeedKind::Http {
            address: text(&values, "address").unwrap_or_default(),
            token: Hidden::new(text(&values, "token").unwrap_or_default()),
        },
        "aisstream" => FeedKind::Aisstream {
            url: text(&values, "url")?,
            api_key: Hidden::default(),
            boxes: text(&values, "boxes")?,
            types: text(&values, "types"),
            silent_seconds: whole(&values, "silent_seconds")?,
            ca_file: text(&values, "ca_file").map(PathBuf::from),
        },
        "signalr" => FeedKind::Signalr {
            url: text(&values, "url")?,
            ca_file: text(&values, "ca_file").map(PathBuf::from),
            hub: hub(&values)?,
        },
        "file" => FeedKind::File {
            path: PathBuf::from(text(&values, "path")?),
            pace: match values.get("pace") {
                Some(Value::Real(pace)) => Some(*pace),
                _ => None,
            },
            start: text(&values, "start"),
            again: truth(&values, "again"),
        },
        _ => return None,
    };
    Some(FeedConfig { name: text(&values, "name"), kind })
}

fn hub(values: &Values) -> Option<SignalrConfig> {
    Some(SignalrConfig {
        device: text(values, "device")?,
        action_type: text(values, "action_type")?,
        user_id: text(values, "user_id")?,
        query: text(values, "query")?,
        query_minutes: whole(values, "query_minutes")?,
        latest_first: truth(values, "latest_first"),
        using_last_update_time: truth(values, "using_last_update_time"),
        trigger_seconds: whole(values, "trigger_seconds")?,
        silent_seconds: whole(values, "silent_seconds")?,
    })
}

fn values_of_hub(hub: &SignalrConfig) -> Vec<(&'static str, Value)> {
    let text = |text: &String| Value::Text(text.clone());
    let whole = |whole: u64| Value::Whole(i64::try_from(whole).unwrap_or(i64::MAX));
    vec![
        ("device", text(&hub.device)),
        ("action_type", text(&hub.action_type)),
        ("user_id", text(&hub.user_id)),
        ("query", text(&hub.query)),
        ("query_minutes", whole(hub.query_minutes)),
        ("latest_first", Value::Truth(hub.latest_first)),
        ("using_last_update_time", Value::Truth(hub.using_last_update_time)),
        ("trigger_seconds", whole(hub.trigger_seconds)),
        ("silent_seconds", whole(hub.silent_seconds)),
    ]
}

fn shown(path: &Path) -> Value {
    Value::Text(path.to_string_lossy().into_owned())
}

fn text(values: &Values, name: &str) -> Option<String> {
    if let Some(Value::Text(text)) = values.get(name) { Some(text.clone()) } else { None }
}

fn truth(values: &Values, name: &str) -> bool {
    matches!(values.get(name), Some(Value::Truth(true)))
}

fn whole(values: &Values, name: &str) -> Option<u64> {
    if let Some(Value::Whole(whole)) = values.get(name) { (*whole).try_into().ok() } else { None }
}

/// The keys and values of a feed, in the order of its kind's keys; absent ones left out.
#[must_use]
pub fn values_of(feed: &FeedConfig) -> Vec<(&'static str, Value)> {
    let size = |value: u64| Value::Whole(i64::try_from(value).unwrap_or(i64::MAX));
    let mut values = Vec::new();
    values.extend(feed.name.clone().map(|name| ("name", Value::Text(name))));
    match &feed.kind {
        FeedKind::Udp { address, receive_buffer_bytes } => {
            values.push(("address", Value::Text(address.clone())));
            values.push(("receive_buffer_bytes", size(*receive_buffer_bytes as u64)));
        }
        FeedKind::Tcp { address, clients_max, clients_per_address_max, idle_seconds } => {
            values.push(("address", Value::Text(address.clone())));
            values.push(("clients_max", size(*clients_max as u64)));
            values.push(("clients_per_address_max", size(*clients_per_address_max as u64)));
            values.push(("idle_seconds", size(*idle_seconds)));
        }
        FeedKind::TcpClient { address, hello, silent_seconds } => {
            values.push(("address", Value::Text(address.clone())));
            values.extend(hello.clone().map(|hello| ("hello", Value::Text(hello))));
            values.push(("silent_seconds", size(*silent_seconds)));
        }
        FeedKind::Http { address, token } => {
            values.push(("address", Value::Text(address.clone())));
            values.push(("token", Value::Text(token.to_string())));
        }
        FeedKind::Aisstream { url, api_key: _, boxes, types, silent_seconds, ca_file } => {
            values.push(("url", Value::Text(url.clone())));
            values.push(("boxes", Value::Text(boxes.clone())));
            values.extend(types.clone().map(|types| ("types", Value::Text(types))));
            values.push(("silent_seconds", size(*silent_seconds)));
            values.extend(ca_file.as_deref().map(|path| ("ca_file", shown(path))));
        }
        FeedKind::Signalr { url, ca_file, hub } => {
            values.push(("url", Value::Text(url.clone())));
            values.extend(values_of_hub(hub));
            values.extend(ca_file.as_deref().map(|path| ("ca_file", shown(path))));
        }
        FeedKind::File { path, pace, start, again } => {
            values.push(("path", Value::Text(path.to_string_lossy().into_owned())));
            values.extend(pace.map(|pace| ("pace", Value::Real(pace))));
            values.extend(start.clone().map(|start| ("start", Value::Text(start))));
            values.push(("again", Value::Truth(*again)));
        }
    }
    values
}

/// A feed of this kind that listens at, connects to or reads this, everything else at its default.
#[must_use]
pub fn simple(kind: &str, target: &str) -> Option<FeedConfig> {
    let place = match kind {
        "file" => "path",
        "aisstream" | "signalr" => "url",
        _ => "address",
    };
    build(kind, Values::from([(place, Value::Text(target.to_owned()))]))
}

/// The feeds of a configuration that names none: UDP and TCP on `127.0.0.1:10110`, and what is posted to the HTTP face, if there is one.
#[must_use]
pub fn default_feeds(has_face: bool) -> Vec<FeedConfig> {
    let feeds = [("udp", DEFAULT_ADDRESS), ("tcp", DEFAULT_ADDRESS), ("http", "")];
    let wanted = feeds.iter().filter(|(kind, _)| has_face || *kind != "http");
    wanted.filter_map(|(kind, target)| simple(kind, target)).collect()
}

/// Where a feed of this address takes posts: empty for where the face listens. Any free port is never the face's.
#[must_use]
pub fn posts_at<'a>(address: &'a str, face: &str) -> &'a str {
    if address == face && !address.ends_with(":0") { "" } else { address }
}

/// What is wrong with the feeds that take posts, where the face listens at this address.
#[must_use]
pub fn wrong_posts(feeds: &[FeedConfig], face: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut known: Vec<(&str, &Hidden, &str)> = Vec::new();
    for feed in feeds {
        let FeedKind::Http { address, token } = &feed.kind else { continue };
        let name = feed.name.as_deref().unwrap_or_default();
        let at = posts_at(address, face);
        if at.is_empty() && face.is_empty() {
            wrong.push(format!(
                "the feed \"{name}\" takes what is posted to http.address, which is \"\"; give it an address"
            ));
        }
        if let Some((_, _, other)) = known.iter().find(|it| (it.0, it.1) == (at, token)) {
            wrong.push(format!(
                "the feeds \"{other}\" and \"{name}\" take posts at the same address with the same token, or none; tokens must differ"
            ));
        }
        known.push((at, token, name));
    }
    wrong
}

/// What listens where another does, which one of the two could not. Feeds of posts may share an address, and that of the face.
#[must_use]
pub fn wrong_addresses(feeds: &[FeedConfig], face: &str) -> Vec<String> {
    let mut known = vec![("tcp", face, true, "http")];
    let mut wrong = Vec::new();
    for feed in feeds {
        let Some((protocol, address)) = feed.kind.listens() else { continue };
        let takes_posts = matches!(feed.kind, FeedKind::Http { .. });
        // Of port 0 each gets one of its own.
        if address.is_empty() || address.ends_with(":0") {
            continue;
        }
        let name = feed.name.as_deref().unwrap_or_default();
        let is_there = |it: &&(_, _, bool, _)| (it.0, it.1) == (protocol, address);
        let other = known.iter().find(is_there).filter(|it| !(takes_posts && it.2));
        if let Some((_, _, _, other)) = other {
            wrong.push(format!(
                "\"{other}\" and \"{name}\" both listen at {address} ({protocol}); addresses must differ"
            ));
        }
        known.push((protocol, address, takes_posts, name));
    }
    wrong
}

/// What takes posts from other machines and wants no token.
#[must_use]
pub fn open_posts(feeds: &[FeedConfig], face: &str) -> Vec<String> {
    let is_near = |address: &str| {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        host == "localhost" || host == "[::1]" || host.starts_with("127.")
    };
    let open = feeds.iter().filter_map(|feed| {
        let FeedKind::Http { address, token } = &feed.kind else { return None };
        let at = if address.is_empty() { face } else { address };
        let name = feed.name.as_deref().unwrap_or_default();
        (token.is_empty() && !is_near(at)).then(|| {
            format!("the feed \"{name}\" takes what anybody posts to {at}: give it a token")
        })
    });
    open.collect()
}

/// Names every feed that has no name: its kind, numbered from the second on, passing over names that are taken.
pub fn give_names(feeds: &mut [FeedConfig]) {
    for at in 0..feeds.len() {
        if feeds[at].name.is_some() {
            continue;
        }
        let names: Vec<_> = feeds.iter().map(|feed| feed.name.as_deref()).collect();
        feeds[at].name = free_name(feeds[at].kind.label(), &names);
    }
}

/// A kind as a name, numbered from the second on, that is not among these.
pub(super) fn free_name(kind: &str, names: &[Option<&str>]) -> Option<String> {
    (1..=names.len() + 1)
        .map(|n| if n == 1 { kind.to_owned() } else { format!("{kind}{n}") })
        .find(|name| !names.contains(&Some(name.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_kind_numbered_from_the_second_on() {
        let mut feeds: Vec<_> =
            ["udp", "udp", "tcp", "udp"].iter().filter_map(|kind| simple(kind, "a:1")).collect();
        feeds[3].name = Some("udp2".to_owned());
        give_names(&mut feeds);
        let names: Vec<_> = feeds.iter().filter_map(|feed| feed.name.as_deref()).collect();
        assert_eq!(names, ["udp", "udp3", "tcp", "udp2"]);
    }

    #[test]
    fn a_feed_is_made_again_from_its_own_values() {
        for (kind, _) in KINDS {
            let feed = simple(kind, "host:1").unwrap();
            assert_eq!(build(kind, values_of(&feed).into_iter().collect()), Some(feed.clone()));
            assert_eq!(feed.kind.label(), *kind);
        }
        let hello = Value::Text("?WATCH={\"nmea\":true}".to_owned());
        let address = Value::Text("gpsd:2947".to_owned());
        let feed = build("tcp_client", Values::from([("address", address), ("hello", hello)]));
        let feed = feed.unwrap();
        assert_eq!(build("tcp_client", values_of(&feed).into_iter().collect()), Some(feed));
    }
}
