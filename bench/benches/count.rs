//! How long large ranked elections take to count, and how much memory: `cargo bench -p
//! capvote-bench --bench count`.
//!
//! Ballots are random orders of random lengths, so that nearly all of them differ: the worst case
//! for grouping. Each count is a process of its own, whose peak memory is its own.

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use capvote::election::{Ballot, Ballots, Count, LotSeed, Method, Rules, Slate, count};

/// The allocator of capvote's programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BALLOTS: u64 = 1_000_000;
/// The ballots that are made before they are added.
const BATCH: u64 = 10_000;

/// Method, names, seats, and the most seconds and MiB that the count may take.
const COUNTS: [(Method, usize, u16, u64, u64); 4] = [
    (Method::Transferable, 20, 1, 2, 256),
    (Method::Transferable, 20, 5, 2, 256),
    (Method::Schulze, 20, 1, 2, 256),
    (Method::Schulze, 100, 1, 5, 256),
];

fn main() {
    let index = env::args().find_map(|argument| argument.parse::<usize>().ok());
    if let Some(&(method, names, seats, ..)) = index.and_then(|index| COUNTS.get(index)) {
        let (taken, count) = run(method, names, seats);
        assert_eq!(count.elected.len(), usize::from(seats));
        println!("{} {}", taken.as_millis(), peak_kib());
        return;
    }
    println!("{BALLOTS} random ballots, added one by one and counted, in processor time:");
    for (index, (method, names, seats, seconds_max, mib_max)) in COUNTS.into_iter().enumerate() {
        let program = env::current_exe().expect("this program");
        let output = Command::new(program).arg(index.to_string()).output().expect("a count");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("two numbers");
        let (milliseconds, kib) = text.trim().split_once(' ').expect("two numbers");
        let milliseconds: u64 = milliseconds.parse().expect("milliseconds");
        let mib = kib.parse::<u64>().expect("KiB") / 1_024;
        let method = method.name();
        println!(
            "{method} over {names} names, {seats} seats: {milliseconds} ms of {seconds_max} s, \
             {mib} MiB of {mib_max} MiB"
        );
        assert!(milliseconds <= seconds_max * 1_000 && mib <= mib_max, "over the bound");
    }
}

/// Makes, adds and counts the ballots. The time is the processor's for adding and counting.
fn run(method: Method, names: usize, seats: u16) -> (Duration, Count) {
    let slate = Slate::new((0..names).map(|name| format!("name {name}")).collect());
    let slate = slate.expect("a slate");
    let rules = Rules { method, seats, marks: names as u16, ..Rules::default() };
    let mut ballots = Ballots::new(&slate, &rules);
    let mut random = Random(1);
    let mut taken = Duration::ZERO;
    for _ in 0..BALLOTS / BATCH {
        let mut ballot = |_| Ballot::new(&slate, &rules, &random.marks(names)).expect("a ballot");
        let batch: Vec<Ballot> = (0..BATCH).map(&mut ballot).collect();
        let start = processor_time();
        batch.iter().for_each(|ballot| ballots.add(ballot));
        taken += processor_time() - start;
    }
    let start = processor_time();
    let count = count(&slate, &rules, &ballots, BALLOTS, &LotSeed::from([0; 32]));
    (taken + processor_time() - start, count)
}

/// How long this thread has run, whatever else the machine does.
fn processor_time() -> Duration {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = statistics.split_whitespace().next().expect("a time");
    Duration::from_nanos(nanoseconds.parse().expect("nanoseconds"))
}

/// Random numbers that are the same in each run: Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    /// Ranks for some names, at least one, in a random order.
    fn marks(&mut self, names: usize) -> Vec<u16> {
        let mut order: Vec<usize> = (0..names).collect();
        let marked = 1 + self.below(names);
        let mut marks = vec![0; names];
        for (place, rank) in (0..marked).zip(1..) {
            let other = place + self.below(names - place);
            order.swap(place, other);
            marks[order[place]] = rank;
        }
        marks
    }
}

/// The most memory that this process has had, in KiB: `VmHWM` of Linux.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("KiB")
}
