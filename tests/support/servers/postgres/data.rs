//! What a private Postgres starts from: its data directory, its settings, and where its programs are.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::super::certificates::{Identity, certificate};
use super::super::place::{Folder, give, run, unprivileged_command};
use super::{DATABASE, PASSWORD, ROLE, SUPERUSER};

/// What a server for real use has, and what keeps all of it in its folder. After a crash all of its disk is synced at once:
/// 1 300 files one by one took seconds on a busy machine.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
fsync = on
synchronous_commit = on
shared_buffers = 128MB
max_connections = 50
dynamic_shared_memory_type = mmap
recovery_init_sync_method = syncfs
log_line_prefix = '%m [%p] %q%u@%d '
password_encryption = 'scram-sha-256'
";

/// A fresh data directory has 46.
const TEMPLATE_MEGABYTES_MAX: u32 = 200;

/// Where the write-ahead log of a server on a small disk is.
#[derive(Clone, Copy)]
pub enum Log {
    /// On the same disk: when that is full, the whole server goes down.
    OnTheDisk,
    /// On an ordinary one: when the small disk is full, statements fail with 53100.
    Apart,
}

/// How a server differs from a plain one.
#[derive(Clone, Copy, Default)]
pub struct Kind<'a> {
    /// As in `postgresql.conf`.
    pub settings: &'a [(&'a str, &'a str)],
    /// Whose certificate it shows; without one it speaks no TLS.
    pub tls: Option<Identity>,
    /// The megabytes of a disk of its own.
    pub disk: Option<(u32, Log)>,
}

/// Fills `data` in the server's folder.
pub fn prepare(folder: &Folder, port: u16, kind: Kind) -> Result<(), String> {
    let data = folder.join("data");
    match kind.disk {
        Some((megabytes, _)) => folder.mount("data", megabytes)?,
        None => run(unprivileged_command("mkdir").args(["-m", "700"]).arg(&data)),
    }
    run(unprivileged_command("cp").arg("-a").arg(template().join(".")).arg(&data));
    if let Some((_, Log::Apart)) = kind.disk {
        let apart = folder.join("log-apart");
        run(unprivileged_command("mv").arg(data.join("pg_wal")).arg(&apart));
        std::os::unix::fs::symlink(&apart, data.join("pg_wal")).unwrap();
    }
    let mut settings = line("port", &port.to_string());
    settings += &line("unix_socket_directories", folder.path().to_str().unwrap());
    if let Some(identity) = kind.tls {
        let (certificate, key) = certificate(identity);
        settings += &line("ssl", "on");
        settings += &line("ssl_cert_file", certificate.to_str().unwrap());
        settings += &line("ssl_key_file", key.to_str().unwrap());
    }
    settings.extend(kind.settings.iter().map(|(name, value)| line(name, value)));
    append(&data.join("postgresql.conf"), &settings);
    std::fs::write(data.join("pg_hba.conf"), who_may_come(kind.tls.is_some())).unwrap();
    Ok(())
}

/// Through the socket whoever can reach it; over TCP with a password, and with TLS alone where that is spoken.
fn who_may_come(tls: bool) -> String {
    let over_tcp = if tls { "hostssl" } else { "host" };
    format!("local all all trust\n{over_tcp} all all 127.0.0.1/32 scram-sha-256\n")
}

/// A line of `postgresql.conf`.
fn line(name: &str, value: &str) -> String {
    format!("{name} = '{}'\n", value.replace('\'', "''"))
}

fn append(path: &Path, text: &str) {
    let before = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, before + text).unwrap();
    give(path);
}

/// A program of the newest Postgres on this machine; Debian does not have them in the path.
pub fn binary(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").map(Iterator::flatten);
    let versions = versions.into_iter().flatten().filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let program = version.path().join("bin").join(name);
        program.exists().then_some((number, program))
    });
    versions.max().map_or_else(|| PathBuf::from(name), |(_, program)| program)
}

/// A data directory with the role and the database, made once and copied for each server.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<(Folder, PathBuf)> = OnceLock::new();
    let (_, data) = TEMPLATE.get_or_init(|| {
        let folder = Folder::new("template");
        let data = folder.join("data");
        // In memory if that can be: on a busy disk it takes seconds instead of one.
        let _ = folder.mount("data", TEMPLATE_MEGABYTES_MAX);
        let mut initdb = unprivileged_command(binary("initdb"));
        initdb.args(["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust"]);
        run(initdb.arg("--username").arg(SUPERUSER).arg("-D").arg(&data));
        append(&data.join("postgresql.conf"), SETTINGS);
        for statement in [
            format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'"),
            format!("CREATE DATABASE {DATABASE} OWNER {ROLE}"),
        ] {
            let input = folder.write("statement", &statement);
            let mut alone = unprivileged_command(binary("postgres"));
            alone.args(["--single", "-F", "-j", "-D"]).arg(&data).arg(SUPERUSER);
            run(alone.stdin(std::fs::File::open(input).unwrap()));
        }
        (folder, data)
    });
    data
}
