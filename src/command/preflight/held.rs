//! Who holds an address that is taken. Sockets of `aisd.socket` in the hands of systemd are no obstacle: the daemon takes them over.
//!
//! The kernel's tables say which sockets are in the way, and the descriptors of process 1 whether they are systemd's; root alone may look
//! at these. That `aisd.socket` names the address is read in the unit's files, since a socket of systemd may be another unit's.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use crate::given::is_same;

/// Where units stand, the first that has one wins; drop-ins are taken from all.
const UNITS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
const UNIT: &str = "aisd.socket";
/// A socket that listens, in the tables of TCP.
const LISTENS: &str = "0A";

/// Who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// systemd, for `aisd.socket`.
    Unit,
    /// systemd, for another unit, or at another address than the daemon will ask for.
    AnotherUnit,
    /// A process of root's, which may be systemd; only root can see.
    Unseen,
    /// Somebody else.
    Another,
}

/// What is known of this machine.
pub struct Machine {
    proc: PathBuf,
    units: Vec<PathBuf>,
}

/// A line of the kernel's tables.
struct Socket {
    address: SocketAddr,
    user: u32,
    inode: u64,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        Self { proc: PathBuf::from("/proc"), units: UNITS.map(PathBuf::from).into() }
    }

    /// Who has this address, which could not be bound.
    pub fn holder(&self, protocol: &str, address: &str) -> Holder {
        let wanted = address.to_socket_addrs();
        let wanted: Vec<SocketAddr> = wanted.map(Iterator::collect).unwrap_or_default();
        let mut sockets = self.sockets(protocol);
        sockets.retain(|socket| wanted.iter().any(|wanted| is_in_the_way(*wanted, socket.address)));
        let init = fs::read_to_string(self.proc.join("1/comm")).unwrap_or_default();
        if init.trim_end() != "systemd" || sockets.is_empty() {
            return Holder::Another;
        }
        let held = match self.inodes_of_systemd() {
            Ok(held) => held,
            Err(ErrorKind::PermissionDenied) if sockets.iter().any(|socket| socket.user == 0) => {
                return Holder::Unseen;
            }
            Err(_) => return Holder::Another,
        };
        sockets.retain(|socket| held.contains(&socket.inode));
        let fits = |socket: &Socket| wanted.iter().any(|wanted| is_same(*wanted, socket.address));
        match sockets.first() {
            None => Holder::Another,
            Some(socket) if fits(socket) && self.unit_names(protocol, socket.address.port()) => {
                Holder::Unit
            }
            Some(_) => Holder::AnotherUnit,
        }
    }

    fn sockets(&self, protocol: &str) -> Vec<Socket> {
        let tables = [protocol.to_owned(), format!("{protocol}6")];
        let texts = tables.map(|name| fs::read_to_string(self.proc.join("net").join(name)));
        let lines = texts.iter().flatten().flat_map(|text| text.lines().skip(1));
        lines.filter_map(|line| socket(line, protocol == "tcp")).collect()
    }

    /// The sockets among the descriptors of process 1.
    fn inodes_of_systemd(&self) -> Result<Vec<u64>, ErrorKind> {
        let entries = fs::read_dir(self.proc.join("1/fd")).map_err(|error| error.kind())?;
        let links = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        let inode = |link: PathBuf| {
            link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        };
        Ok(links.filter_map(inode).collect())
    }

    /// Whether the unit and its drop-ins name this port.
    fn unit_names(&self, protocol: &str, port: u16) -> bool {
        let main = self.units.iter().map(|folder| folder.join(UNIT)).find(|path| path.exists());
        let mut more: Vec<PathBuf> = Vec::new();
        for folder in &self.units {
            let entries = fs::read_dir(folder.join(format!("{UNIT}.d")));
            more.extend(entries.into_iter().flatten().flatten().map(|entry| entry.path()));
        }
        more.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
        let key = if protocol == "udp" { "ListenDatagram" } else { "ListenStream" };
        let mut named = Vec::new();
        for path in main.iter().chain(&more) {
            collect(path, key, &mut named);
        }
        named
            .iter()
            .any(|value| value.rsplit(':').next().and_then(|text| text.parse().ok()) == Some(port))
    }
}

/// Adds the values of a key of a unit; an empty one takes back all that were before.
fn collect(path: &Path, key: &str, values: &mut Vec<String>) {
    for line in fs::read_to_string(path).unwrap_or_default().lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        match value.trim() {
            "" if name.trim().starts_with("Listen") => values.clear(),
            value if name.trim() == key => values.push(value.to_owned()),
            _ => {}
        }
    }
}

/// Whether who has the one keeps others from the other.
fn is_in_the_way(wanted: SocketAddr, bound: SocketAddr) -> bool {
    let everywhere = wanted.ip().is_unspecified() || bound.ip().is_unspecified();
    is_same(wanted, bound) || wanted.port() == bound.port() && everywhere
}

