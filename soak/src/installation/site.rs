//! How the page's texts read on one of the three machines: other addresses, ports and folders.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use super::page;

/// The users that services run as.
const USERS: [&str; 4] = ["etcd", "postgres", "haproxy", "capvote"];

/// Where things are instead.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// What is the root directory on the page.
    folder: PathBuf,
    name: String,
    address: String,
    /// PATH.
    programs: String,
    /// What the page has, and what is there instead.
    changes: Vec<(String, String)>,
}

/// What is the same for all three.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) folder: PathBuf,
    /// Where the programs of PostgreSQL are, and those of capvote.
    pub(super) postgres: PathBuf,
    pub(super) capvote: PathBuf,
    pub(super) patroni: PathBuf,
    /// What voters reach.
    pub(super) front: u16,
}

impl Site {
    /// The machine of this number.
    pub(super) fn new(places: &Places, number: usize) -> Self {
        let network = network();
        let (name, address) = (format!("db{number}"), format!("{network}{number}"));
        let folder = places.folder.join(&name);
        let (here, all) = (folder.display(), places.folder.display());
        let programs = [&places.capvote, &places.postgres].map(|it| it.display().to_string());
        let path = std::env::var("PATH").unwrap_or_default();
        let change = |from: &str, to: &str| (from.to_string(), to.to_string());
        let mut changes = vec![
            change("MY_NAME", &name),
            change("MY_ADDRESS", &address),
            // Who connects within the loopback network comes from 127.0.0.1.
            change("10.0.0.0/24", "127.0.0.0/8"),
            change("10.0.0.", &network),
            change("127.0.0.1:9358", &format!("{address}:9358")),
            change("bind :443", &format!("bind {address}:4443")),
            // A server encrypts connections to other machines anyway.
            change("/capvote --ledger-ca", "/capvote?sslmode=require --ledger-ca"),
            change("/capvote \\\n    --ledger-ca", "/capvote?sslmode=require --ledger-ca"),
            change("https://vote.example.org", &format!("https://localhost:{}", places.front)),
            change("vote.example.org", "localhost"),
            change("/root/", &format!("{all}/")),
            change("/etc/", &format!("{here}/etc/")),
            change("/var/lib/", &format!("{here}/var/lib/")),
            change("/run/", &format!("{here}/run/")),
            change("/usr/lib/postgresql/15/bin", &programs[1]),
            change("/opt/patroni/bin", &places.patroni.display().to_string()),
            // It is started as this user.
            change("    user haproxy\n    group haproxy\n", ""),
            // The packages' own users are there, if the tests may become them.
            change("-o capvote ", ""),
        ];
        if !is_root() {
            changes.extend(USERS.map(|user| change(&format!("-o {user} "), "")));
            let own = Command::new("id").arg("-un").output().map(|output| output.stdout);
            let own = String::from_utf8_lossy(&own.unwrap_or_default()).trim().to_string();
            let mapped = "local all postgres peer";
            changes.push(change(mapped, &format!("local all {own},postgres trust")));
        }
        let programs = format!("{}:{}:{path}", programs[0], programs[1]);
        Self { folder, name, address, programs, changes }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn programs(&self) -> &str {
        &self.programs
    }

    /// A text of the page, as it reads here.
    pub(super) fn here(&self, text: &str) -> String {
        let change = |text: String, (from, to): &(String, String)| text.replace(from, to);
        self.changes.iter().fold(text.to_string(), change)
    }

    /// What has this path on the page.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path.trim_start_matches('/'))
    }

    /// The file of this path.
    pub(super) fn file(&self, path: &str) -> anyhow::Result<String> {
        fs::read_to_string(self.path(path)).with_context(|| path.to_string())
    }

    /// Makes the folders that packages make, and writes the page's files.
    pub(super) fn prepare(&self, chain: &str) -> anyhow::Result<()> {
        for (folder, user) in [
            ("/etc/capvote", ""),
            ("/var/lib/etcd", "etcd"),
            ("/var/lib/postgresql", "postgres"),
            ("/run/postgresql", "postgres"),
        ] {
            let path = self.path(folder);
            fs::create_dir_all(&path)?;
            if is_root() && !user.is_empty() {
                let owner = Command::new("chown").arg(format!("{user}:")).arg(path).status()?;
                anyhow::ensure!(owner.success(), "{folder} cannot be {user}'s");
            }
        }
        for block in page::blocks().iter().filter(|block| block.is_file()) {
            let path = self.path(block.name);
            fs::create_dir_all(path.parent().context("a file has a folder")?)?;
            fs::write(path, self.here(block.text))?;
        }
        for name in ["chain.pem", "key.pem"] {
            capvote::private_file::write(&self.path("/etc/capvote").join(name), |file| {
                std::io::Write::write_all(file, chain.as_bytes())
            })?;
        }
        Ok(())
    }

    /// Runs commands of the page, which are changed already. Returns what they print.
    pub(super) fn shell(&self, text: &str) -> anyhow::Result<String> {
        let mut shell = Command::new("sh");
        shell.args(["-euc", text]).env("PATH", &self.programs).current_dir(&self.folder);
        let output = shell.output()?;
        if !output.status.success() {
            bail!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The beginning of a command line of a service that runs as this user, or as this one. It ends
    /// with the thread that starts it.
    pub(super) fn as_user(&self, user: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).current_dir(&self.folder);
        if is_root() && !user.is_empty() {
            let user = ["--reuid", "--regid"].map(|option| format!("{option}={user}"));
            command.args(user).arg("--init-groups");
            // libpq looks there for certificates, and may not look where root's are.
            command.env("HOME", &self.folder);
        }
        command
    }
}

/// Whether users can be changed.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The beginning of the three addresses: of this process alone, since the ports are those of the
/// page.
fn network() -> String {
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.{}.{low}.1", high | 0x80)
}
