//! Batches of positions as JSON arrays, posted over some connections that are kept open.
//!
//! In:    positions as JSON, each with a comma behind it
//! Out:   `POST` with as many of them as a batch holds; what the answers said
//! Waits: for a connection that is free, when [`QUEUE_MAX`] batches wait for one already
//!
//! 2xx means that the target has the batch for good. 207 names those of it that it refused. At 503 and 429 the batch
//! rests as long as `Retry-After` says, and comes again; so it does when the connection breaks, since a report that says
//! the same of the same moment is the same report, however often it comes. What is not taken within [`PATIENCE`] is
//! given up and ends the run.

mod answer;

use super::Sink;
use crate::ledger::Entry;
use answer::Answer;
use hdrhistogram::Histogram;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Batches that may wait for a connection.
const QUEUE_MAX: usize = 64;
/// How long the target may refuse to take a batch.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// How long a batch rests that nobody says anything of.
const REST: Duration = Duration::from_millis(200);
/// How long an unfinished batch may wait for more.
const GATHER_MAX: Duration = Duration::from_millis(20);

/// Where batches go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The server.
    pub address: SocketAddr,
    /// Its name, as it was asked for.
    pub host: String,
    /// The path.
    pub path: String,
}

/// What the answers said.
#[derive(Clone, Debug)]
pub struct Answers {
    /// Positions that the target has for good.
    pub acknowledged: u64,
    /// Positions that it refused.
    pub refused: u64,
    /// Answers of each sort: 2xx, 207, 503 and 429, any other.
    pub by_sort: [u64; 4],
    /// Connections that broke.
    pub broken: u64,
    /// Microseconds from the first post of a batch to its 2xx or 207: when it had to be posted again, all of that too.
    pub answer_us: Histogram<u64>,
    /// What ended it.
    pub failure: Option<String>,
}

/// A batch on its way.
struct Batch {
    body: Vec<u8>,
    positions: u64,
}

/// Connections that post.
pub struct Http {
    batches: Option<SyncSender<Batch>>,
    workers: Vec<JoinHandle<()>>,
    answers: Arc<Mutex<Answers>>,
    gathered: Batch,
    since: Instant,
    batch_max: u64,
}

impl Http {
    /// Starts as many threads as connections; each connects with its first batch.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(route: &Route, connections: usize, batch_max: u64) -> io::Result<Self> {
        let (batches, waiting) = sync_channel(QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let answers = Answers {
            acknowledged: 0,
            refused: 0,
            by_sort: [0; 4],
            broken: 0,
            answer_us: Histogram::new_with_bounds(1, 3_600_000_000, 3).map_err(io::Error::other)?,
            failure: None,
        };
        let answers = Arc::new(Mutex::new(answers));
        let start = |_| {
            let mut worker = Worker {
                route: route.clone(),
                waiting: Arc::clone(&waiting),
                answers: Arc::clone(&answers),
                stream: None,
            };
            thread::Builder::new().name("post".into()).spawn(move || worker.run())
        };
        let workers = (0..connections.max(1)).map(start).collect::<io::Result<_>>()?;
        let (gathered, since) = (Batch { body: Vec::new(), positions: 0 }, Instant::now());
        Ok(Self { batches: Some(batches), workers, answers, gathered, since, batch_max })
    }

    fn hand_on(&mut self) -> io::Result<()> {
        if self.gathered.positions == 0 {
            return Ok(());
        }
        let room = Vec::with_capacity(self.gathered.body.len() + 256);
        let gathered = Batch { body: room, positions: 0 };
        let mut batch = std::mem::replace(&mut self.gathered, gathered);
        batch.body.pop();
        batch.body.push(b']');
        let gone = || io::Error::other("nobody posts any more");
        self.batches.as_ref().ok_or_else(gone)?.send(batch).map_err(|_| gone())
    }
}

impl Sink for Http {
    fn send(&mut self, bytes: &[u8], entries: &[Entry]) -> io::Result<()> {
        if let Some(failure) = &lock(&self.answers).failure {
            return Err(io::Error::other(failure.clone()));
        }
        let mut at = 0;
        for entry in entries {
            if self.gathered.positions == 0 {
                self.gathered.body.push(b'[');
                self.since = Instant::now();
            }
            let end = at + usize::from(entry.length);
            self.gathered.body.extend_from_slice(bytes.get(at..end).unwrap_or_default());
            self.gathered.positions += 1;
            at = end;
            if self.gathered.positions >= self.batch_max {
                self.hand_on()?;
            }
        }
        if self.since.elapsed() >= GATHER_MAX { self.hand_on() } else { Ok(()) }
    }

    fn finish(&mut self) {
        // A failure stands in the answers.
        let _ = self.hand_on();
        self.batches = None;
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }

    fn answers(&self) -> Option<Answers> {
        Some(lock(&self.answers).clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    route: Route,
    waiting: Arc<Mutex<Receiver<Batch>>>,
    answers: Arc<Mutex<Answers>>,
    stream: Option<TcpStream>,
}

impl Worker {
    fn run(&mut self) {
        loop {
            let batch = lock(&self.waiting).recv();
            let Ok(batch) = batch else { return };
            if let Err(text) = self.deliver(&batch) {
                lock(&self.answers).failure.get_or_insert(text);
            }
            if lock(&self.answers).failure.is_some() {
                return;
            }
        }
    }

    /// Posts a batch until it is taken.
    fn deliver(&mut self, batch: &Batch) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let posted = self.post(&batch.body);
            let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            let mut answers = lock(&self.answers);
            let (rest, why) = match posted {
                Ok(Answer { status: status @ 200..=299, refused, .. }) => {
                    let refused = if status == 207 { refused.unwrap_or(0) } else { 0 };
                    answers.by_sort[usize::from(status == 207)] += 1;
                    answers.acknowledged += batch.positions.saturating_sub(refused);
                    answers.refused += refused;
                    answers.answer_us.saturating_record(took.max(1));
                    return Ok(());
                }
                Ok(Answer { status: status @ (503 | 429), retry_after, .. }) => {
                    answers.by_sort[2] += 1;
                    (retry_after.unwrap_or(REST), format!("answers {status}"))
                }
                Ok(Answer { status, text, .. }) => {
                    answers.by_sort[3] += 1;
                    answers.refused += batch.positions;
                    return Err(format!("answered {status} to a batch: {text}"));
                }
                Err(error) => {
                    answers.broken += 1;
                    (REST, error.to_string())
                }
            };
            drop(answers);
            if began.elapsed() + rest > PATIENCE {
                return Err(format!("took no batch for {} s: {why}", PATIENCE.as_secs()));
            }
            thread::sleep(rest);
        }
    }

    fn post(&mut self, body: &[u8]) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.route.address)?,
        };
        let Route { host, path, .. } = &self.route;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let answer = answer::read(&mut stream)?;
        if answer.keeps_open {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.set_write_timeout(Some(ANSWER_MAX))?;
    Ok(stream)
}

#[cfg(test)]
mod tests;
