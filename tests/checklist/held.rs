//! `aisd preflight` knows the sockets that systemd holds open for the daemon.

use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use nix::unistd::Uid;

use super::Said;
use crate::support::process::Home;

/// Process 1 of this script has the socket as its standard input, and the units of a machine that has no others.
const SCRIPT: &str = "mount -t tmpfs none /etc/systemd/system || exit 99
    printf '[Socket]\\nListenDatagram=%s\\n' \"$1\" > /etc/systemd/system/aisd.socket
    \"$2\" preflight --json --config \"$3\" --data-dir \"$4\"
    code=$?; exit $code";

/// With `aisd.socket` enabled, as the guide has it, the addresses of the daemon are always taken; preflight called them taken by another
/// process, and forbade every deployment. It asks now whether that is process 1, and whether for this unit.
#[test]
fn an_address_that_systemd_holds_for_the_daemon_forbids_no_deployment() {
    if !Uid::effective().is_root() {
        return eprintln!("SKIPPED: only root may put another process 1 in the place of systemd");
    }
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let feed = format!("[[feeds]]\nkind = \"udp\"\naddress = \"{address}\"\n");
    let home = Home::new(&format!("[http]\naddress = \"\"\n{feed}"));
    // A process is called by the name that it was started by.
    let systemd = home.config().with_file_name("systemd");
    symlink("/bin/bash", &systemd).unwrap();
    let preflight = |named: &str| {
        let mut command = Command::new("unshare");
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.args(["--mount", "--pid", "--fork", "--mount-proc"]).arg(&systemd);
        command.args(["-c", SCRIPT, "systemd", named, env!("CARGO_BIN_EXE_aisd")]);
        command.arg(home.config()).arg(home.data());
        let held: OwnedFd = socket.try_clone().unwrap().into();
        command.stdin(Stdio::from(held)).stdout(Stdio::piped()).stderr(Stdio::piped());
        Said::of(command.spawn().expect("unshare (Debian package util-linux)"))
    };
    let said = preflight(&address.to_string());
    assert_eq!((said.code, said.with("rollback")), (0, Vec::new()), "{}", said.text);
    assert!(said.text.contains("held open by systemd for aisd.socket"), "{}", said.text);
    let said = preflight("127.0.0.1:1");
    assert_eq!((said.code, said.with("rollback")), (3, vec!["feed".to_owned()]), "{}", said.text);
    assert!(said.text.contains("but not as this address of aisd.socket"), "{}", said.text);
}
