//! The systemd unit and the Debian package match the programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use capvote::net::admission::CONNECTIONS_MAX;
use capvote::net::connection::DRAIN_WAIT_MAX;
use serde_json::Value;

use crate::process::run;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The settings of the systemd unit, each with all its values.
fn unit() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(root("packaging/capvote.service")).unwrap();
    let mut settings = BTreeMap::<_, Vec<_>>::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '['])) {
        let (name, value) = line.split_once('=').unwrap();
        settings.entry(name.to_string()).or_default().push(value.to_string());
    }
    settings
}

#[test]
fn the_unit_uses_options_that_the_server_has() {
    let unit = unit();
    let [start] = &unit["ExecStart"][..] else { panic!("{unit:?}") };
    let mut words = start.split(' ');
    assert_eq!(words.next(), Some("capvote-server"));
    let options: Vec<_> = words.filter(|word| word.starts_with("--")).collect();
    assert!(options.len() > 3, "{start}");
    let help = run(env!("CARGO_BIN_EXE_capvote-server"), &["--help"], b"");
    for option in options {
        let has = help.done().split_whitespace().any(|word| word == option);
        assert!(has, "the server has no {option}");
    }
    // The state directory is the data directory.
    let data = format!("/var/lib/{}", unit["StateDirectory"][0]);
    assert!(start.contains(&format!("--data {data} ")), "{start}");
}

#[test]
fn the_limits_of_the_unit_exceed_the_bounds_of_the_server() {
    let unit = unit();
    let number = |name: &str| -> u64 { unit[name][0].parse().unwrap() };
    assert!(number("TimeoutStopSec") > DRAIN_WAIT_MAX.as_secs());
    assert!(number("LimitNOFILE") > 2 * CONNECTIONS_MAX as u64);
}

#[test]
fn the_unit_restarts_a_server_until_its_names_are_known_and_its_disk_works() {
    let unit = unit();
    let number = |name: &str| -> u64 { unit[name][0].parse().unwrap() };
    assert_eq!(unit["Restart"], ["on-failure"]);
    assert_eq!((number("StartLimitIntervalSec"), unit.get("StartLimitBurst")), (0, None));
    assert!(number("RestartSec") > 0 && number("RestartMaxDelaySec") <= 20);
    assert!(unit["After"][0].split(' ').any(|target| target == "nss-lookup.target"), "{unit:?}");
    // Exit code 1 is that of a failed sync: see failing.rs.
    assert_eq!(unit["RestartPreventExitStatus"], ["2 3"]);
    // It is also that of a name that is not known. `.invalid` never is (RFC 6761).
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let unknown = ["--listen", "capvotes://vote.invalid:0", "--data", data, "--log", "error"];
    run(env!("CARGO_BIN_EXE_capvote-server"), &unknown, b"").failed(1, "cannot listen on");
}

#[test]
fn a_reload_of_the_unit_sends_the_signal_that_the_server_catches() {
    assert_eq!(unit()["ExecReload"], ["kill -HUP $MAINPID"]);
}

#[test]
fn the_assets_of_the_debian_package_exist() {
    let manifest = root("Cargo.toml");
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let arguments = [&arguments[..], &["--manifest-path", manifest.to_str().unwrap()]].concat();
    let metadata = run(env!("CARGO"), &arguments, b"");
    let metadata: Value = serde_json::from_str(metadata.done()).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "capvote").unwrap();
    let targets = package["targets"].as_array().unwrap().iter();
    let programs: Vec<_> = targets.filter(|target| target["kind"][0] == "bin").collect();
    let deb = &package["metadata"]["deb"];
    // Manual pages and completions.
    let share = tempfile::tempdir().unwrap();
    let built = Path::new(env!("CARGO_BIN_EXE_capvote-server")).parent().unwrap();
    let script = root("packaging/share.sh");
    let arguments = [built.to_str().unwrap(), share.path().to_str().unwrap()];
    run(script.to_str().unwrap(), &arguments, b"").done();
    for page in ["capvote-server.1", "capvote-client-vote.1"] {
        assert!(share.path().join("man/man1").join(page).is_file(), "{page}");
    }
    for asset in deb["assets"].as_array().unwrap() {
        let source = asset[0].as_str().unwrap();
        let (folder, name) = source.rsplit_once('/').unwrap_or(("", source));
        let exists = match name.strip_prefix('*') {
            _ if folder == "target/release" => {
                programs.iter().any(|program| program["name"] == name)
            }
            Some(ending) => {
                let written =
                    folder.strip_prefix("target/share/").map(|folder| share.path().join(folder));
                fs::read_dir(written.unwrap_or_else(|| root(folder)))
                    .unwrap()
                    .any(|entry| entry.unwrap().file_name().to_str().unwrap().ends_with(ending))
            }
            // Written by the script that makes the package.
            _ if ["capvote.cdx.json", "pages.sha256"].contains(&name) => {
                fs::read_to_string(root("packaging/debian.sh")).unwrap().contains(name)
            }
            None => root(source).is_file(),
        };
        assert!(exists, "there is no {source}");
    }
    // cargo-deb finds the unit and its user by the unit's name.
    let units = &deb["systemd-units"];
    let folder = root(units["unit-scripts"].as_str().unwrap());
    let name = units["unit-name"].as_str().unwrap();
    assert!(folder.join(format!("{name}.service")).is_file());
    let user = format!("u {} ", unit()["User"][0]);
    let users = fs::read_to_string(folder.join(format!("{name}.sysusers"))).unwrap();
    assert!(users.lines().any(|line| line.starts_with(&user)), "{users}");
}

/// What a release build of these targets compiles: packages and targets, with features.
fn units(targets: &[&str]) -> BTreeSet<(String, String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--offline", "--locked", "--unit-graph"])
        .args(["-Z", "unstable-options", "--manifest-path"])
        .arg(root("Cargo.toml"))
        .args(targets)
        // The graph of units is not a stable feature.
        .env("RUSTC_BOOTSTRAP", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let graph: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let unit = |unit: &Value| {
        let target = format!("{} {}", unit["target"]["name"], unit["mode"]);
        (text(&unit["pkg_id"]), target, unit["features"].to_string())
    };
    graph["units"].as_array().unwrap().iter().map(unit).collect()
}

#[test]
fn the_tour_builds_the_product_once_and_nothing_for_the_tests() {
    let tour = units(&["--example", "tour"]);
    let names: BTreeSet<_> = tour.iter().map(|(package, ..)| package.as_str()).collect();
    let built = |name: &str| names.iter().any(|package| package.contains(name));
    assert!(built("tokio") && !built("capvote-soak") && !built("insta") && !built("pty-process"));
    // The tour builds the server: everything is there already but the program itself.
    let server = ["--bin", "capvote-server", "--example", "tour"];
    let source = fs::read_to_string(root("examples/tour.rs")).unwrap();
    assert!(source.contains(&format!("TARGETS: [&str; 4] = {server:?};")), "it builds others");
    let server = units(&server);
    let added: Vec<_> = server.difference(&tour).map(|(_, target, _)| &target[..]).collect();
    assert_eq!(added, ["\"capvote-server\" \"build\""]);
}
