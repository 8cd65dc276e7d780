//! SIGKILL under load: each vote that was answered `recorded` is counted exactly once.
//! `cargo run --release -p capvote-soak -- kills` runs any number of rounds.

use std::path::Path;

use capvote_soak::kills;

const ROUNDS: usize = 50;

#[tokio::test(flavor = "local")]
async fn fifty_kills_lose_nothing_and_count_nothing_twice() {
    let data = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_capvote-server"));
    let figures = kills::run(program, data.path(), ROUNDS, |_| {}).await.unwrap();
    println!("{figures}");
    assert!(figures.hold() && figures.kills() == ROUNDS, "{figures}");
}