/// A line of `/proc/net/udp`, `tcp` and their like.
fn socket(line: &str, listens: bool) -> Option<Socket> {
    let mut words = line.split_whitespace().skip(1);
    let (address, _, state) = (words.next()?, words.next()?, words.next()?);
    if listens && state != LISTENS {
        return None;
    }
    let mut words = words.skip(3);
    let (user, _, inode) = (words.next()?, words.next()?, words.next()?);
    let (ip, port) = address.split_once(':')?;
    let address = SocketAddr::new(hexadecimal(ip)?, u16::from_str_radix(port, 16).ok()?);
    Some(Socket { address, user: user.parse().ok()?, inode: inode.parse().ok()? })
}

/// An address as the kernel writes it: numbers of four bytes in the order of the machine.
fn hexadecimal(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at..at + 8)?, 16).ok();
    if text.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?.to_ne_bytes()).into());
    }
    let mut bytes = [0; 16];
    for (chunk, at) in bytes.chunks_exact_mut(4).zip([0, 8, 16, 24]) {
        chunk.copy_from_slice(&word(at)?.to_ne_bytes());
    }
    Some(Ipv6Addr::from(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// As Linux 6.1 writes it: 127.0.0.1:10110 over UDP is root's, 0.0.0.0:3001 over TCP listens, and one connection has its port.
    const UDP: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
        \x20 396: 0100007F:277E 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 0\n";
    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        \x20  0: 00000000:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000000000000000 100 0 0 10 0\n\
        \x20  1: 0100007F:277E 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0000000000000000 20 4 30 10 -1\n";
    const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        \x20  0: 00000000000000000000000001000000:277E 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1 0000000000000000 100 0 0 10 0\n";
    const SHIPPED: &str = include_str!("../../../config/systemd/aisd.socket");

    /// A machine on which systemd holds these sockets.
    struct Bench {
        dir: tempfile::TempDir,
        machine: Machine,
    }

    impl Bench {
        fn new(held: &[u64]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let (proc, etc, lib) =
                (dir.path().join("proc"), dir.path().join("etc"), dir.path().join("lib"));
            for folder in [&proc.join("net"), &proc.join("1/fd"), &etc.join("aisd.socket.d"), &lib]
            {
                fs::create_dir_all(folder).unwrap();
            }
            for (name, text) in [("net/udp", UDP), ("net/tcp", TCP), ("net/tcp6", TCP6)] {
                fs::write(proc.join(name), text).unwrap();
            }
            fs::write(proc.join("1/comm"), "systemd\n").unwrap();
            for (number, inode) in held.iter().enumerate() {
                let link = proc.join(format!("1/fd/{number}"));
                symlink(format!("socket:[{inode}]"), link).unwrap();
            }
            fs::write(lib.join("aisd.socket"), SHIPPED).unwrap();
            let machine = Machine { proc, units: vec![etc, lib] };
            Self { dir, machine }
        }

        fn check(&self, protocol: &str, address: &str, expected: Holder) {
            assert_eq!(self.machine.holder(protocol, address), expected, "{protocol} {address}");
        }

        fn write(&self, path: &str, text: &str) {
            fs::write(self.dir.path().join(path), text).unwrap();
        }
    }

    #[test]
    fn what_systemd_holds_for_the_unit_is_known_from_what_others_hold() {
        let bench = Bench::new(&[4711, 4712, 4714]);
        bench.check("udp", "127.0.0.1:10110", Holder::Unit);
        bench.check("tcp", "[::1]:10110", Holder::Unit);
        // Of systemd and of the unit's port, but the daemon would not know it by its address.
        bench.check("tcp", "127.0.0.1:3001", Holder::AnotherUnit);
        // Nobody listens there: a connection is in nobody's way.
        bench.check("tcp", "127.0.0.1:10110", Holder::Another);
        bench.write("etc/aisd.socket.d/more.conf", "[Socket]\nListenDatagram=\n");
        bench.check("udp", "127.0.0.1:10110", Holder::AnotherUnit);
        bench.write("etc/aisd.socket.d/over.conf", "[Socket]\nListenDatagram = 10110\n");
        bench.check("udp", "127.0.0.1:10110", Holder::Unit);
        let none = Bench::new(&[]);
        none.check("udp", "127.0.0.1:10110", Holder::Another);
        bench.write("proc/1/comm", "bash\n");
        bench.check("udp", "127.0.0.1:10110", Holder::Another);
    }

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let check = |text: &str, expected: &str| {
            assert_eq!(hexadecimal(text).map(|ip| ip.to_string()).unwrap_or_default(), expected);
        };
        check("0100007F", "127.0.0.1");
        check("00000000000000000000000001000000", "::1");
        check("0000000000000000FFFF00000100007F", "::ffff:127.0.0.1");
        check("01000", "");
        check("0100007G", "");
    }
}
