//! A fixed number of simulated histories; `cargo run --release -p capvote-soak -- histories` runs
//! more.

use capvote_soak::histories::{scratch, simulate, simulate_many};

const HISTORIES: u64 = 60;

#[test]
fn no_history_breaks_a_promise() {
    let summary = simulate_many(0, HISTORIES, &scratch()).unwrap();
    println!("{summary:?}");
    // The histories exercise what they should.
    assert!(summary.votes > 1_000 && summary.crashes > 100 && summary.faults > 10, "{summary:?}");
    assert!(summary.ended > 2 && summary.steps > 30, "{summary:?}");
    assert!(summary.restores > 5 && summary.run_offs > 5 && summary.invalid > 300, "{summary:?}");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 1_000..1_003 {
        let [first, second] = [(); 2].map(|()| simulate(seed, &scratch()).unwrap().story);
        assert!(first.len() > 100);
        assert_eq!(first, second);
    }
}
