//! What a server on PostgreSQL needs: `cargo test --test ledger -- --ignored --nocapture figures`.

use std::process::Command;
use std::sync::Arc;

use capvote::ledger::postgres::Options;
use capvote::ledger::{Act, Ledger};

use super::super::conformance::Subject;
use super::super::{create, id, numbers};
use super::cluster::own_cluster;
use super::{Postgres, open};

/// Voter numbers on the roll.
const NUMBERS: u64 = 50_000_000;

/// Acts in which they are issued.
const PARTS: u64 = 25;

/// Where the process that is measured finds the ledger.
const ADDRESS: &str = "CAPVOTE_FIGURES_ADDRESS";
const DATA: &str = "CAPVOTE_FIGURES_DATA";

/// A figure of the memory of this process, in bytes.
fn memory(figure: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(figure)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

#[tokio::test]
#[ignore = "fills a roll of millions"]
async fn a_number_takes_16_bytes_at_most() {
    let Some(cluster) = own_cluster() else { return };
    let subject = Postgres::new(&cluster, false);
    let ledger = subject.open();
    ledger.act(vec![create("board")], None).await.unwrap();
    for part in 0..PARTS {
        // Pseudorandom numbers. The multiplier is odd, so all differ.
        let part = part * (NUMBERS / PARTS)..(part + 1) * (NUMBERS / PARTS);
        let scattered = part.map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        ledger.act(vec![Act::Issue(id("board"), numbers(scattered))], None).await.unwrap();
    }
    assert!(ledger.shut_down());
    // A process of its own has no memory that it used before.
    let started = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "--exact", "postgres::figures::the_start_is_measured"])
        .env(ADDRESS, cluster.address(&subject.database))
        .env(DATA, subject.data(0))
        .status();
    assert!(started.unwrap().success());
}

#[tokio::test]
#[ignore = "the test above starts it"]
async fn the_start_is_measured() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let options = Options::new(&address, std::env::var(DATA).unwrap()).unwrap();
    let before = memory("VmRSS");
    let begun = std::time::Instant::now();
    let ledger: Arc<dyn Ledger> = open(options.alone());
    let opened = begun.elapsed();
    assert_eq!(ledger.fresh().await.unwrap().elections[0].voters, NUMBERS);
    let [bytes, most] = ["VmRSS", "VmHWM"].map(|it| (memory(it) - before) as f64 / NUMBERS as f64);
    eprintln!("{bytes:.1} bytes a number, {most:.1} at most, opened in {opened:.1?}");
    assert!(most <= 16.0, "{most}");
}
