//! Sends what a fleet of ships would send, and then reads the store to prove that it holds it exactly once.
//!
//! ```text
//!  fleet ─► traffic ─► encode ─► stream ─► pace ─► send ─► target
//!              └─► ledger ─────────► verify ◄─ store
//!                    └──────────────► live ◄─── Redis
//!                                       └─► report
//! ```
//!
//! The modules are declared in this order; read them in it. Nothing here shares code with the daemon. Exit codes: 0 all
//! there; 1 something lost, stored twice, unexpected or wrong, or no rate held; 2 usage; 3 the target was out of reach, or something failed.

// What is asked, and the run as a whole.
mod arguments;
mod copy;
mod plan;
mod run;
mod search;
mod target;
// What everything uses.
mod civil;
mod digest;
mod random;
mod secret;
// 1 who sends, or what was sent before
mod fleet;
mod profile;
mod recording;
// 2 what they say, as bytes
mod dirt;
mod encode;
mod ledger;
mod traffic;
// 3 ahead of time, then on time
mod pace;
mod schedule;
mod send;
mod stream;
// 4 what became of it
mod account;
mod commits;
mod live;
mod metrics;
mod sampler;
mod settle;
mod stored;
mod verify;
// 5 what people and programs are told
mod environment;
mod progress;
mod report;
#[cfg(test)]
mod testing;

use arguments::{Asked, Command};
use clap::{CommandFactory, Parser};
use std::io::{Write, stderr};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (text, code) = match work(&Asked::parse()) {
        Ok(code) => return ExitCode::from(code),
        Err(refused) => refused,
    };
    // Nobody to tell when standard error is closed; the code says it too.
    let _ = writeln!(stderr(), "loadgen: {text}");
    ExitCode::from(code)
}

/// Does what is asked; the exit code, or a text with it.
fn work(asked: &Asked) -> Result<u8, (String, u8)> {
    match asked {
        Asked { command: Some(Command::Copy(arguments)), .. } => {
            copy::run(arguments).map(|()| 0).map_err(|text| (text, 3))
        }
        Asked { command: Some(Command::Man { directory }), .. } => {
            man(directory).map(|()| 0).map_err(|text| (text, 3))
        }
        Asked { run: Some(arguments), .. } => {
            arguments.check().map_err(|text| (text, 2))?;
            run::run(arguments).map_err(|text| (text, 3))
        }
        Asked { .. } => Err(("nothing is asked: see loadgen --help".into(), 2)),
    }
}

/// The manual pages, under the name that packages install it by.
fn man(directory: &Path) -> Result<(), String> {
    let command = Asked::command().name("aisd-loadgen");
    let made = std::fs::create_dir_all(directory);
    let made = made.and_then(|()| clap_mangen::generate_to(command, directory));
    made.map_err(|error| format!("write the manual pages into {}: {error}", directory.display()))
}
