//! A bounded number of simulated histories; `cargo run --release -p capvote-soak -- histories` goes on.

use std::fs;
use std::path::Path;
use std::process::Command;

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

#[test]
fn the_bugs_to_plant_fit_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut patches = 0;
    for entry in fs::read_dir(root.join("soak/planted")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        patches += 1;
        // With as little around it as `patch` takes: it is to be planted where it belongs.
        let mut patch = Command::new("patch");
        patch
            .args(["-p1", "--dry-run", "--force", "--fuzz=0", "-d"])
            .arg(root)
            .arg("-i")
            .arg(&path);
        let fits = patch.output().unwrap();
        assert!(fits.status.success(), "{}: {fits:?}", path.display());
    }
    assert_eq!(patches, 5);
}
