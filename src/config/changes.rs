//! What differs between two configurations, and what of it a running daemon can follow.

use super::Config;
use super::keys::KEYS;
use super::sources::FEEDS;

/// How outputs are named, which are no keys.
const OUTPUTS: &str = "outputs";

/// Keys that a running daemon follows when it is told to read its configuration again. Everything else shapes threads, sockets and
/// files at the start, or what is decided of messages, which has to stay the same for all that the journal holds.
pub const LIVE: &[&str] = &["shutdown_seconds", "http.jwt_secret", "log.level"];

/// The keys whose values differ, and `feeds` or `outputs` when any of those does.
#[must_use]
pub fn changed(before: &Config, after: &Config) -> Vec<&'static str> {
    let keys = KEYS.iter().filter(|key| !(key.same)(before, after)).map(|key| key.path);
    keys.chain((before.feeds != after.feeds).then_some(FEEDS))
        .chain((before.outputs != after.outputs).then_some(OUTPUTS))
        .collect()
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
    }

    #[test]
    fn what_can_change_is_a_key() {
        for path in LIVE {
            assert!(super::super::keys::find(path).is_some(), "{path}");
        }
    }
}
