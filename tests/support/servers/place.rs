//! Where servers live: one folder for all of a test process, ports, and whom they run as.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

/// A path of a socket has at most 107 bytes, and some of ours have 40 after the folder for temporary files.
const TEMPORARY_BYTES_MAX: usize = 60;
/// Below the ports that the system gives to clients, so that nobody takes one while its server is stopped.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// How often a server that did not start is tried on another port.
const ATTEMPTS: u32 = 3;

/// Waits until the tests are gone, then ends what lives in their folder, and removes it.
const GUARDIAN: &str = r#"
trap '' HUP INT TERM
while read -r _; do :; done
tell() {
  found=1
  for process in /proc/[0-9]*; do
    case $(readlink "$process/cwd") in
      "$1"/*) found=0; kill "-$2" "${process#/proc/}"; kill -CONT "${process#/proc/}" ;;
    esac
  done
  return $found
}
for signal in INT 0 0 0 0 0 0 0 0 0 KILL KILL KILL; do
  tell "$1" "$signal" || break
  sleep 0.2
done
while read -r _ at _; do
  case $at in "$1"/*) umount -l "$at" ;; esac
done < /proc/mounts
rm -rf "$1"
"#;

/// The folder of this test process; the guardian removes it.
fn base() -> &'static Path {
    static BASE: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let (base, _guardian) = BASE.get_or_init(|| {
        let usual = std::env::temp_dir();
        let short = usual.as_os_str().len() <= TEMPORARY_BYTES_MAX;
        let temporary = if short { usual } else { PathBuf::from("/tmp") };
        let base = tempfile::Builder::new().prefix("aisd-").tempdir_in(temporary).unwrap().keep();
        std::fs::set_permissions(&base, std::fs::Permissions::from_mode(0o755)).unwrap();
        let guardian = guard(&base);
        (base, guardian)
    });
    base
}

/// Its input is a pipe from us that nobody else has: it ends with this process, however that ends.
fn guard(base: &Path) -> Child {
    let mut guardian = Command::new("sh");
    guardian.args(["-c", GUARDIAN, "guardian"]).arg(base).current_dir("/").process_group(0);
    guardian.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    guardian.spawn().expect("a shell that guards the servers")
}

/// A folder for one server, removed when it goes out of scope.
pub struct Folder {
    path: PathBuf,
    disk: OnceLock<PathBuf>,
}

impl Folder {
    /// Owned by the user that servers run as.
    pub fn new(kind: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let path = base().join(format!("{kind}{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir(&path).unwrap();
        give(&path);
        Self { path, disk: OnceLock::new() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that the server can read and nobody else.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        give(&path);
        path
    }
}

impl Folder {
    /// Makes a folder in it with a disk of its own, in memory, which is gone with it; else a plain one, and says why.
    pub fn mount(&self, name: &str, megabytes: u32) -> Result<(), String> {
        let disk = self.join(name);
        std::fs::create_dir(&disk).unwrap();
        give(&disk);
        let mut options = format!("size={megabytes}m,mode=0700");
        if let Some((user, group)) = unprivileged() {
            options += &format!(",uid={user},gid={group}");
        }
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "aisd-test"]).arg(&disk);
        let output = mount.output().map_err(|error| format!("mount: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(said.lines().next().unwrap_or_default().to_owned());
        }
        self.disk.set(disk).expect("one disk for each folder");
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(disk) = self.disk.get() {
            let _ = Command::new("umount").arg("-l").arg(disk).output();
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Whether folders can have disks of their own; else why not.
pub fn can_mount() -> Result<(), String> {
    Folder::new("probe").mount("disk", 1)
}

/// Makes the servers' user the owner of a file or folder.
pub fn give(path: &Path) {
    if let Some((user, group)) = unprivileged() {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

/// The user and group that servers run as, if we are root; else they run as ourselves.
pub fn unprivileged() -> Option<(u32, u32)> {
    static USER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *USER.get_or_init(|| (std::fs::metadata("/proc/self").unwrap().uid() == 0).then(postgres_user))
}

/// The user that Debian's package makes, for Postgres refuses to run as root.
fn postgres_user() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let user = users.lines().find(|line| line.starts_with("postgres:"));
    let user = user.expect("no user postgres: install the package postgresql");
    let mut numbers = user.split(':').skip(2).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// A program of the servers, with nothing in its environment that would configure it.
pub fn unprivileged_command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C.UTF-8");
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").current_dir(base());
    command.stdin(Stdio::null());
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    command
}

/// Runs a program to its end, which must be a good one.
pub fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
}

/// A port of the loopback that is ours, also while its server is stopped.
pub struct Port {
    number: u16,
    /// Other tests of this machine see the name and leave the port alone.
    _claim: UnixListener,
}

impl Port {
    /// One that nobody has.
    pub fn free() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let first = u16::try_from(std::process::id() % 997).unwrap() * 12;
        let width = PORTS.end - PORTS.start;
        let candidates = (0..width).map(|_| {
            let next = NEXT.fetch_add(1, Ordering::Relaxed);
            PORTS.start + (first + next % width) % width
        });
        candidates.into_iter().find_map(Self::claim).expect("no free port")
    }

    fn claim(number: u16) -> Option<Self> {
        let name = SocketAddr::from_abstract_name(format!("aisd-test-port-{number}")).unwrap();
        let claim = UnixListener::bind_addr(&name).ok()?;
        std::net::TcpListener::bind(("127.0.0.1", number)).ok()?;
        Some(Self { number, _claim: claim })
    }

    pub fn number(&self) -> u16 {
        self.number
    }
}

/// Starts a server on a free port, and on another one when that fails; the text says why it did.
pub fn on_free_port<T>(start: impl Fn(Port) -> Result<T, String>) -> T {
    let mut said = String::new();
    for _ in 0..ATTEMPTS {
        match start(Port::free()) {
            Ok(server) => return server,
            Err(why) => said = why,
        }
    }
    panic!("does not start: {said}")
}
