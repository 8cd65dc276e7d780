//! The cluster of the tests: where PostgreSQL is not installed, and its end.

use std::path::Path;

use capvote_soak::postgres::programs;

use super::cluster::{own_cluster, skip};

#[test]
fn without_postgresql_a_test_says_so_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let folders = [folder.path().to_path_buf()];
    assert!(programs(&folders).is_none());
    skip(false);
    for program in ["initdb", "postgres", "pg_basebackup", "pg_isready"] {
        std::fs::write(folder.path().join(program), "").unwrap();
    }
    assert!(programs(&folders).is_some());
}

#[test]
#[should_panic(expected = "CI has to install")]
fn without_postgresql_a_test_fails_in_the_gate() {
    skip(true);
}

#[test]
fn a_cluster_ends_when_its_standard_input_does() {
    let Some(cluster) = own_cluster() else { return };
    let (folder, servers) = (cluster.folder().to_owned(), ["a", "b"].map(|data| cluster.pid(data)));
    let runs = |pid: &String| Path::new("/proc").join(pid).exists();
    assert!(servers.iter().all(runs));
    drop(cluster);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while servers.iter().any(runs) || folder.exists() {
        assert!(std::time::Instant::now() < end, "it still runs");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
