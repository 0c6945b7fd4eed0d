//! `aisd top` shows what a daemon does: live on a terminal, which it gives back, and as plain text elsewhere.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

use super::{Said, command};
use crate::support::http::metrics;
use crate::support::process::{Home, wait_for, wait_until};
use crate::support::traffic::Traffic;

#[test]
fn a_pipe_gets_one_frame_of_plain_text() {
    let home = Home::new("");
    let daemon = home.start();
    let traffic = Traffic::start(500);
    traffic.aim(&daemon);
    wait_until("traffic", || metrics(daemon.http()).feed("udp", "stored") > 100);
    let said = Said::by(command(&home, "top", &["--once"]));
    assert_eq!(said.code, 0);
    assert!(!said.text.contains('\x1b'), "{}", said.text);
    let first = said.text.lines().next().unwrap();
    assert!(first.contains(&daemon.http().to_string()) && first.contains("ready"), "{first}");
    let udp = said.text.lines().find(|line| line.starts_with("udp ")).unwrap();
    let rate: u32 = udp.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!((250..1000).contains(&rate), "{udp}");
    for part in ["journal ", "store sqlite answers", "shard ", "neighbour ", "thread "] {
        assert!(said.text.contains(part), "{part}: {}", said.text);
    }
    traffic.stop();
    drop(daemon);
    let output = command(&home, "top", &["--once"]).output().unwrap();
    assert_eq!(output.status.code(), Some(74), "nobody answers");
}

/// A terminal of so many lines and columns: the side of the program, and that of who looks at it.
fn terminal(lines: u16, columns: u16) -> (OwnedFd, File) {
    let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pair = openpty(Some(&size), None).unwrap();
    (pair.slave, File::from(pair.master))
}

#[test]
fn a_terminal_is_drawn_within_its_edges_and_given_back() {
    let home = Home::new("");
    let daemon = home.start();
    let (slave, mut master) = terminal(8, 60);
    let mut top = command(&home, "top", &["--every", "200ms"]);
    let end = || Stdio::from(slave.try_clone().unwrap());
    let mut child =
        top.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm").spawn().unwrap();
    let shown = Arc::new(Mutex::new(Vec::new()));
    let (seen, mut reader) = (Arc::clone(&shown), master.try_clone().unwrap());
    // It ends when nobody has the other side any more, and so may a server that another test has started meanwhile.
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            seen.lock().unwrap().extend_from_slice(&buffer[..read]);
        }
    });
    let text = || String::from_utf8_lossy(&shown.lock().unwrap()).into_owned();
    wait_until("three frames", || text().matches("\x1b[H").count() > 3);
    assert!(!tcgetattr(&slave).unwrap().local_flags.contains(LocalFlags::ICANON));
    master.write_all(b"q").unwrap();
    assert!(wait_for(&mut child, &home.config()).success());
    let flags = tcgetattr(&slave).unwrap().local_flags;
    assert!(flags.contains(LocalFlags::ICANON | LocalFlags::ECHO), "keys are as they were");
    wait_until("the screen as it was", || text().ends_with("\x1b[?25h\x1b[?1049l"));
    drop((slave, top));
    let text = text();
    let frame = text.split("\x1b[H").nth(2).unwrap();
    let lines: Vec<&str> = frame.split("\x1b[K\r\n").collect();
    assert!(lines.len() <= 8, "{lines:?}");
    let widths = lines.iter().map(|line| line.replace("\x1b[1m", "").replace("\x1b[0m", "").len());
    assert!(widths.max().unwrap() <= 60 + "\x1b[J".len(), "{lines:?}");
    assert!(frame.contains("ready"), "{frame}");
    drop(daemon);
}
