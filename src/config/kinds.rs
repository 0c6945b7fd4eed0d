//! Every kind of feed with its keys, and what each key may be.

use super::rule::Rule;

/// Where aisstream.io is.
const AISSTREAM_URL: &str = "wss://stream.aisstream.io/v0/stream";

/// The messages that aisstream.io can be asked for.
pub const AISSTREAM_TYPES: &[&str] = &[
    "AddressedBinaryMessage",
    "AddressedSafetyMessage",
    "AidsToNavigationReport",
    "AssignedModeCommand",
    "BaseStationReport",
    "BinaryAcknowledge",
    "BinaryBroadcastMessage",
    "ChannelManagement",
    "CoordinatedUTCInquiry",
    "DataLinkManagementMessage",
    "ExtendedClassBPositionReport",
    "GnssBroadcastBinaryMessage",
    "GroupAssignmentCommand",
    "Interrogation",
    "LongRangeAisBroadcastMessage",
    "MultiSlotBinaryMessage",
    "PositionReport",
    "SafetyBroadcastMessage",
    "ShipStaticData",
    "SingleSlotBinaryMessage",
    "StandardClassBPositionReport",
    "StandardSearchAndRescueAircraftReport",
    "StaticDataReport",
];

/// One key of a kind of feed.
pub struct FeedKey {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub rule: Rule,
    /// Whether it must be there, may be left out, or has a default.
    pub otherwise: Otherwise,
}

/// What happens when a key of a feed is left out.
#[derive(Clone, Copy)]
pub enum Otherwise {
    /// A fault.
    Required,
    /// It stays absent.
    Absent,
    /// This number.
    Whole(i64),
    /// This text.
    Text(&'static str),
    /// False.
    False,
}

/// A key of this name, that may be this, or is this when it is left out.
pub const fn key(name: &'static str, rule: Rule, otherwise: Otherwise) -> FeedKey {
    FeedKey { name, rule, otherwise }
}

const NAME: FeedKey = key("name", Rule::Name, Otherwise::Absent);
const ADDRESS: FeedKey = key("address", Rule::Address, Otherwise::Required);

/// Every kind of feed with its keys.
pub const KINDS: &[(&str, &[FeedKey])] = &[
    (
        "udp",
        &[
            NAME,
            ADDRESS,
            key("receive_buffer_bytes", Rule::Whole(4096, 1 << 30), Otherwise::Whole(4 << 20)),
        ],
    ),
    (
        "tcp",
        &[
            NAME,
            ADDRESS,
            key("clients_max", Rule::Whole(1, 65_536), Otherwise::Whole(4096)),
            key("clients_per_address_max", Rule::Whole(1, 65_536), Otherwise::Whole(3072)),
            key("idle_seconds", Rule::Whole(1, 86_400), Otherwise::Whole(300)),
        ],
    ),
    (
        "tcp_client",
        &[
            NAME,
            ADDRESS,
            key("hello", Rule::TokenOrNone, Otherwise::Absent),
            key("silent_seconds", Rule::Whole(1, 86_400), Otherwise::Whole(60)),
        ],
    ),
    (
        "http",
        &[
            NAME,
            key("address", Rule::AddressOrNone, Otherwise::Absent),
            key("token", Rule::HiddenOrNone, Otherwise::Absent),
        ],
    ),
    (
        "aisstream",
        &[
            NAME,
            key("url", Rule::Url(&["wss", "ws"]), Otherwise::Text(AISSTREAM_URL)),
            key("boxes", Rule::Boxes, Otherwise::Text("-90,-180,90,180")),
            key("types", Rule::SomeOf(AISSTREAM_TYPES), Otherwise::Absent),
            key("silent_seconds", Rule::Whole(1, 86_400), Otherwise::Whole(120)),
            key("ca_file", Rule::Text, Otherwise::Absent),
        ],
    ),
    (
        "signalr",
        &[
            NAME,
            key("url", Rule::Url(&["https", "http"]), Otherwise::Required),
            key("device", Rule::AnyText, Otherwise::Text("")),
            key("action_type", Rule::AnyText, Otherwise::Text("")),
            key("user_id", Rule::AnyText, Otherwise::Text("")),
            key("query", Rule::AnyText, Otherwise::Text("")),
            key("query_minutes", Rule::Whole(1, 1440), Otherwise::Whole(10)),
            key("latest_first", Rule::Truth, Otherwise::False),
            key("using_last_update_time", Rule::Truth, Otherwise::False),
            key("trigger_seconds", Rule::Whole(0, 86_400), Otherwise::Whole(15)),
            key("silent_seconds", Rule::Whole(1, 86_400), Otherwise::Whole(60)),
            key("ca_file", Rule::Text, Otherwise::Absent),
        ],
    ),
    (
        "file",
        &[
            NAME,
            key("path", Rule::Text, Otherwise::Required),
            key("pace", Rule::Real(0.001, 1_000_000.0), Otherwise::Absent),
            key("start", Rule::Time, Otherwise::Absent),
            key("again", Rule::Truth, Otherwise::False),
        ],
    ),
];

/// The keys of a kind.
#[must_use]
pub fn keys_of(kind: &str) -> Option<&'static [FeedKey]> {
    KINDS.iter().find(|(name, _)| *name == kind).map(|(_, keys)| *keys)
}

#[cfg(test)]
mod tests {
    use super::super::load::parse;
    use super::*;

    const SHIPPED: &str = include_str!("../../config/aisd.toml");

    #[test]
    fn the_shipped_file_shows_every_key_of_every_kind_of_feed() {
        for (kind, keys) in KINDS {
            let bare = SHIPPED.replace("# ", "");
            let table =
                bare.split("[[feeds]]").find(|part| part.contains(&format!("kind = \"{kind}\"")));
            let table = table.unwrap_or_else(|| panic!("no example of {kind}"));
            for key in *keys {
                assert!(
                    table.contains(&format!("\n{} = ", key.name)),
                    "{kind} without {}",
                    key.name
                );
            }
        }
    }

    #[test]
    fn the_examples_in_comments_are_right() {
        let at = SHIPPED.find("# [[feeds]]").unwrap();
        let settings = |line: &str| line.contains(" = ") || line.starts_with("[[");
        let examples: String = SHIPPED[at..]
            .lines()
            .map(|line| line.trim_start_matches("# "))
            .filter(|line| settings(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        let text = format!("[aisstream]\napi_key = \"some key\"\n{examples}");
        let config = parse("examples", &text).unwrap();
        assert_eq!(config.feeds.len(), 4);
    }
}
