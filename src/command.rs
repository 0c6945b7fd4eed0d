//! The command line: what can be asked of `aisd`, and who answers.
//!
//! Every command returns an exit code or a [`Failure`], whose text goes to standard error. Standard output carries only
//! what was asked for, so that it can be piped.

mod check_config;
mod checklist;
mod completions;
mod daemon;
mod decode;
mod dlq;
mod duration;
mod journal;
mod man;
mod migrate;
mod preflight;
mod print_config;
mod redis;
mod replay;
mod run;
mod top;
mod verify;
mod watch;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::load::Flags;
use crate::exit::{self, Failure};

/// Takes the radio reports of ships from any feed and lands each one durably, exactly once.
#[derive(Debug, Parser)]
#[command(name = "aisd", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon until it is told to stop
    Run(run::RunArgs),
    /// Read NMEA and write one JSON object a line
    Decode(decode::DecodeArgs),
    /// Feed recorded files through the whole engine, then end
    Replay(replay::ReplayArgs),
    /// Check the configuration and report all faults at once
    CheckConfig(FileArgs),
    /// Write the configuration that applies, as TOML
    PrintConfig(print_config::PrintConfigArgs),
    /// Bring the tables of a Postgres up to this program
    Migrate(FileArgs),
    /// Look whether a daemon will find what it needs, before it is deployed
    Preflight(preflight::PreflightArgs),
    /// Look whether a daemon that was just deployed is up, whole and free of errors
    Verify(verify::VerifyArgs),
    /// Watch a daemon after its deployment, and say whether it may stay
    Watch(watch::WatchArgs),
    /// Show what a running daemon is doing now
    Top(top::TopArgs),
    /// Look into the journal
    #[command(subcommand)]
    Journal(journal::JournalCommand),
    /// Look into the dead letters
    #[command(subcommand)]
    Dlq(dlq::DlqCommand),
    /// Look after the live picture
    #[command(subcommand)]
    Redis(redis::RedisCommand),
    /// Write a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Write the manual pages
    Man(man::ManArgs),
}

/// Where the configuration is read from.
#[derive(Args, Clone, Debug, Default)]
pub struct FileArgs {
    /// Read this file instead of /etc/aisd/aisd.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take variables such as DATABASE_URL from this file as well, lines of NAME=VALUE; the environment wins
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
}

/// Does what the arguments of this process ask for; its exit code.
#[must_use]
pub fn main() -> u8 {
    main_with(std::env::args_os(), &mut io::stdout().lock(), &mut io::stderr())
}

/// Does what these arguments ask for, the first being the program's name; the exit code.
pub fn main_with(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> u8 {
    let result = match Cli::try_parse_from(arguments) {
        Ok(cli) => dispatch(cli.command, out),
        Err(refusal) if refusal.use_stderr() => Err(usage(&refusal)),
        Err(help) => write_out(out, &help.to_string()),
    };
    match result {
        Ok(code) => code,
        Err(failure) => {
            // When even standard error is gone there is nobody left to tell.
            let _ = writeln!(errors, "{failure}");
            failure.code
        }
    }
}

fn dispatch(command: Command, out: &mut dyn Write) -> Result<u8, Failure> {
    match command {
        Command::Run(args) => run::run(args),
        Command::Decode(args) => decode::decode(&args, out),
        Command::Replay(args) => replay::replay(args),
        Command::CheckConfig(args) => check_config::check_config(&args, out),
        Command::PrintConfig(args) => print_config::print_config(args, out),
        Command::Migrate(args) => migrate::migrate(&args, out),
        Command::Preflight(args) => preflight::preflight(&args, out),
        Command::Verify(args) => verify::verify(&args, out),
        Command::Watch(args) => watch::watch(&args, out),
        Command::Top(args) => top::top(&args, out),
        Command::Journal(command) => journal::journal(command, out),
        Command::Dlq(command) => dlq::dlq(command, out),
        Command::Redis(command) => redis::redis(command, out),
        Command::Completions(args) => completions::completions(&args, out),
        Command::Man(args) => man::man(&args, out),
    }
}

fn usage(refusal: &clap::Error) -> Failure {
    let text = refusal.to_string();
    let text = text.trim_end();
    Failure::new(exit::USAGE, text.strip_prefix("error: ").unwrap_or(text))
}

/// Writes an answer; a reader that has seen enough is no failure.
fn write_out(out: &mut dyn Write, text: &str) -> Result<u8, Failure> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(exit::OK),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(exit::OK),
        Err(error) => {
            Err(Failure::new(exit::IO, format!("cannot write to standard output: {error}")))
        }
    }
}

