//! The feeds that take posts, and the fronts that own their sockets.
//!
//! A front needs the queue of each of its feeds, and a feed the mailbox of its front; so mailboxes are made first, then the feeds,
//! and the fronts last, when what they answer from is there.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::build::flow;
use super::run_file::Addresses;
use super::threads::{Plan, Role};
use crate::config::{Config, FeedKind, HttpConfig, posts_at};
use crate::exit::{self, Failure};
use crate::feed::FeedContext;
use crate::feed::http::{HttpFeed, POSTS_MAX};
use crate::given::Given;
use crate::http::{self, Answers, Door, Face, Front, Ingest, Mailbox, Parts, Serves};
use crate::queue::{Inlet, Outlet, bounded};
use crate::record::Batch;
use crate::shard::event_time::Believable;
use crate::stage::{Broken, Spot, parking, thread_name};

/// Batches of one feed that may wait for the journal.
const FEED_QUEUE: usize = 16;

/// The ends of the feeds, each with its number, those of the journal, and where that waits.
type FeedQueues = (Vec<(u8, Outlet<Batch>)>, Vec<Inlet<Batch>>, Spot);

/// A queue from each feed to the journal, and where the journal waits for all of them.
pub(super) fn feed_queues(ids: &[u8]) -> FeedQueues {
    let (spot, waker) = parking();
    let (feeds, inlets) = ids
        .iter()
        .map(|id| {
            let (outlet, inlet) = bounded(FEED_QUEUE, &waker);
            ((*id, outlet), inlet)
        })
        .unzip();
    (feeds, inlets, spot)
}

/// Where posts are taken at one address.
struct Site {
    /// Empty for where the face listens.
    address: String,
    /// The first of its feeds.
    name: String,
    /// The name of its thread.
    thread: String,
    answers: Answers,
    mailbox: Mailbox,
    doors: Vec<Door>,
}

/// All of them; the first is the face's.
pub(super) struct Sites(Vec<Site>);

/// What a socket for the face is called, where one is given.
const FACE: &str = "http";
/// The names of the threads that answer for the face.
const FACE_THREADS: [&str; 2] = ["http-api", "http"];

impl Sites {
    /// A mailbox for the face, and for each other address that a feed has.
    pub fn of(config: &Config) -> Result<Self, Failure> {
        let mut sites: Vec<Site> = Vec::new();
        let posts = config.feeds.iter().filter_map(|feed| match &feed.kind {
            FeedKind::Http { address, .. } => {
                let at = posts_at(address, &config.http.address);
                Some((at, feed.name.as_deref().unwrap_or_default()))
            }
            _ => None,
        });
        for (address, name) in [("", "")].into_iter().chain(posts.clone()) {
            if sites.iter().all(|site| site.address != address) {
                let feeds = posts.clone().filter(|(other, _)| *other == address).count();
                let connections = config.http.connections_max;
                let (answers, mailbox) = http::mailbox(connections, feeds).map_err(failed)?;
                let (address, name) = (address.to_owned(), name.to_owned());
                let thread = thread_name("http", sites.len(), &name);
                sites.push(Site { address, name, thread, answers, mailbox, doors: Vec::new() });
            }
        }
        Ok(Self(sites))
    }

    /// The thread of a feed, which may be posted to from now on; it has this place in the configuration.
    pub fn plan(
        &mut self,
        config: &Config,
        context: FeedContext,
        (name, address, at): (&str, &str, usize),
    ) -> Option<Plan> {
        let address = posts_at(address, &config.http.address);
        let site = self.0.iter_mut().find(|site| site.address == address)?;
        let (spot, waker) = parking();
        let (outlet, posts) = bounded(POSTS_MAX, &waker);
        site.doors.push(Door::new(at, outlet));
        let shards = &config.shards;
        let believable = Believable::new(shards.ahead_hours_max, shards.age_hours_max);
        let answers = Box::new(site.answers.clone());
        let stage = HttpFeed::new(context, name, believable, (posts, waker), answers);
        Some(Plan { spot, role: Role::Feed, ..flow(Box::new(stage), parking().0) })
    }

    /// Whether anything is listened for.
    pub fn are_open(&self, config: &Config) -> bool {
        !config.http.address.is_empty() || self.0.len() > 1
    }

    /// The names of the threads that [`Sites::open`] plans.
    pub fn threads(&self, config: &Config) -> Vec<String> {
        let face = FACE_THREADS.iter().filter(|_| !config.http.address.is_empty());
        let own = self.0.iter().skip(1).map(|site| site.thread.clone());
        face.map(|name| (*name).to_owned()).chain(own).collect()
    }

    /// Binds all addresses, and notes them.
    pub fn open(
        self,
        config: &Config,
        face: &Arc<Face>,
        stopping: &Arc<AtomicBool>,
        (addresses, given): (&mut Addresses, &mut Given),
    ) -> Result<Vec<Plan>, Failure> {
        let mut plans = Vec::new();
        for site in self.0 {
            let address = site.address.clone();
            let front = if !address.is_empty() {
                site.posts_alone(config, face, stopping, given)?
            } else if config.http.address.is_empty() {
                continue;
            } else {
                let (spot, waker) = parking();
                let joined = (site.answers, site.mailbox, site.doors);
                let listen = (&config.http, given.tcp(FACE, &config.http.address));
                let (front, api) =
                    http::open(listen, face, joined, &waker, stopping).map_err(failed)?;
                addresses.http = Some(front.address());
                let call_max = Duration::from_secs(config.store.query_seconds);
                plans.push(Plan { role: Role::Face, call_max, ..flow(Box::new(api), spot) });
                front
            };
            for (feed, (_, _, bound)) in config.feeds.iter().zip(&mut addresses.feeds) {
                let FeedKind::Http { address: own, .. } = &feed.kind else { continue };
                if posts_at(own, &config.http.address) == address {
                    *bound = Some(front.address());
                }
            }
            plans.push(Plan { role: Role::Face, ..flow(Box::new(front), parking().0) });
        }
        Ok(plans)
    }
}

impl Site {
    /// A front that takes posts and nothing else.
    fn posts_alone(
        self,
        config: &Config,
        face: &Arc<Face>,
        stopping: &Arc<AtomicBool>,
        given: &mut Given,
    ) -> Result<Front, Failure> {
        let parts = Parts {
            name: self.thread,
            serves: Serves::Posts,
            jobs: None,
            ingest: Ingest::new(self.doors),
            mailbox: self.mailbox,
            given: given.tcp(&self.name, &self.address),
        };
        let listen = HttpConfig { address: self.address, ..config.http.clone() };
        Front::bind(&listen, Arc::clone(face), parts, Arc::clone(stopping)).map_err(failed)
    }
}

fn failed(broken: Broken) -> Failure {
    Failure::new(exit::IO, broken.to_string())
}
