// SPDX-License-Identifier: Apache-2.0

//! What an application does, through the unmodified rdkafka crate: topics, every codec, groups, times, lag.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::process::exit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::groups::GroupInfo;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Message, Offset, TopicPartitionList};

const PARTITIONS: i32 = 4;
const EACH: i64 = 250;
const TOTAL: i64 = PARTITIONS as i64 * EACH;
/// A fixed past second: record times must come back as given, whatever the broker's clock says.
const FIRST_TIME_MS: i64 = 1_700_000_000_000;
const PATIENCE: Duration = Duration::from_secs(30);

static CHECKS: AtomicUsize = AtomicUsize::new(0);

fn check(holds: bool, what: &str) {
    if !holds {
        println!("not ok rust: {} (after {} checks)", what, CHECKS.load(Ordering::Relaxed));
        exit(1);
    }
    CHECKS.fetch_add(1, Ordering::Relaxed);
}

fn same<T: PartialEq + std::fmt::Debug>(expected: T, got: T, what: &str) {
    check(expected == got, &format!("{}: expected {:?}, got {:?}", what, expected, got));
}

/// The value, or the end of the test.
fn good<T, E: std::fmt::Display>(result: Result<T, E>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(problem) => {
            check(false, &format!("{}: {}", what, problem));
            unreachable!()
        }
    }
}

struct Waker(Thread);

