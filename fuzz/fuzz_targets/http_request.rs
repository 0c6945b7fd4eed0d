//! Any bytes are the beginning of a request, a whole head, or refused, however they come.
//!
//! Input: the bytes that a connection brings.
//!
//! Holds: no panic; as long as more may come, no beginning of a whole head is refused, and all of them are incomplete; a head that is taken
//! announces no more than a body may have, is not chunked, has one length and one token; what is refused is answered with one of the
//! statuses that heads have, as JSON.
#![no_main]

use aisd::http::request::{HEAD_BYTES_MAX, Head, read_head};
use libfuzzer_sys::fuzz_target;

const BODY_BYTES_MAX: u64 = 1 << 20;

fuzz_target!(|input: &[u8]| {
    match read_head(input) {
        Head::Incomplete => assert!(input.len() < HEAD_BYTES_MAX),
        Head::Complete(request, length) => {
            assert!(length <= input.len() && length <= HEAD_BYTES_MAX);
            assert!(request.body_bytes <= BODY_BYTES_MAX);
            assert!(request.body.is_empty() && request.subject.is_none());
            let head = String::from_utf8_lossy(&input[..length]).to_ascii_lowercase();
            let named = |name: &str| head.lines().filter(|line| line.starts_with(name)).count();
            assert_eq!(named("transfer-encoding:"), 0, "{head}");
            assert!(named("authorization:") <= 1, "{head}");
            for end in 0..length {
                assert!(matches!(read_head(&input[..end]), Head::Incomplete), "{end} of {head}");
            }
            assert!(
                matches!(read_head(&input[..length]), Head::Complete(again, _) if again == request)
            );
        }
        Head::Refused(reply) => {
            assert!([400, 411, 413, 431].contains(&reply.status), "{}", reply.status);
            let told: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
            assert!(told["error"].is_string());
        }
    }
});
