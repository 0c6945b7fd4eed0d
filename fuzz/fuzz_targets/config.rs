//! Any text is a configuration or has faults, and a configuration survives being written and read again.
//!
//! Holds: no panic; a refused text has at least one fault, each of them one line; a configuration that was taken is
//! the same after `to_toml` and `parse`.
#![no_main]

use aisd::config::load::parse;
use aisd::config::{FeedKind, Hidden, to_toml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match parse("fuzz.toml", text) {
        Ok(mut config) => {
            // Never shown, so it cannot be read back.
            config.http.jwt_secret = Hidden::default();
            if !config.aisstream.api_key.is_empty() {
                config.aisstream.api_key = Hidden::new("***");
            }
            for feed in &mut config.feeds {
                if let FeedKind::Aisstream { api_key, .. } = &mut feed.kind {
                    api_key.clone_from(&config.aisstream.api_key);
                }
            }
            let written = to_toml(&config);
            match parse("again.toml", &written) {
                Ok(again) => assert_eq!(config, again, "{written}"),
                Err(faults) => panic!("{faults:?}\n{written}"),
            }
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                let line = fault.to_string();
                assert!(!line.contains(char::is_control), "{line:?}");
            }
        }
    }
});
