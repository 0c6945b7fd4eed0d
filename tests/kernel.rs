//! What the kernel does with datagrams is seen: the buffer it granted, and what it dropped.

use std::net::UdpSocket;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::http::metrics;
use crate::support::numbered::sentence;
use crate::support::process::{Home, wait_until};

#[test]
fn datagrams_that_the_kernel_drops_are_counted_and_its_buffer_is_told() {
    const SENT: u32 = 5_000;
    let config = "[[feeds]]\nkind = \"udp\"\nname = \"small\"\naddress = \"127.0.0.1:0\"\n\
                  receive_buffer_bytes = 4096\n";
    let home = Home::new(config);
    let mut daemon = home.spawn_as_configured();
    daemon.wait_until_ready();
    let granted = metrics(daemon.http()).feed("small", "receive_buffer_bytes");
    assert!((1..1 << 20).contains(&granted), "{granted}");

    // A daemon that does not run reads nothing: the buffer overflows for certain.
    daemon.signal(Signal::SIGSTOP);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..SENT {
        sender.send_to(sentence(n).as_bytes(), daemon.udp()).unwrap();
    }
    daemon.signal(Signal::SIGCONT);
    let seen = || {
        let metrics = metrics(daemon.http());
        (metrics.feed("small", "received"), metrics.feed("small", "kernel_drops"))
    };
    wait_until("each datagram is received or told as dropped", || {
        let (received, dropped) = seen();
        received + dropped == u64::from(SENT)
    });
    let (received, dropped) = seen();
    assert!(received > 0 && dropped > 0, "{received} {dropped}");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(daemon.stop(), Some(0));
}
