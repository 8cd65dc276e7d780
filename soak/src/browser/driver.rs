//! The processes of a browser: they end with the test, however it ends.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use fantoccini::wd::Capabilities;
use serde_json::json;
use tempfile::TempDir;

/// Runs a program until the standard input ends, and then kills all processes of its group, of
/// which it is the first.
const RUN_WHILE_READ: &str = r#""$@" & read -r _; kill -KILL 0"#;

/// It asks nobody but the page's server for anything.
const FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A kind of browser.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Chromium or Chrome, with chromedriver.
    Chromium,
    /// Firefox, with geckodriver.
    Firefox,
}

/// Where a browser and its driver are.
#[derive(Debug)]
pub struct Programs {
    kind: Kind,
    browser: PathBuf,
    driver: PathBuf,
}

/// The programs, if both are installed where Debian has them, or on the PATH.
pub fn programs(kind: Kind) -> Option<Programs> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [PathBuf::from("/usr/bin")].into_iter().chain(std::env::split_paths(&path));
    programs_in(kind, &folders.collect::<Vec<_>>())
}

/// The programs, if both are in these folders.
pub fn programs_in(kind: Kind, folders: &[PathBuf]) -> Option<Programs> {
    let find = |names: &[&str]| {
        folders
            .iter()
            .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
            .find(|path| path.is_file())
    };
    let (browsers, driver) = kind.names();
    Some(Programs { kind, browser: find(browsers)?, driver: find(&[driver])? })
}

impl Kind {
    /// What the browser is called, and its driver.
    fn names(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Chromium => (&["chromium", "chromium-browser", "google-chrome"], "chromedriver"),
            Self::Firefox => (&["firefox-esr", "firefox"], "geckodriver"),
        }
    }

    /// What stands before the port in what the driver prints when it has started.
    fn before_port(self) -> &'static str {
        match self {
            Self::Chromium => "started successfully on port ",
            Self::Firefox => "Listening on 127.0.0.1:",
        }
    }
}

/// A driver, and the browser that it has started. Dropping it ends both.
pub(crate) struct Driver {
    process: Child,
    profile: TempDir,
    /// Where it takes commands.
    pub(crate) address: String,
}

impl Driver {
    pub(crate) fn start(programs: &Programs) -> anyhow::Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut command = Command::new("sh");
        command.args(["-c", RUN_WHILE_READ, "sh"]).arg(&programs.driver).arg("--port=0");
        // What the browser leaves behind is in this folder.
        command.env("HOME", profile.path()).env("TMPDIR", profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.process_group(0).spawn()?;
        let output = process.stdout.take();
        let mut driver = Self { process, profile, address: String::new() };
        let output = BufReader::new(output.context("the driver has no stdout")?);
        let mut lines = output.lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once(programs.kind.before_port())?;
            Some(port.trim_end_matches('.').to_string())
        });
        let port = port.context("the driver did not start")?;
        // What it prints is read until it ends: geckodriver dies of a broken pipe.
        std::thread::spawn(|| lines.for_each(drop));
        driver.address = format!("http://127.0.0.1:{port}");
        Ok(driver)
    }

    pub(crate) fn capabilities(&self, programs: &Programs, flags: &[&str]) -> Capabilities {
        let profile = format!("--user-data-dir={}", self.folder().join("profile").display());
        let (name, own) = match programs.kind {
            Kind::Chromium => ("goog:chromeOptions", [&FLAGS[..], &[&profile]].concat()),
            Kind::Firefox => ("moz:firefoxOptions", vec!["-headless"]),
        };
        let arguments = [&own, flags].concat();
        let options = json!({ "binary": programs.browser, "args": arguments });
        Capabilities::from_iter([(name.to_string(), options)])
    }

    /// The process group of the browser and the driver.
    pub(crate) fn group(&self) -> u32 {
        self.process.id()
    }

    fn folder(&self) -> &Path {
        self.profile.path()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It kills itself with all others.
        _ = self.process.wait();
    }
}
