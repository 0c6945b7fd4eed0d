//! What differs between two configurations, and what of it a running daemon can follow.

use super::keys::KEYS;
use super::sources::FEEDS;
use super::{Config, FeedConfig, FeedKind, Hidden};

/// What those must have who post to feeds.
pub const TOKENS: &str = "feeds.token";

/// How outputs are named, which are no keys.
const OUTPUTS: &str = "outputs";

/// Keys that a running daemon follows when it is told to read its configuration again. Everything else shapes threads, sockets and
/// files at the start, or what is decided of messages, which has to stay the same for all that the journal holds.
pub const LIVE: &[&str] = &["shutdown_seconds", "http.jwt_secret", "log.level", TOKENS];

/// The keys whose values differ; `feeds.token` when feeds differ in that alone, and `feeds` when they do in anything else; `outputs`
/// when any of those does.
#[must_use]
pub fn changed(before: &Config, after: &Config) -> Vec<&'static str> {
    let keys = KEYS.iter().filter(|key| !(key.same)(before, after)).map(|key| key.path);
    let feeds = if before.feeds == after.feeds {
        None
    } else if without_tokens(&before.feeds) == without_tokens(&after.feeds) {
        Some(TOKENS)
    } else {
        Some(FEEDS)
    };
    let outputs = (before.outputs != after.outputs).then_some(OUTPUTS);
    keys.chain(feeds).chain(outputs).collect()
}

fn without_tokens(feeds: &[FeedConfig]) -> Vec<FeedConfig> {
    let mut feeds = feeds.to_vec();
    for feed in &mut feeds {
        if let FeedKind::Http { token, .. } = &mut feed.kind {
            *token = Hidden::default();
        }
    }
    feeds
}

#[cfg(test)]
mod tests {
    use super::super::load::parse;
    use super::*;

    #[test]
    fn what_differs_is_named_secrets_too() {
        let check = |before: &str, after: &str, expected: &[&str]| {
            let parse = |text| parse("a.toml", text).unwrap();
            assert_eq!(changed(&parse(before), &parse(after)), expected, "{before} {after}");
        };
        check("", "[log]\nlevel = \"info\"\n", &[]);
        check(
            "",
            "shutdown_seconds = 7\n[log]\nlevel = \"debug\"\n",
            &["shutdown_seconds", "log.level"],
        );
        // Both are shown as the same stars.
        let secret = |letter: &str| format!("[http]\njwt_secret = \"{}\"\n", letter.repeat(32));
        check(&secret("a"), &secret("b"), &["http.jwt_secret"]);
        let url = |password: &str| format!("[store]\nurl = \"postgres://u:{password}@h/d\"\n");
        check(&url("a"), &url("b"), &["store.url"]);
        check("", "[[feeds]]\nkind = \"udp\"\naddress = \"127.0.0.1:1\"\n", &["feeds"]);
        check("", "[[outputs]]\nkind = \"udp\"\naddress = \"127.0.0.1:1\"\n", &["outputs"]);
        let posts = |name: &str, token: &str| {
            let token = token.repeat(32);
            format!("[[feeds]]\nkind = \"http\"\nname = \"{name}\"\ntoken = \"{token}\"\n")
        };
        check(&posts("a", "x"), &posts("a", "y"), &[TOKENS]);
        check(&posts("a", "x"), &posts("a", ""), &[TOKENS]);
        check(&posts("a", "x"), &posts("b", "y"), &[FEEDS]);
    }

    #[test]
    fn what_can_change_is_a_key() {
        for path in LIVE.iter().filter(|path| **path != TOKENS) {
            assert!(super::super::keys::find(path).is_some(), "{path}");
        }
    }
}
