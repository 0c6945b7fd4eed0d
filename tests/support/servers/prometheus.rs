//! A private Prometheus, which scrapes one target every second and evaluates the shipped rules.

use std::net::SocketAddr;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::super::http::{get, get_if_there};
use super::place::{Folder, Port, on_free_port, unprivileged_command};
use super::program::Program;

const CONFIG: &str = "global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [ aisd.yml ]
scrape_configs:
  - job_name: aisd
    metrics_path: /metrics/prometheus
    static_configs: [ { targets: [ \"TARGET\" ] } ]
";

/// A server of its own. Dropped, it ends and its folder is gone.
pub struct Prometheus {
    _program: Program,
    port: Port,
}

impl Prometheus {
    /// Scrapes a daemon, and has its rules from this file.
    pub fn watching(daemon: SocketAddr, rules: &Path) -> Self {
        let rules = std::fs::read_to_string(rules).unwrap();
        on_free_port(|port| {
            let folder = Folder::new("m");
            folder.write("aisd.yml", &rules);
            folder.write("prometheus.yml", &CONFIG.replace("TARGET", &daemon.to_string()));
            let mut prometheus = unprivileged_command("prometheus");
            prometheus.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
            prometheus.arg(format!("--web.listen-address={}", address(&port)));
            let mut program = Program::new(folder, prometheus, Signal::SIGKILL);
            let ready = || get_if_there(address(&port), "/-/ready");
            program.start(|_| ready().is_some_and(|(status, _)| status == 200))?;
            Ok(Self { _program: program, port })
        })
    }

    /// What a query answers with: the values that it found, or what is wrong with it.
    pub fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        let path = format!("/api/v1/query?query={}", escaped(query));
        let answer = self.ask(&path);
        match answer["data"]["result"].as_array() {
            Some(result) => Ok(result.clone()),
            None => Err(answer["error"].to_string()),
        }
    }

    /// Each rule by its name, with its health and its error.
    pub fn rules(&self) -> Vec<(String, String)> {
        let answer = self.ask("/api/v1/rules");
        let groups = answer["data"]["groups"].as_array().unwrap();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        let text = |rule: &Value, name: &str| rule[name].as_str().unwrap_or_default().to_owned();
        rules.map(|rule| (text(rule, "name"), text(rule, "health"))).collect()
    }

    fn ask(&self, path: &str) -> Value {
        let (_, body) = get(address(&self.port), path);
        let body = if body.starts_with(b"{") { body } else { joined(&body) };
        serde_json::from_slice(&body).unwrap()
    }
}

/// A long answer comes in chunks, each after its length.
fn joined(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = body.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = std::str::from_utf8(&body[..line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[line + 2..][..length]);
        body = &body[line + 2 + length + 2..];
    }
}

fn address(port: &Port) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port.number()))
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