impl Wake for Waker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The admin client answers with futures; one thread that waits is all they need here.
fn wait<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    let waker = Arc::new(Waker(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

fn value(i: i64) -> String {
    format!("value-{}-{}", i, "abcdefgh".repeat(i as usize % 32))
}

struct Suite {
    address: String,
    run: String,
    admin: AdminClient<DefaultClientContext>,
}

impl Suite {
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address).set("client.id", "member");
        config
    }

    fn consumer(&self, group: &str, more: &[(&str, &str)]) -> BaseConsumer {
        let mut config = self.config();
        config.set("group.id", group).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
        config.set("heartbeat.interval.ms", "200").set("session.timeout.ms", "6000");
        for (name, value) in more {
            config.set(*name, *value);
        }
        good(config.create(), "a consumer")
    }

    fn create(&self, topic: &str, partitions: i32, replicas: i32) -> Result<(), RDKafkaErrorCode> {
        // Record times lie years back: deletion by age must not take them away while we read.
        let wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(replicas)).set("retention.ms", "-1");
        let answers = good(wait(self.admin.create_topics([&wanted], &options())), "creating a topic");
        same(1, answers.len(), "an answer for each topic");
        answers.into_iter().next().unwrap().map(|_| ()).map_err(|(_, code)| code)
    }

    fn produce(&self, topic: &str, codec: &str) {
        let mut config = self.config();
        config.set("compression.type", codec).set("enable.idempotence", "true").set("linger.ms", "5");
        let producer: BaseProducer = good(config.create(), "a producer");
        for i in 0..TOTAL {
            let (key, value, number) = (format!("key-{}", i), value(i), i.to_string());
            let headers = OwnedHeaders::new().insert(Header { key: "number", value: Some(&number) });
            let record = BaseRecord::to(topic).partition(i as i32 % PARTITIONS).key(&key).payload(&value);
            let record = record.timestamp(FIRST_TIME_MS + i).headers(headers);
            good(producer.send(record).map_err(|(problem, _)| problem), "sending");
        }
        good(producer.flush(PATIENCE), "flushing");
        same(0, producer.in_flight_count(), "records not delivered");
    }

    fn plain(&self, topic: &str, codec: &str) {
        same(Ok(()), self.create(topic, PARTITIONS, 1), codec);
        self.produce(topic, codec);
        let c = self.consumer("unused", &[]);
        let mut times = TopicPartitionList::new();
        for p in 0..PARTITIONS {
            same((0, EACH), good(c.fetch_watermarks(topic, p, PATIENCE), "bounds"), "bounds of a partition");
            good(times.add_partition_offset(topic, p, Offset::Offset(FIRST_TIME_MS + 501)), "a time");
        }
        let found = good(c.offsets_for_times(times, PATIENCE), "offsets for a time");
        for p in found.elements() {
            // The first record at or after 501 ms in a partition that holds p, p+4, p+8, ...
            let record = 501 + (i64::from(p.partition()) - 501).rem_euclid(i64::from(PARTITIONS));
            same(Offset::Offset(record / i64::from(PARTITIONS)), p.offset(), "offset for a time");
        }
        good(c.assign(&found), "assigning");
        read(&c, TOTAL - 501, "from a time on");
        let mut whole = TopicPartitionList::new();
        for p in 0..PARTITIONS {
            good(whole.add_partition_offset(topic, p, Offset::Beginning), "the beginning");
        }
        good(c.assign(&whole), "assigning");
        read(&c, TOTAL, codec);
    }

    fn group(&self, name: &str) -> Option<(String, String, usize)> {
        let c = self.consumer("unused", &[]);
        let list = good(c.fetch_group_list(None, PATIENCE), "listing groups");
        let found = list.groups().iter().find(|g| g.name() == name);
        // The crate's members() must not be asked where there are none: it makes a slice of a null pointer.
        let members = |state: &str, g: &GroupInfo| if state == "Empty" { 0 } else { g.members().len() };
        found.map(|g| (g.state().to_string(), g.protocol().to_string(), members(g.state(), g)))
    }

    fn rebalance(&self, topic: &str, strategy: &str) {
        let name = format!("rust-{}-{}", strategy, self.run);
        let how = [("partition.assignment.strategy", strategy)];
        let a = self.consumer(&name, &how);
        good(a.subscribe(&[topic]), "subscribing");
        until(&[&a], || owned(&a).len() == 4, "one member has every partition");
        let b = self.consumer(&name, &how);
        good(b.subscribe(&[topic]), "subscribing");
        until(&[&a, &b], || owned(&a).len() == 2 && owned(&b).len() == 2, "two members share");
        same(4, owned(&a).union(&owned(&b)).count(), "no partition twice");
        same(Some(("Stable".to_string(), strategy.to_string(), 2)), self.group(&name), "listed and described");
        same(Err(RDKafkaErrorCode::NonEmptyGroup), self.delete_group(&name), "deleting a group in use");
        drop(b);
        until(&[&a], || owned(&a).len() == 4, "the other left, one has all again");
        drop(a);
        same(Some(("Empty".to_string(), String::new(), 0)), self.group(&name), "nobody is left");
        same(Ok(()), self.delete_group(&name), "deleting it after");
        same(None, self.group(&name), "it is gone");
    }

    fn delete_group(&self, name: &str) -> Result<(), RDKafkaErrorCode> {
        let answers = good(wait(self.admin.delete_groups(&[name], &options())), "deleting a group");
        answers.into_iter().next().unwrap().map(|_| ()).map_err(|(_, code)| code)
    }

    fn lag(&self, topic: &str, group: &str) -> i64 {
        let c = self.consumer(group, &[]);
        let mut whole = TopicPartitionList::new();
        whole.add_partition_range(topic, 0, PARTITIONS - 1);
        let committed = good(c.committed_offsets(whole, PATIENCE), "committed offsets");
        let mut lag = 0;
        for p in committed.elements() {
            let (_, end) = good(c.fetch_watermarks(topic, p.partition(), PATIENCE), "an end");
            lag += end - p.offset().to_raw().unwrap_or(0);
        }
        lag
    }

    fn resume(&self, topic: &str) {
        let name = format!("rust-resume-{}", self.run);
        let a = self.consumer(&name, &[]);
        good(a.subscribe(&[topic]), "subscribing");
        same(firsts([0, 0, 0, 0]), read(&a, TOTAL, "a new group"), "where a new group begins");
        let mut half = TopicPartitionList::new();
        for p in 0..PARTITIONS {
            good(half.add_partition_offset(topic, p, Offset::Offset(100 + i64::from(p))), "an offset");
        }
        good(a.commit(&half, CommitMode::Sync), "committing");
        let back = good(a.committed(PATIENCE), "committed offsets");
        same(half.to_topic_map(), back.to_topic_map(), "committed offsets");
        // A list that librdkafka made holds on to its consumer, whose end would wait for it.
        drop((back, a));
        same(TOTAL - 406, self.lag(topic, &name), "lag");
        let a = self.consumer(&name, &[]);
        good(a.subscribe(&[topic]), "subscribing");
        same(firsts([100, 101, 102, 103]), read(&a, TOTAL - 406, "the same group again"), "where it goes on");
        let found = good(a.offsets_for_timestamp(FIRST_TIME_MS + 800, PATIENCE), "offsets for a time");
        for p in found.elements() {
            good(a.seek(topic, p.partition(), p.offset(), PATIENCE), "seeking");
        }
        same(firsts([200, 200, 200, 200]), read(&a, 200, "from a time on"), "the first records from that time on");
        good(a.commit_consumer_state(CommitMode::Sync), "committing what was read");
        drop((found, a));
        same(0, self.lag(topic, &name), "lag at the end");
        same(Ok(()), self.delete_group(&name), "deleting the group");
    }

    fn configs(&self, topic: &str) {
        let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("retention.ms", "7200000");
        let answers = good(wait(self.admin.alter_configs([&change], &options())), "altering");
        check(answers[0].is_ok(), "altered");
        // Apache Kafka answers when the controller has decided; its brokers learn of it a moment later.
        let end = Instant::now() + PATIENCE;
        loop {
            let asked = [ResourceSpecifier::Topic(topic)];
            let mut answers = good(wait(self.admin.describe_configs(&asked, &options())), "describing");
            let found = answers.remove(0).ok().and_then(|r| r.get("retention.ms").and_then(|e| e.value.clone()));
            if found.as_deref() == Some("7200000") {
                break;
            }
            check(Instant::now() < end, &format!("retention.ms is {:?}", found));
        }
        let more = NewPartitions::new(topic, PARTITIONS as usize + 1);
        let answers = good(wait(self.admin.create_partitions([&more], &options())), "a partition more");
        check(answers[0].is_ok(), "a partition more");
    }

    fn described(&self, topic: &str) {
        let c = self.consumer("unused", &[]);
        let metadata = good(c.fetch_metadata(Some(topic), PATIENCE), "metadata");
        same(1, metadata.brokers().len(), "brokers");
        let found = &metadata.topics()[0];
        same(PARTITIONS as usize, found.partitions().len(), "partitions");
        let broker = metadata.brokers()[0].id();
        check(found.partitions().iter().all(|p| p.leader() == broker && p.isr() == [broker]), "every partition has its leader");
        same(Err(RDKafkaErrorCode::TopicAlreadyExists), self.create(topic, 1, 1), "creating it twice");
        let three = format!("three-{}", self.run);
        same(Err(RDKafkaErrorCode::InvalidReplicationFactor), self.create(&three, 1, 3), "three replicas");
    }

    fn delete(&self, topics: &[String]) {
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let answers = good(wait(self.admin.delete_topics(&names, &options())), "deleting topics");
        check(answers.iter().all(Result::is_ok), "topics are deleted");
        let c = self.consumer("unused", &[]);
        let end = Instant::now() + PATIENCE;
        loop {
            let metadata = good(c.fetch_metadata(None, PATIENCE), "metadata");
            if !metadata.topics().iter().any(|t| names.contains(&t.name())) {
                break;
            }
            check(Instant::now() < end, "the topics are still there");
        }
    }
}

