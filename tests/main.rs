//! The promises of aisd, one file for each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod abuse;
mod accounting;
mod cache;
mod crash;
mod dead_letters;
mod decode_answers;
mod decode_field;
mod decode_properties;
mod decode_reports;
mod drain;
mod faults;
mod http_posts;
mod kernel;
mod live;
mod metrics_lint;
mod neighbours;
mod overload;
mod postgres_contention;
mod postgres_crash;
mod postgres_deadline;
mod postgres_fence;
mod postgres_network;
mod postgres_outage;
mod postgres_partitions;
mod postgres_poison;
mod postgres_pooler;
mod postgres_reader;
mod postgres_schema;
mod postgres_store;
mod postgres_store_tls;
mod postgres_tls;
mod recorded;
mod servers;
mod support;
mod tidy;
