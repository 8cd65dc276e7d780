//! A fixed number of simulated histories of two servers on one database; `cargo run -p capvote-soak
//! -- cluster-histories` runs more.

use capvote_soak::cluster::{Rules, simulate, simulate_many};
use capvote_soak::histories::scratch;

#[test]
fn two_servers_on_a_failing_database_keep_their_promises() {
    let rules = Rules { lag: false, old_primary: true };
    let summary = simulate_many(0, 40, rules, &scratch()).unwrap();
    // The histories exercise what they should.
    assert!(summary.votes > 400, "{summary:?}");
    for fault in ["the primary is lost", "a commit does not wait", "a server is paused"] {
        assert!(summary.faults.contains_key(fault), "{fault}: {summary:?}");
    }
}

/// Its reconnection is cut off after the acts were read, and before the tallies.
#[test]
fn a_server_shows_what_it_told_while_it_reads_the_tallies_again() {
    let history = simulate(40, Rules::default(), &scratch()).unwrap();
    assert_eq!(history.violations, [""; 0]);
}

/// "It is open already" was said of an act that was on one disk only, which was lost.
#[test]
fn what_an_officer_is_told_of_acts_outlives_a_failover() {
    let history = simulate(255, Rules::default(), &scratch()).unwrap();
    assert_eq!(history.violations, [""; 0]);
}

/// Its row among the holders of a key, or that it destroyed its half, or its lease.
#[test]
fn what_a_failover_forgets_of_a_server_is_said_again() {
    let rules = Rules { lag: true, old_primary: true };
    for seed in [30_100, 30_242, 30_339, 30_539, 30_641] {
        let history = simulate(seed, rules, &scratch()).unwrap();
        assert_eq!(history.violations, [""; 0], "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_history_of_two_servers() {
    let rules = Rules { lag: false, old_primary: true };
    let [first, second] = [(); 2].map(|()| simulate(2, rules, &scratch()).unwrap().story);
    assert!(first.len() > 100);
    assert_eq!(first, second);
}
