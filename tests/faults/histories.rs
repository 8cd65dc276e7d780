//! A bounded number of simulated histories; `cargo run --release -p capvote-soak -- histories` goes
//! on.

use capvote_soak::histories::{scratch, simulate, simulate_many};

const HISTORIES: u64 = 60;

#[test]
fn no_history_breaks_a_promise() {
    let summary = simulate_many(0, HISTORIES, &scratch()).unwrap();
    println!("{summary:?}");
    // They are about something.
    assert!(summary.votes > 1_000 && summary.crashes > 100 && summary.faults > 10, "{summary:?}");
}

#[test]
fn a_seed_is_a_history() {
    for seed in 1_000..1_003 {
        let [first, second] = [(); 2].map(|()| simulate(seed, &scratch()).unwrap().story);
        assert!(first.len() > 100);
        assert_eq!(first, second);
    }
}
