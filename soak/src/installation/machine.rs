//! One of the three machines: a folder, an address of the loopback network, and what runs there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

use super::page;
use super::site::Site;

/// What systemd would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Who says which node is the primary.
    Etcd,
    /// What starts PostgreSQL.
    Patroni,
    /// A server.
    Capvote,
    /// What browsers reach.
    Haproxy,
}

const UNITS: [(&str, Unit); 4] = [
    ("etcd", Unit::Etcd),
    ("patroni", Unit::Patroni),
    ("capvote", Unit::Capvote),
    ("haproxy", Unit::Haproxy),
];

/// A machine. Dropping it kills what runs there.
pub struct Machine {
    site: Site,
    logs: PathBuf,
    running: BTreeMap<Unit, Child>,
}

impl Machine {
    pub(super) fn new(site: Site, logs: &Path) -> Self {
        Self { site, logs: logs.to_owned(), running: BTreeMap::new() }
    }

    /// How the page's texts read here.
    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// Runs the commands of a block, with what the test is of `systemctl`.
    pub(super) fn run(&mut self, text: &str) -> anyhow::Result<()> {
        let is_of_systemd = |line: &&str| line.starts_with("systemctl ");
        let commands: String = text
            .lines()
            .filter(|line| !is_of_systemd(line))
            .fold(String::new(), |commands, line| commands + line + "\n");
        self.site.shell(&commands)?;
        for line in text.lines().filter(is_of_systemd) {
            let words: Vec<_> = line.split(' ').skip(1).collect();
            match words[..] {
                ["daemon-reload"] | ["enable", _] => {}
                ["restart", unit] | ["enable", "--now", unit] => {
                    let unit = UNITS.iter().find(|(name, _)| *name == unit);
                    self.start(unit.with_context(|| line.to_string())?.1)?;
                }
                _ => anyhow::bail!("there is no {line:?} here"),
            }
        }
        Ok(())
    }

    /// Starts what is not running.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&mut self, unit: Unit) -> anyhow::Result<()> {
        if let Some(child) = self.running.get_mut(&unit)
            && child.try_wait()?.is_none()
        {
            return Ok(());
        }
        let log = self.logs.join(format!("{}-{unit:?}", self.site.name()));
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = self.command(unit)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.running.insert(unit, command.spawn()?);
        Ok(())
    }

    /// Starts all.
    ///
    /// # Errors
    /// If one cannot be started.
    pub fn start_all(&mut self) -> anyhow::Result<()> {
        UNITS.iter().try_for_each(|(_, unit)| self.start(*unit))
    }

    /// Kills one of them with SIGKILL.
    ///
    /// # Errors
    /// If it does not run.
    pub fn kill(&mut self, unit: Unit) -> anyhow::Result<()> {
        let mut child = self.running.remove(&unit).context("it does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Kills everything, as a power cut does, but for what it takes to do so.
    ///
    /// # Errors
    /// If something cannot be killed.
    pub fn kill_all(&mut self) -> anyhow::Result<()> {
        // Patroni first: it would start PostgreSQL again.
        for (_, mut child) in std::mem::take(&mut self.running).into_iter().rev() {
            child.kill()?;
            child.wait()?;
        }
        if let Some(postmaster) = self.postmaster() {
            signal("KILL", &with_children(postmaster)?)?;
        }
        Ok(())
    }

    /// Sends a signal to PostgreSQL here, the postmaster and its children.
    ///
    /// # Errors
    /// If it does not run.
    pub fn signal_postgres(&self, name: &str) -> anyhow::Result<()> {
        let postmaster = self.postmaster().context("PostgreSQL does not run")?;
        // The postmaster first: it makes children.
        signal(name, &[postmaster])?;
        signal(name, &with_children(postmaster)?)
    }

    /// Sends a signal to everything here.
    ///
    /// # Errors
    /// If something does not run.
    pub fn signal_all(&self, name: &str) -> anyhow::Result<()> {
        let running: Vec<_> = self.running.values().map(Child::id).collect();
        signal(name, &running)?;
        self.signal_postgres(name)
    }

    /// Lets everything here go on that hangs.
    pub(super) fn go_on(&self) -> anyhow::Result<()> {
        let running: Vec<_> = self.running.values().map(Child::id).collect();
        signal("CONT", &running)?;
        self.postmaster().map_or(Ok(()), |postmaster| signal("CONT", &with_children(postmaster)?))
    }

    /// Kills the postmaster alone: its children notice.
    ///
    /// # Errors
    /// If it does not run.
    pub fn kill_postmaster(&self) -> anyhow::Result<()> {
        signal("KILL", &[self.postmaster().context("PostgreSQL does not run")?])
    }

    /// The process that PostgreSQL's others come from.
    fn postmaster(&self) -> Option<u32> {
        let file = self.site.path("/var/lib/postgresql/cluster/postmaster.pid");
        let pid = fs::read_to_string(file).ok()?.lines().next()?.parse().ok()?;
        // The file outlives the process, whose number may be another's by then.
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let folder = self.site.path("/var/lib/postgresql/cluster").display().to_string();
        String::from_utf8_lossy(&command_line).contains(&folder).then_some(pid)
    }

    /// What a unit runs, as its user.
    fn command(&self, unit: Unit) -> anyhow::Result<Command> {
        let site = &self.site;
        let drop_in = "/etc/systemd/system/capvote.service.d/cluster.conf";
        let (user, words, environment) = match unit {
            // Debian's own units.
            Unit::Etcd => {
                let file = site.path("/etc/default/etcd").display().to_string();
                ("etcd", "/usr/bin/etcd".into(), Some(file))
            }
            Unit::Haproxy => {
                let file = site.path("/etc/haproxy/haproxy.cfg");
                ("haproxy", format!("/usr/sbin/haproxy -db -f {}", file.display()), None)
            }
            Unit::Patroni => {
                let text = site.file("/etc/systemd/system/patroni.service")?;
                let last = |key: &str| page::values(&text, key).pop();
                let file = last("EnvironmentFile").context("there are no passwords")?;
                ("postgres", last("ExecStart").context("nothing is started")?, Some(file))
            }
            Unit::Capvote => {
                let text = site.file(drop_in)?;
                let values = page::values(&text, "ExecStart");
                // The empty one takes back what the unit itself has.
                ensure!(values.len() == 2 && values[0].is_empty(), "the unit starts {values:?}");
                ("", values.concat(), None)
            }
        };
        let mut command = site.as_user(user);
        command.args(words.split_whitespace()).env("PATH", site.programs());
        if let Some(file) = environment {
            let text = fs::read_to_string(file)?;
            command.envs(text.lines().filter_map(|line| line.split_once('=')));
        }
        Ok(command)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.kill_all();
    }
}

/// A process and those that it has made.
fn with_children(pid: u32) -> anyhow::Result<Vec<u32>> {
    let mut found = vec![pid];
    for entry in fs::read_dir("/proc")? {
        let Ok(id) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(status) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        // The name of the program, in parentheses, may have anything in it.
        let parent = status.rsplit(')').next().and_then(|rest| rest.split(' ').nth(2));
        if parent.is_some_and(|parent| parent == pid.to_string()) {
            found.push(id);
        }
    }
    Ok(found)
}

/// Sends a signal to processes, of which some may have ended meanwhile.
fn signal(name: &str, processes: &[u32]) -> anyhow::Result<()> {
    let processes = processes.iter().map(u32::to_string);
    Command::new("kill").args(["-s", name]).args(processes).stderr(Stdio::null()).status()?;
    Ok(())
}
