//! The deployment checklist run by `preflight`, `verify` and `watch`: what passes, and each trigger of a rollback provoked for real.
//!
//! Times of the rules are shortened with `--hurry`, which the units compare with the alerts of Prometheus at their full length.

mod before;
mod held;
mod top;
mod triggers;
mod well;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::process::{Home, aisd};

/// A command that looks at the daemon of a home.
pub fn command(home: &Home, name: &str, arguments: &[&str]) -> Command {
    let mut command = aisd();
    command.arg(name).arg("--config").arg(home.config()).arg("--data-dir").arg(home.data());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command said, and ended with.
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub text: String,
}

impl Said {
    pub fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(errors, "", "nothing goes to standard error");
        let text = String::from_utf8(output.stdout).unwrap();
        Self { code: output.status.code().unwrap(), text }
    }

    pub fn by(mut command: Command) -> Self {
        Self::of(command.spawn().unwrap())
    }

    /// Each line as JSON; the last one is the outcome.
    pub fn json(&self) -> Vec<Value> {
        self.text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The names of the checks with this result.
    pub fn with(&self, result: &str) -> Vec<String> {
        let outcome = self.json().pop().unwrap();
        let checks = outcome["checks"].as_array().unwrap().clone();
        let named = checks.into_iter().filter(|check| check["result"] == result);
        let name =
            |check: Value| check["name"].as_str().unwrap().split(' ').next().unwrap().to_owned();
        named.map(name).collect()
    }
}

/// A watch of so many seconds that goes on beside what the test does.
pub fn watching(home: &Home, seconds: u32, arguments: &[&str]) -> Child {
    let long = format!("{seconds}s");
    let all = [&["--for", &long, "--every", "1s", "--look", "200ms", "--json"], arguments].concat();
    command(home, "watch", &all).spawn().unwrap()
}

/// So that a watch has seen how it was before.
pub fn a_while() {
    std::thread::sleep(Duration::from_millis(1500));
}

/// How fast a machine is that others use as well is no fault of the daemon's, nor what it drops of datagrams for want of a processor.
pub const ANY_MACHINE: &[&str] = &[
    "--limit",
    "throughput-low=0",
    "--limit",
    "throughput=0",
    "--limit",
    "latency-high=60000",
    "--limit",
    "data-loss=1000000",
];
