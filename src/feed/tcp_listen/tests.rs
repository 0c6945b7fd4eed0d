//! Many clients, driven turn by turn over real loopback sockets.

use std::io::Write;
use std::net::Shutdown;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::super::testing::{Bench, SENTENCE, lines, random_bytes, resident_bytes, turn_until};
use super::*;
use crate::reject::Reject;

const IDLE: Duration = Duration::from_secs(300);

fn listen(bench: &Bench, clients_max: usize, idle: Duration) -> (TcpListen, SocketAddr) {
    let bounds = Bounds { clients_max, of_one_address_max: clients_max };
    TcpListen::bind(bench.context(), "tcp", "127.0.0.1:0", bounds, idle).unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).unwrap()
}

fn is_closed(client: &mut TcpStream) -> bool {
    client.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    match client.read(&mut [0; 1]) {
        Ok(count) => count == 0,
        Err(error) => !sockets::is_nothing_now(&error),
    }
}

#[test]
fn a_line_that_is_split_over_two_reads_is_one_line() {
    let bench = Bench::new(8);
    let (mut feed, address) = listen(&bench, 8, IDLE);
    let mut client = connect(address);
    let (head, tail) = SENTENCE.split_at(20);
    client.write_all(head).unwrap();
    turn_until(&mut feed, || bench.counts().bytes.get() == 20);
    client.write_all(tail).unwrap();
    client.write_all(b"\r\n").unwrap();
    turn_until(&mut feed, || bench.counts().received.get() == 1);
    assert_eq!(bench.records()[0].1, SENTENCE);
    assert_eq!(bench.counts().ignored.get(), 0);
}

#[test]
fn the_last_line_counts_without_its_end_when_the_client_goes() {
    let bench = Bench::new(8);
    let (mut feed, address) = listen(&bench, 8, IDLE);
    let mut client = connect(address);
    client.write_all(SENTENCE).unwrap();
    drop(client);
    turn_until(&mut feed, || bench.counts().received.get() == 1);
    assert_eq!(bench.counts().connections.get(), 0);
    assert_eq!(bench.counts().connections_total.get(), 1);
}

#[test]
fn a_line_of_64_mib_costs_no_memory_and_holds_up_nobody() {
    let bench = Bench::new(64);
    let (mut feed, address) = listen(&bench, 8, IDLE);
    let (mut endless, mut other) = (connect(address), connect(address));
    endless.set_nonblocking(true).unwrap();
    let (block, total) = (vec![b'x'; 256 * 1024], 64 << 20);
    let (mut sent, mut served) = (0, 0);
    let before = resident_bytes();
    while sent < total {
        while let Ok(count) = endless.write(&block) {
            sent += count;
        }
        other.write_all(&lines(1, "\n")).unwrap();
        served += 1;
        turn_until(&mut feed, || bench.counts().received.get() > served);
        bench.records();
    }
    assert!(resident_bytes() < before + (32 << 20), "{before} to {}", resident_bytes());
    assert_eq!(bench.counts().rejected.of(Reject::LineTooLong as usize).get(), 1);
    endless.shutdown(Shutdown::Both).unwrap();
    turn_until(&mut feed, || bench.counts().connections.get() == 1);
    assert_eq!(bench.counts().received.get(), served + 1);
}

#[test]
fn two_thousand_idle_and_a_hundred_busy_clients_are_served_by_one_thread() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let bench = Bench::new(4096);
    let (mut feed, address) = listen(&bench, 4096, IDLE);
    let mut clients = Vec::new();
    while clients.len() < 2100 {
        clients.extend((0..50).map(|_| connect(address)));
        let expected = i64::try_from(clients.len()).unwrap();
        turn_until(&mut feed, || bench.counts().connections.get() == expected);
    }
    let mut received = 0;
    for _ in 0..5 {
        for client in clients.iter_mut().step_by(21) {
            client.write_all(&lines(10, "\n")).unwrap();
            received += 10;
        }
        turn_until(&mut feed, || bench.counts().received.get() == received);
        assert_eq!(bench.records().len(), 1000);
    }
}

#[test]
fn a_silent_client_is_closed_and_a_talking_one_is_not() {
    let bench = Bench::new(64);
    let (mut feed, address) = listen(&bench, 8, Duration::from_millis(120));
    let (mut silent, mut talking) = (connect(address), connect(address));
    turn_until(&mut feed, || {
        talking.write_all(&lines(1, "\n")).unwrap();
        bench.records();
        bench.counts().connections_idle.get() == 1
    });
    assert!(is_closed(&mut silent) && !is_closed(&mut talking));
    assert_eq!(bench.counts().connections.get(), 1);
}

#[test]
fn a_client_whose_bytes_were_not_read_yet_is_not_silent() {
    let bench = Bench::new(8);
    let (mut feed, address) = listen(&bench, 8, Duration::from_millis(1));
    let mut client = connect(address);
    feed.admit();
    client.write_all(&lines(1, "\n")).unwrap();
    let silent_since = Instant::now().checked_sub(IDLE).unwrap();
    feed.clients.values_mut().for_each(|client| client.heard = silent_since);
    feed.next_idle_look = Instant::now();
    feed.close_idle();
    assert_eq!((feed.clients.len(), bench.counts().connections_idle.get()), (1, 0));
    assert_eq!(feed.hand_on(), Turn::Moved(1));
}

