//! Times on the command line: which are accepted, and how they are told.

use std::path::Path;
use std::process::Command;

use crate::process::{Ran, Server, officer};

/// Runs the client with the returning officer's link, in a time zone.
fn officer_in(zone: &str, data: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_capvote-client"));
    command.arg("--link").arg(data.join("officer.link")).args(arguments).env("TZ", zone);
    let output = command.env_remove("CAPVOTE_LINK").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

const CREATE: [&str; 4] = ["create", "board", "--candidate", "Ada"];

#[test]
fn a_time_is_told_in_local_time_in_utc_and_as_a_wait() {
    let data = tempfile::tempdir().unwrap();
    let _server = Server::start(data.path(), &[]);
    let times = ["--opens", "2900-07-01T08:00[Europe/Berlin]", "--closes", "2900-12-24T18:00"];
    let created = officer_in("America/New_York", data.path(), &[&CREATE[..], &times].concat());
    let lines: Vec<_> = created.done().lines().collect();
    let told = [
        "Opens: Thursday 2900-07-01 02:00:00 -04:00 America/New_York (2900-07-01T06:00:00Z; in ",
        "Closes: Friday 2900-12-24 18:00:00 -05:00 America/New_York (2900-12-24T23:00:00Z; in ",
    ];
    assert_eq!((lines.len(), lines[0]), (3, "Election board is created."), "{lines:?}");
    let info = officer_in("America/New_York", data.path(), &["info"]);
    for (line, told) in lines.iter().skip(1).zip(told) {
        assert!(line.starts_with(told) && line.contains(" days "), "{line}");
        assert!(info.done().contains(told), "{}", info.stdout);
    }
    let opened = officer_in("Asia/Kolkata", data.path(), &["open"]);
    let told = "\nCloses: Saturday 2900-12-25 04:30:00 +05:30 Asia/Kolkata (2900-12-24T23:00:00Z;";
    assert!(opened.stdout.contains(told), "{}", opened.stdout);
    let elsewhere = officer_in("Europe/Nowhere", data.path(), &["info"]);
    let told = "\nCloses: 2900-12-24T23:00:00Z (in ";
    assert!(elsewhere.done().contains(told), "{}", elsewhere.stdout);
    assert!(elsewhere.stdout.contains("; the local time zone is not known)"));
}

#[test]
fn a_time_that_may_mean_something_else_creates_nothing() {
    let data = tempfile::tempdir().unwrap();
    let _server = Server::start(data.path(), &[]);
    for (zone, time, why) in [
        ("UTC", "2900-12-24", "write 2900-12-24T00:00 for its beginning, or 2900-12-25T00:00"),
        ("Europe/Nowhere", "2900-12-24T18:00", "TZ is \"Europe/Nowhere\", which is no time zone"),
        ("Nowhere", "2900-12-24T18:00", "the local time zone is not known"),
        ("Factory", "2900-12-24T18:00", "the local time zone is not known"),
        ("UTC", "2900-12-24T18:00[Europe/Nowhere]", "\"Europe/Nowhere\" is no time zone"),
        ("UTC", "6pm", "\"6pm\" is no time; a time looks like"),
        ("Europe/Berlin", "2026-10-25T02:30", "is twice in Europe/Berlin"),
        ("Europe/Berlin", "2026-03-29T02:30", "does not exist in Europe/Berlin"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T02:30", "is twice in the local time zone"),
    ] {
        for option in ["--closes", "--opens"] {
            let words = [&CREATE[..], &[option, time]].concat();
            officer_in(zone, data.path(), &words).failed(2, why);
        }
    }
    for option in ["--closes", "--opens"] {
        let words = [&CREATE[..], &[option, "2020-12-24T18:00"]].concat();
        officer_in("UTC", data.path(), &words).failed(3, "has passed by the server's clock");
    }
    assert_eq!(
        officer(data.path(), &["elections"]).done(),
        "There is no election on this server.\n"
    );
}
