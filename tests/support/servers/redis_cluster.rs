//! A private Redis Cluster: three masters with a third of the slots each, and a replica for each.

use redis::cmd;

use super::super::process::wait_until;
use super::place::Port;
use super::redis::Redis;

const MASTERS: usize = 3;
/// The first slots of the masters, and the end of all.
const SLOTS: [u16; MASTERS + 1] = [0, 5461, 10923, 16384];
/// After how long a silent master is given up, in milliseconds.
const SILENT_MS: &str = "1000";

/// One of the six servers.
struct Node {
    redis: Redis,
    bus: Port,
    is_up: bool,
}

/// Dropped, all of it ends and is gone.
pub struct RedisCluster {
    nodes: Vec<Node>,
}

impl RedisCluster {
    /// Ready: every node has the whole cluster, and every replica its master's data.
    pub fn start() -> Self {
        let nodes: Vec<Node> = (0..2 * MASTERS).map(|_| Node::start()).collect();
        let cluster = Self { nodes };
        cluster.meet();
        cluster.share();
        cluster.wait_ok();
        cluster
    }

    /// Everybody greets everybody: faster than waiting for rumours.
    fn meet(&self) {
        for (number, node) in self.nodes.iter().enumerate() {
            node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
            for other in &self.nodes[..number] {
                let (port, bus) = (other.redis.port().to_string(), other.bus.number().to_string());
                node.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
            }
        }
        let everybody = Some((2 * MASTERS).to_string());
        let knows =
            |node: &Node| node.info(&["CLUSTER", "INFO"], "cluster_known_nodes") == everybody;
        wait_until("nodes that know each other", || self.nodes.iter().all(knows));
    }

    /// Gives slots to the first three, and one of them to each of the others to follow.
    fn share(&self) {
        let (masters, replicas) = self.nodes.split_at(MASTERS);
        for (third, (master, replica)) in masters.iter().zip(replicas).enumerate() {
            let (first, last) = (SLOTS[third].to_string(), (SLOTS[third + 1] - 1).to_string());
            master.ask(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
            replica.ask(&["CLUSTER", "REPLICATE", &master.ask(&["CLUSTER", "MYID"])]);
        }
    }

    /// Waits until all nodes that run agree on masters that run for all slots, and every replica is up to date. It asks them,
    /// so none may be frozen.
    pub fn wait_ok(&self) {
        wait_until("a cluster that is whole", || {
            let mut views = self.up().map(|node| self.masters_seen_by(node));
            let first = views.next().flatten();
            first.is_some()
                && views.all(|view| view == first)
                && self.up().all(|node| node.is_whole() && node.is_current())
        });
    }

    /// For the daemon: the addresses of all six, separated by commas.
    pub fn url(&self) -> String {
        self.nodes.iter().map(|node| node.redis.url()).collect::<Vec<_>>().join(",")
    }

    /// A node by its number, 0 to 5.
    pub fn node(&self, number: usize) -> &Redis {
        &self.nodes[number].redis
    }

    /// The number of the node that now has a third of the slots, 0 to 2.
    pub fn master(&self, third: usize) -> usize {
        let seen = self.up().find_map(|node| self.masters_seen_by(node));
        seen.expect("a slot has no master that runs: wait_ok first")[third]
    }

    /// `kill -9` of the node that has a third of the slots, 0 to 2; its number.
    pub fn kill_master(&mut self, third: usize) -> usize {
        let number = self.master(third);
        self.nodes[number].redis.kill();
        self.nodes[number].is_up = false;
        number
    }

    /// Starts a node that was killed. It finds its way back from its own list of the others.
    pub fn start_again(&mut self, number: usize) {
        self.nodes[number].redis.start_again();
        self.nodes[number].is_up = true;
    }

    fn up(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_up)
    }

    /// Who has each third of the slots, as a node says; none if one of them does not run.
    fn masters_seen_by(&self, node: &Node) -> Option<[usize; MASTERS]> {
        let mut masters = [None; MASTERS];
        for line in node.ask(&["CLUSTER", "NODES"]).lines() {
            // id address:port@bus flags master ping pong epoch link slots...
            let fields: Vec<&str> = line.split(' ').collect();
            let Some(first) = fields.get(8).and_then(|slots| slots.split('-').next()) else {
                continue;
            };
            let port: u16 = fields[1].split([':', '@']).nth(1)?.parse().ok()?;
            let third = SLOTS.iter().position(|slot| slot.to_string() == first)?;
            let fails = fields[2].contains("fail");
            let is_it = |node: &Node| node.is_up && node.redis.port() == port && !fails;
            masters[third] = self.nodes.iter().position(is_it);
        }
        let [Some(one), Some(two), Some(three)] = masters else { return None };
        Some([one, two, three])
    }
}

impl Node {
    fn start() -> Self {
        let bus = Port::free();
        let redis = Redis::with(&[
            ("cluster-enabled", "yes"),
            ("cluster-config-file", "nodes.conf"),
            ("cluster-node-timeout", SILENT_MS),
            ("cluster-port", &bus.number().to_string()),
            ("repl-diskless-sync-delay", "0"),
        ]);
        Self { redis, bus, is_up: true }
    }

    /// What it answers to a command, as text.
    fn ask(&self, command: &[&str]) -> String {
        let mut cmd = cmd(command[0]);
        for word in &command[1..] {
            cmd.arg(word);
        }
        let answer = cmd.query(&mut self.redis.connect());
        answer.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// The value of a line `name:value` of an answer.
    fn info(&self, command: &[&str], name: &str) -> Option<String> {
        let text = self.ask(command);
        let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }

    /// Whether it finds the whole cluster well.
    fn is_whole(&self) -> bool {
        self.info(&["CLUSTER", "INFO"], "cluster_state").as_deref() == Some("ok")
    }

    /// Whether it is a master, or has all that its master had.
    fn is_current(&self) -> bool {
        let says = |name| self.info(&["INFO", "replication"], name);
        says("role").as_deref() == Some("master")
            || says("master_link_status").as_deref() == Some("up")
    }
}
