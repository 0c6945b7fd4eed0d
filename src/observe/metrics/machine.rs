//! Metrics of threads, of the process, and of the build.

use super::list::Metric;
use super::seen::{float, seconds, signed};
use crate::observe::log;
use crate::observe::status::State;

/// Metrics of threads, of the process, and of the build.
pub const METRICS: &[Metric] = &[
    Metric::counter(
        "ais_thread_turns_total",
        &["thread", "turn"],
        "Turns of a thread: busy ones moved something, idle ones found nothing, stalled ones found the next queue full.",
        |seen, out| {
            for stage in &seen.stages {
                out.put(&[&stage.name, "busy"], float(stage.turns_busy.get()));
                out.put(&[&stage.name, "idle"], float(stage.turns_idle.get()));
                out.put(&[&stage.name, "stalled"], float(stage.turns_stalled.get()));
            }
        },
    ),
    Metric::counter(
        "ais_thread_busy_seconds_total",
        &["thread"],
        "Time that a thread spent in busy turns, waiting inside of them included.",
        |seen, out| {
            for stage in &seen.stages {
                out.put(&[&stage.name], float(stage.busy_ns.get()) / 1e9);
            }
        },
    ),
    Metric::gauge(
        "ais_thread_longest_turn_seconds",
        &["thread"],
        "The longest turn of a thread since the start.",
        |seen, out| {
            for stage in &seen.stages {
                out.put(&[&stage.name], seconds(stage.turn_us_max.get()));
            }
        },
    ),
    Metric::counter(
        "ais_thread_cpu_seconds_total",
        &["thread"],
        "Processor time of a thread.",
        |seen, out| {
            // Named as the engine names them: other threads' names are not a closed set.
            for (name, cpu) in &seen.process.thread_cpu_seconds {
                if seen.stages.iter().any(|stage| stage.name == *name) {
                    out.put(&[name], *cpu);
                }
            }
        },
    ),
    Metric::gauge(
        "ais_build_info",
        &["version"],
        "The version, as a label; always 1.",
        |_, out| {
            out.put(&[env!("CARGO_PKG_VERSION")], 1.0);
        },
    ),
    Metric::gauge("ais_ready", &[], "Whether messages are taken: 1 or 0.", |seen, out| {
        out.put(&[], f64::from(u8::from(seen.state == State::Ready)));
    }),
    Metric::counter(
        "ais_clock_step_total",
        &[],
        "Times that the time of day was set, by half a second or more.",
        |seen, out| out.put(&[], float(seen.counts.clock_steps.get())),
    ),
    Metric::counter(
        "ais_config_reloads_total",
        &["result"],
        "Times that SIGHUP had the configuration read again: applied, unchanged, or refused whole.",
        |seen, out| {
            let reloads = &seen.counts.reloads;
            out.put(&["applied"], float(reloads.applied.get()));
            out.put(&["unchanged"], float(reloads.unchanged.get()));
            out.put(&["refused"], float(reloads.refused.get()));
        },
    ),
    Metric::counter(
        "ais_log_lines_total",
        &["level"],
        "Lines of the log at level error (something is lost, or help is needed) and warn (it recovered by itself).",
        |_, out| {
            for (level, count) in log::lines() {
                out.put(&[level], float(count));
            }
        },
    ),
    Metric::gauge("process_resident_memory_bytes", &[], "Memory in use.", |seen, out| {
        out.put(&[], float(seen.process.rss_bytes));
    }),
    Metric::gauge(
        "ais_process_resident_memory_peak_bytes",
        &[],
        "The most memory in use since the start.",
        |seen, out| out.put(&[], float(seen.process.rss_peak_bytes)),
    ),
    Metric::counter(
        "process_cpu_seconds_total",
        &[],
        "Processor time of all threads.",
        |seen, out| {
            out.put(&[], seen.process.cpu_seconds);
        },
    ),
    Metric::gauge("process_threads", &[], "Threads.", |seen, out| {
        out.put(&[], float(seen.process.threads));
    }),
    Metric::gauge("process_open_fds", &[], "Open files and sockets.", |seen, out| {
        out.put(&[], float(seen.process.open_files));
    }),
    Metric::gauge(
        "process_start_time_seconds",
        &[],
        "When the process started, seconds since 1970.",
        |seen, out| out.put(&[], signed(seen.started_us) / 1e6),
    ),
];
