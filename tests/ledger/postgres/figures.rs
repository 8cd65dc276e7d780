//! What a server on PostgreSQL needs: `cargo test --test ledger -- --ignored --nocapture figures`.

use capvote::ledger::{Act, Ledger};

use super::super::conformance::Subject;
use super::super::{create, id, numbers};
use super::Postgres;
use super::cluster::own_cluster;

/// Voter numbers on the roll.
const NUMBERS: u64 = 4_000_000;

/// The memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

#[tokio::test]
#[ignore = "fills a roll of millions"]
async fn a_number_takes_16_bytes_at_most() {
    let Some(cluster) = own_cluster() else { return };
    let subject = Postgres::new(&cluster, false);
    let ledger = subject.open();
    ledger.act(vec![create("board")], None).await.unwrap();
    for part in 0..4 {
        // Pseudorandom numbers. The multiplier is odd, so all differ.
        let part = part * (NUMBERS / 4)..(part + 1) * (NUMBERS / 4);
        let scattered = part.map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        ledger.act(vec![Act::Issue(id("board"), numbers(scattered))], None).await.unwrap();
    }
    assert!(ledger.shut_down());
    drop(ledger);
    let before = resident();
    let begun = std::time::Instant::now();
    let ledger: std::sync::Arc<dyn Ledger> = subject.open();
    let opened = begun.elapsed();
    assert_eq!(ledger.fresh().await.unwrap().elections[0].voters, NUMBERS);
    let bytes = (resident() - before) as f64 / NUMBERS as f64;
    eprintln!("{bytes:.1} bytes a number, opened in {opened:.1?}");
    assert!(bytes <= 16.0, "{bytes}");
}