impl FileArgs {
    /// As flags of the configuration.
    fn flags(&self) -> Flags {
        let (file, env_file) = (self.config.clone(), self.env_file.clone());
        Flags { file, env_file, ..Flags::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resilience::dead_letters::{DeadLetters, Letter, Refusal};
    use crate::rows::{MessageRow, Origin, Rows};

    fn run(arguments: &[&str]) -> (u8, String, String) {
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let arguments =
            std::iter::once("aisd").chain(arguments.iter().copied()).map(OsString::from);
        let code = main_with(arguments, &mut out, &mut errors);
        (code, String::from_utf8(out).unwrap(), String::from_utf8(errors).unwrap())
    }

    fn file_with(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn the_arguments_are_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn bad_arguments_end_with_the_code_for_usage() {
        for arguments in [&["fly"][..], &["run", "--warp"], &["journal"], &["replay"]] {
            let (code, out, errors) = run(arguments);
            assert_eq!((code, out.as_str()), (exit::USAGE, ""), "{arguments:?}");
            assert!(!errors.is_empty() && !errors.starts_with("error:"), "{errors}");
        }
    }

    #[test]
    fn help_and_version_go_to_standard_output() {
        let (code, out, errors) = run(&["--version"]);
        assert_eq!((code, errors.as_str()), (exit::OK, ""));
        assert_eq!(out, format!("aisd {}\n", env!("CARGO_PKG_VERSION")));
        assert!(run(&["run", "--help"]).1.contains("--tcp-connect <ADDR>"));
    }

    #[test]
    fn a_wrong_file_is_refused_with_all_its_faults() {
        let file = file_with("[store]\nbatch_rows_max = 0\nlinger = 1\n");
        let path = file.path().to_str().unwrap();
        for command in ["check-config", "print-config"] {
            let (code, out, errors) = run(&[command, "--config", path]);
            assert_eq!((code, out.as_str()), (exit::CONFIG, ""));
            assert_eq!(errors.lines().count(), 2, "{errors}");
            assert!(
                errors.starts_with(&format!("{path}:2: store.batch_rows_max is 0, ")),
                "{errors}"
            );
        }
    }

    #[test]
    fn the_printed_configuration_is_read_back() {
        let first = file_with("[log]\nformat = \"json\"\n");
        let (code, printed, _) = run(&["print-config", "--config", first.path().to_str().unwrap()]);
        assert_eq!(code, exit::OK);
        assert!(printed.contains("\nformat = \"json\"\n"));
        let second = file_with(&printed);
        let (_, again, _) = run(&["print-config", "--config", second.path().to_str().unwrap()]);
        assert_eq!(printed, again);
        assert_eq!(run(&["check-config", "--config", second.path().to_str().unwrap()]).0, exit::OK);
    }

    #[test]
    fn dead_letters_are_shown_while_somebody_writes_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        let ask = |what: &[&str]| run(&[&["dlq"], what, &["--data-dir", path]].concat());
        assert_eq!(
            ask(&["stats"]),
            (exit::OK, "0 dead letters of 0 messages: 0 pending, 0 dead\n".into(), "".into())
        );
        let counts = std::sync::Arc::default();
        let mut letters =
            DeadLetters::open(dir.path(), &crate::config::DeadLetterConfig::default(), &counts)
                .unwrap();
        let json = br#"{"type":8}"#.to_vec();
        let origin = Origin { seq: 7, time_us: 1, received_us: 2, mmsi: 3, feed: 0 };
        let row = MessageRow { origin, msg_type: 8, json_at: 0, json_len: 10 };
        let refusal = Refusal { sqlstate: "23514", reason: "refused", at_us: 3 };
        let letter = Letter::of_message(&Rows { json, ..Rows::default() }, &row, &refusal);
        letters.keep(&[Letter { seq: 8, ..letter.clone() }, letter]).unwrap();
        assert_eq!(ask(&["stats"]).1, "2 dead letters of 2 messages: 2 pending, 0 dead\n23514 2\n");
        let (code, out, errors) = ask(&["peek", "--count", "1"]);
        assert_eq!((code, errors.as_str(), out.lines().count()), (exit::OK, "", 1));
        let first: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (first["seq"].as_u64(), first["row"]["json"]["type"].as_u64()),
            (Some(7), Some(8))
        );
        drop(letters);
        assert_eq!(ask(&["peek"]).1.lines().count(), 2);
        let nowhere = run(&["dlq", "stats", "--data-dir", "/nonexistent"]);
        let says = "there is no data directory /nonexistent\n";
        assert_eq!(nowhere, (exit::NO_INPUT, "".into(), says.into()));
    }

    #[test]
    fn completions_are_written_for_every_shell() {
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let (code, out, _) = run(&["completions", shell]);
            assert_eq!(code, exit::OK);
            assert!(out.contains("check-config"), "{shell}");
        }
    }

    #[test]
    fn every_command_has_a_manual_page() {
        let dir = tempfile::tempdir().unwrap();
        let (code, out, errors) = run(&["man", dir.path().to_str().unwrap()]);
        assert_eq!((code, out.as_str(), errors.as_str()), (exit::OK, "", ""));
        let page = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        let (_, first, _) = run(&["man"]);
        assert_eq!(first, page("aisd.1"), "the same to standard output");
        for command in <Cli as clap::CommandFactory>::command().get_subcommands() {
            let name = command.get_name();
            assert!(page(&format!("aisd-{name}.1")).contains(".TH "), "{name}");
            assert!(first.contains(&name.replace('-', "\\-")), "{name} is in aisd(1)");
        }
        assert!(page("aisd-dlq-peek.1").contains("\\-\\-count"), "commands of commands, too");
        let (code, _, errors) = run(&["man", "/proc/nowhere"]);
        assert_eq!(code, exit::IO);
        assert!(errors.starts_with("write the manual pages into /proc/nowhere: "), "{errors}");
    }
}
