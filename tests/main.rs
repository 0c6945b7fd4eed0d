//! The promises of aisd, one file for each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod decode_answers;
mod decode_field;
mod decode_properties;
mod decode_reports;
mod metrics_lint;
mod support;
mod tidy;
