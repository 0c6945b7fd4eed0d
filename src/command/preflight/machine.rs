//! What the machine must have: room on the disk, addresses that are free, enough files and receive buffer.

use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};

use super::super::checklist::outcome::{Check, Mark};
use super::held::{Holder, Machine};
use super::listeners;
use crate::config::{Config, FeedKind};
use crate::disk;

/// Files beside those of senders.
const OTHER_FILES: u64 = 64;
/// Less than this share of the disk is an alert.
const FREE_MIN: f64 = 0.05;

/// Looks at all of it.
pub fn look(config: &Config, is_running: bool) -> Vec<Check> {
    let mut checks = vec![writable(&config.data_dir), room(config)];
    // Held until all are bound: those that cannot be beside each other are found too.
    let mut held = Vec::new();
    for (name, protocol, address) in listeners(config) {
        let name = format!("{name} {protocol} {address}");
        checks.push(free(&name, (protocol, address), is_running, &mut held));
    }
    drop(held);
    checks.push(files(config));
    checks.extend(buffers(config));
    checks
}

/// A file can be made where the journal will be.
fn writable(data_dir: &Path) -> Check {
    const NAME: &str = "data directory";
    let place = data_dir.display();
    if !data_dir.exists() {
        let parent = existing(data_dir);
        let (mark, text) = match nix::unistd::access(parent, nix::unistd::AccessFlags::W_OK) {
            Ok(()) => (Mark::Pass, format!("{place} will be made")),
            Err(error) => {
                let why = error.desc().to_lowercase();
                (Mark::Note, format!("{place} is not there, and {}: {why}", parent.display()))
            }
        };
        return Check::new(NAME, mark, text);
    }
    let probe = data_dir.join(format!("preflight.{}", std::process::id()));
    let written = fs::write(&probe, "room?").and_then(|()| fs::remove_file(&probe));
    match written {
        Ok(()) => Check::new(NAME, Mark::Pass, format!("{place} can be written")),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let text = format!("{place} is another user's: {error}; ask as that user, or as root");
            Check::new(NAME, Mark::Note, text)
        }
        Err(error) => Check::new(NAME, Mark::Rollback, format!("{place}: {error}")),
    }
}

/// The nearest directory above that is there.
fn existing(path: &Path) -> &Path {
    let there = path.ancestors().find(|path| path.is_dir());
    there.unwrap_or_else(|| Path::new("."))
}

fn room(config: &Config) -> Check {
    const NAME: &str = "disk";
    let space = match disk::space(existing(&config.data_dir)) {
        Ok(space) => space,
        Err(error) => return Check::new(NAME, Mark::Note, format!("cannot be asked: {error}")),
    };
    let mb = |bytes: u64| bytes / 1_000_000;
    let journal = &config.journal;
    let least = journal.segment_bytes.saturating_mul(4).saturating_add(journal.reserve_bytes);
    let used = used(&config.data_dir.join("journal"));
    #[expect(clippy::cast_precision_loss, reason = "a share of a disk")]
    let share = space.free as f64 / space.size.max(1) as f64;
    let says = format!("{} MB free of {}", mb(space.free), mb(space.size));
    if share < FREE_MIN || space.free + used < least {
        let text = format!(
            "{says}; the journal needs {} MB to begin, and 5 % are to stay free",
            mb(least)
        );
        return Check::new(NAME, Mark::Rollback, text);
    }
    if space.free + used < journal.bytes_max {
        let text = format!(
            "{says}; the journal may grow to journal.bytes_max, {} MB, while the store is away: lower it, or make room",
            mb(journal.bytes_max)
        );
        return Check::new(NAME, Mark::Note, text);
    }
    Check::new(NAME, Mark::Pass, says)
}

/// Bytes of files of a directory.
fn used(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

/// Binds.
fn free(
    name: &str,
    (protocol, address): (&str, &str),
    is_running: bool,
    held: &mut Vec<OwnedFd>,
) -> Check {
    let bound = match protocol {
        "udp" => UdpSocket::bind(address).map(OwnedFd::from),
        _ => TcpListener::bind(address).map(OwnedFd::from),
    };
    match bound {
        Ok(socket) => {
            held.push(socket);
            Check::new(name, Mark::Pass, "free")
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_running => {
            Check::new(name, Mark::Pass, "taken, and a daemon of this data directory runs")
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let port = address.rsplit(':').next().unwrap_or(address);
            taken(name, port, Machine::this().holder(protocol, address))
        }
        Err(error) => Check::new(name, Mark::Rollback, error.to_string().to_lowercase()),
    }
}

/// What it means that somebody has the address.
fn taken(name: &str, port: &str, by: Holder) -> Check {
    let (mark, text) = match by {
        Holder::Unit => (
            Mark::Pass,
            "held open by systemd for aisd.socket; the daemon takes it over".to_owned(),
        ),
        Holder::AnotherUnit => {
            let text = "held open by systemd, but not as this address of aisd.socket; `systemctl list-sockets` says for whom";
            (Mark::Rollback, text.to_owned())
        }
        Holder::Unseen => {
            let text = format!(
                "taken by a process of root's, perhaps by systemd for aisd.socket: ask as root; `ss -lnp sport = :{port}` says which"
            );
            (Mark::Consider, text)
        }
        Holder::Another => {
            let text = format!("taken by another process; `ss -lnp sport = :{port}` says which");
            (Mark::Rollback, text)
        }
    };
    Check::new(name, mark, text)
}

/// Each sender over TCP is a file.
fn files(config: &Config) -> Check {
    const NAME: &str = "limit of open files";
    let clients = config.feeds.iter().map(|feed| match feed.kind {
        FeedKind::Tcp { clients_max, .. } => clients_max,
        _ => 1,
    });
    let wanted = clients.sum::<usize>() + config.http.connections_max;
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, hard)) if hard >= wanted => {
            Check::new(NAME, Mark::Pass, format!("{hard}, at most {wanted} are used"))
        }
        Ok((_, hard)) => {
            let text = format!(
                "{hard} here, {wanted} may be used; the unit sets LimitNOFILE=65536, elsewhere ulimit -n"
            );
            Check::new(NAME, Mark::Note, text)
        }
        Err(error) => Check::new(NAME, Mark::Note, format!("cannot be asked: {}", error.desc())),
    }
}

/// What the kernel may grant a socket.
fn buffers(config: &Config) -> Vec<Check> {
    let text = fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap_or_default();
    let Ok(most) = text.trim().parse::<usize>() else { return Vec::new() };
    let feeds = config.feeds.iter().filter_map(|feed| match feed.kind {
        FeedKind::Udp { receive_buffer_bytes, .. } => Some((feed, receive_buffer_bytes)),
        _ => None,
    });
    let check = |(feed, wanted): (&crate::config::FeedConfig, usize)| {
        let name = format!("receive buffer of {}", feed.name.as_deref().unwrap_or_default());
        if most >= wanted {
            return Check::new(name, Mark::Pass, format!("{wanted} bytes will be granted"));
        }
        let text = format!(
            "{most} of {wanted} bytes will be granted, enough up to some 50 000 datagrams a second; \
             sysctl net.core.rmem_max={wanted} grants all"
        );
        Check::new(name, Mark::Note, text)
    };
    feeds.map(check).collect()
}