fn owned(c: &BaseConsumer) -> HashSet<i32> {
    good(c.assignment(), "assignment").elements().iter().map(|p| p.partition()).collect()
}

fn until<F: Fn() -> bool>(members: &[&BaseConsumer], holds: F, what: &str) {
    let end = Instant::now() + PATIENCE;
    while !holds() && Instant::now() < end {
        for c in members {
            if let Some(message) = c.poll(Duration::from_millis(20)) {
                good(message, what);
            }
        }
    }
    check(holds(), what);
}

fn firsts(offsets: [i64; 4]) -> HashMap<i32, i64> {
    offsets.iter().enumerate().map(|(p, offset)| (p as i32, *offset)).collect()
}

/// Exactly `count` records, each as it was sent; returns the first offset in each partition.
fn read(c: &BaseConsumer, count: i64, what: &str) -> HashMap<i32, i64> {
    let (mut seen, mut right, mut firsts) = (0, true, HashMap::new());
    let end = Instant::now() + PATIENCE;
    while seen < count && Instant::now() < end {
        if let Some(message) = c.poll(Duration::from_millis(100)) {
            let m = good(message, what);
            let i = m.offset() * i64::from(PARTITIONS) + i64::from(m.partition());
            firsts.entry(m.partition()).or_insert_with(|| m.offset());
            right = right && m.payload() == Some(value(i).as_bytes()) && m.key() == Some(format!("key-{}", i).as_bytes());
            right = right && m.timestamp().to_millis() == Some(FIRST_TIME_MS + i);
            right = right && m.headers().map(|h| h.get(0).value) == Some(Some(i.to_string().as_bytes()));
            seen += 1;
        }
    }
    same(count, seen, what);
    check(right, &format!("{}: every record as it was sent", what));
    firsts
}

fn main() {
    let address = std::env::args().nth(1).expect("usage: client-check ADDRESS");
    let admin = ClientConfig::new().set("bootstrap.servers", &address).create();
    let run = format!("{:x}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos());
    let suite = Suite { address, run, admin: good(admin, "an admin client") };
    let mut topics = Vec::new();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("rust-{}-{}", codec, suite.run);
        suite.plain(&topic, codec);
        topics.push(topic);
    }
    for strategy in ["range", "roundrobin"] {
        suite.rebalance(&topics[0], strategy);
    }
    suite.resume(&topics[0]);
    suite.described(&topics[1]);
    suite.configs(&topics[1]);
    suite.delete(&topics);
    println!("ok rust {} checks", CHECKS.load(Ordering::Relaxed));
}
