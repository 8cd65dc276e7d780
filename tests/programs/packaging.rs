//! What an operator installs fits the program.

use std::collections::BTreeMap;
use std::path::Path;

use capvote::net::admission::CONNECTIONS_MAX;
use capvote::net::connection::DRAIN_WAIT_MAX;

use crate::process::run;

/// The settings of the unit for systemd, each with all its values.
fn unit() -> BTreeMap<String, Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/capvote.service");
    let text = std::fs::read_to_string(path).unwrap();
    let mut settings = BTreeMap::<_, Vec<_>>::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '['])) {
        let (name, value) = line.split_once('=').unwrap();
        settings.entry(name.to_string()).or_default().push(value.to_string());
    }
    settings
}

#[test]
fn the_unit_starts_the_server_with_options_that_it_has() {
    let unit = unit();
    let [start] = &unit["ExecStart"][..] else { panic!("{unit:?}") };
    let mut words = start.split(' ');
    assert_eq!(words.next(), Some("/usr/local/bin/capvote-server"));
    let options: Vec<_> = words.filter(|word| word.starts_with("--")).collect();
    assert!(options.len() > 3, "{start}");
    let help = run(env!("CARGO_BIN_EXE_capvote-server"), &["--help"], b"");
    for option in options {
        let has = help.done().split_whitespace().any(|word| word == option);
        assert!(has, "the server has no {option}");
    }
    // The folder that it gets is the one that it is told to use.
    let data = format!("/var/lib/{}", unit["StateDirectory"][0]);
    assert!(start.contains(&format!("--data {data} ")), "{start}");
}

#[test]
fn the_unit_leaves_the_server_what_it_needs() {
    let unit = unit();
    let number = |name: &str| -> u64 { unit[name][0].parse().unwrap() };
    assert!(number("TimeoutStopSec") > DRAIN_WAIT_MAX.as_secs());
    assert!(number("LimitNOFILE") > 2 * CONNECTIONS_MAX as u64);
}