#[test]
fn clients_over_the_bound_are_refused_and_counted() {
    let bench = Bench::new(8);
    let (mut feed, address) = listen(&bench, 2, IDLE);
    let mut clients: Vec<TcpStream> = (0..3).map(|_| connect(address)).collect();
    turn_until(&mut feed, || bench.counts().connections_refused.get() == 1);
    assert_eq!(bench.counts().connections.get(), 2);
    assert_eq!(clients.iter_mut().filter_map(|client| is_closed(client).then_some(())).count(), 1);
    clients.remove(0);
    turn_until(&mut feed, || bench.counts().connections.get() == 1);
    clients.push(connect(address));
    turn_until(&mut feed, || bench.counts().connections.get() == 2);
}

/// From another address of the loopback than the usual one.
fn connect_from_elsewhere(address: SocketAddr) -> TcpStream {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
    use std::os::fd::AsRawFd;
    let socket =
        socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 9, 0)).unwrap();
    connect(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, address.port())).unwrap();
    socket.into()
}

#[test]
fn one_address_leaves_places_to_others() {
    let bench = Bench::new(8);
    let bounds = Bounds { clients_max: 8, of_one_address_max: 2 };
    let (mut feed, address) =
        TcpListen::bind(bench.context(), "tcp", "127.0.0.1:0", bounds, IDLE).unwrap();
    let mut clients: Vec<TcpStream> = (0..5).map(|_| connect(address)).collect();
    turn_until(&mut feed, || bench.counts().connections_crowded.get() == 3);
    assert_eq!(bench.counts().connections.get(), 2);
    assert_eq!(bench.counts().connections_refused.get(), 3);
    let mut elsewhere = connect_from_elsewhere(address);
    turn_until(&mut feed, || bench.counts().connections.get() == 3);
    assert!(!is_closed(&mut elsewhere));
    // One that leaves makes room for one of the same address.
    clients.remove(0);
    turn_until(&mut feed, || bench.counts().connections.get() == 2);
    clients.push(connect(address));
    turn_until(&mut feed, || bench.counts().connections.get() == 3);
    clients.push(connect(address));
    turn_until(&mut feed, || bench.counts().connections_crowded.get() == 4);
    assert_eq!(feed.by_address.len(), 2);
}

#[test]
fn a_full_queue_slows_the_senders_and_loses_nothing() {
    let bench = Bench::new(1);
    let (mut feed, address) = listen(&bench, 8, Duration::from_millis(1));
    let mut clients = [connect(address), connect(address)];
    for client in &mut clients {
        client.write_all(&lines(5000, "\n")).unwrap();
    }
    let (mut stalled, mut records) = (0, 0);
    while records < 10_000 {
        let turn = feed.turn().unwrap();
        if turn == Turn::Stalled {
            stalled += 1;
            records += if stalled % 10 == 0 { bench.records().len() } else { 0 };
        } else if turn == Turn::Moved(0) {
            records += bench.records().len();
        }
    }
    assert!(stalled > 0);
    assert_eq!((records, bench.counts().received.get()), (10_000, 10_000));
    assert_eq!(bench.counts().dropped.total(), 0);
}

#[test]
fn everyone_has_a_turn_while_the_queue_is_always_full() {
    let bench = Bench::new(1);
    let (mut feed, address) = listen(&bench, 16, IDLE);
    let mut clients: Vec<TcpStream> = (0..8).map(|_| connect(address)).collect();
    turn_until(&mut feed, || bench.counts().connections.get() == 8);
    for (client, number) in clients.iter_mut().zip(10..) {
        let line = format!("from {number}: {}\n", str::from_utf8(SENTENCE).unwrap());
        client.write_all(line.repeat(8000).as_bytes()).unwrap();
    }
    let mut heard = std::collections::HashSet::new();
    // Who is served out of turn has enough to say for all of these.
    for _ in 0..20 {
        if heard.len() == 8 {
            return;
        }
        feed.turn().unwrap();
        heard.extend(bench.records().into_iter().map(|(_, raw)| raw[..7].to_vec()));
    }
    panic!("only {} were heard", heard.len());
}

#[test]
fn what_the_sockets_hold_at_the_stop_is_taken() {
    let bench = Bench::new(64);
    let (mut feed, address) = listen(&bench, 8, IDLE);
    let mut client = connect(address);
    turn_until(&mut feed, || bench.counts().connections.get() == 1);
    client.write_all(&lines(1000, "\n")).unwrap();
    client.write_all(SENTENCE).unwrap();
    bench.stop();
    turn_until(&mut feed, || bench.counts().connections.get() == 0);
    assert_eq!(feed.turn().unwrap(), Turn::Finished);
    assert_eq!(bench.records().len(), 1001);
    assert!(is_closed(&mut client) && TcpStream::connect(address).is_err());
}

#[test]
fn random_bytes_do_no_harm() {
    let bench = Bench::new(4096);
    let (mut feed, address) = listen(&bench, 32, IDLE);
    for seed in 1..20 {
        let mut client = connect(address);
        client.write_all(&random_bytes(seed, 20_000)).unwrap();
        client.write_all(b"\n").unwrap();
        client.write_all(SENTENCE).unwrap();
    }
    turn_until(&mut feed, || bench.counts().connections_total.get() == 19);
    turn_until(&mut feed, || bench.counts().connections.get() == 0);
    let sentences = bench.records().iter().filter(|(_, raw)| raw == SENTENCE).count();
    assert_eq!(sentences, 19);
}
