//! Another host, behind a cable that can be pulled: a network namespace of the kernel, joined to ours by two virtual links.
//!
//! Making one needs root and a kernel that allows it. Dropped, it is gone.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use nix::sched::{CloneFlags, setns};

/// Which end of the cable goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The other host's: ours sees no carrier, keeps its route, and hears nothing.
    Far,
    /// Both: there is no way any more, and the system says so to those who connect.
    Both,
}

pub struct Namespace {
    name: String,
    near: String,
    far: String,
    address: Ipv4Addr,
}

impl Namespace {
    /// Else why there is none.
    pub fn new() -> Result<Self, String> {
        let number = std::process::id();
        let host = Self {
            name: format!("aisd-test-{number}"),
            near: format!("aisn{number}"),
            far: format!("aisf{number}"),
            // Of the range for tests of networks (RFC 2544): nobody else should be there.
            address: Ipv4Addr::new(198, 18, (number % 251).try_into().unwrap(), 2),
        };
        let (name, near, far) = (&host.name, &host.near, &host.far);
        let [a, b, c, _] = host.address.octets();
        let (ours, theirs) = (format!("{a}.{b}.{c}.1/30"), format!("{}/30", host.address));
        ip(&["netns", "add", name])?;
        ip(&["link", "add", near, "type", "veth", "peer", "name", far, "netns", name])?;
        ip(&["address", "add", &ours, "dev", near])?;
        ip(&["link", "set", near, "up"])?;
        // When our end is down nothing of this may go anywhere else.
        ip(&["route", "add", "unreachable", &host.network(), "metric", "4000000"])?;
        ip(&["-n", name, "address", "add", &theirs, "dev", far])?;
        ip(&["-n", name, "link", "set", far, "up"])?;
        Ok(host)
    }

    fn network(&self) -> String {
        let [a, b, c, _] = self.address.octets();
        format!("{a}.{b}.{c}.0/30")
    }

    /// A socket that listens over there. It stays there, whoever uses it.
    pub fn listener(&self) -> TcpListener {
        let namespace = File::open(format!("/var/run/netns/{}", self.name)).unwrap();
        let address = (self.address, 0);
        let over_there = std::thread::spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            TcpListener::bind(address).unwrap()
        });
        over_there.join().unwrap()
    }

    pub fn pull(&self, end: End) {
        ip(&["-n", &self.name, "link", "set", &self.far, "down"]).unwrap();
        if end == End::Both {
            ip(&["link", "set", &self.near, "down"]).unwrap();
        }
    }

    pub fn plug(&self) {
        ip(&["-n", &self.name, "link", "set", &self.far, "up"]).unwrap();
        ip(&["link", "set", &self.near, "up"]).unwrap();
    }

    /// Whether our end sees another one.
    pub fn has_carrier(&self) -> bool {
        let carrier = std::fs::read_to_string(format!("/sys/class/net/{}/carrier", self.near));
        // A link that is down has none to tell of.
        carrier.is_ok_and(|carrier| carrier.trim() == "1")
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The links go with it. Sockets that are still there keep it alive, without a name, until they are gone.
        let _ = ip(&["link", "delete", &self.near]);
        let _ = ip(&["route", "delete", "unreachable", &self.network()]);
        let _ = ip(&["netns", "delete", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let mut ip = Command::new("ip");
    let output = ip.args(arguments).output().map_err(|error| format!("ip: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("ip {}: {said}", arguments.join(" ")))
}
