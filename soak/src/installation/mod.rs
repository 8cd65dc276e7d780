//! The three machines of docs/cluster-installation.md, installed as it says, on this one.

mod front;
mod machine;
pub mod page;
mod site;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use capvote::client::{Client, Info};
use capvote::net::link::{Address, HostPort, Link};
use capvote::net::tls::{Identity, new_identity};
use serde_json::Value;
use tokio::time::sleep;

pub use self::machine::{Machine, Unit};
use self::page::Place;
use self::site::{Places, Site};
use crate::officer::officers_link;
use crate::postgres;
use crate::terms::Cluster;

/// How long a part of the installation, or all of it after a fault, may take to work.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// The pause between two questions whether it does.
const POLL_PAUSE: Duration = Duration::from_millis(200);

/// Ends what is left when its standard input ends, however this process does, and removes it.
const REAPER: &str = r#"
trap '' INT TERM HUP PIPE
read nothing
for file in "$1"/db?/var/lib/postgresql/cluster/postmaster.pid; do
    read pid <"$file" || continue
    grep -qF "$1" "/proc/$pid/cmdline" || continue
    kill -s CONT "$pid"
    kill -s QUIT "$pid"
    while grep -qF "$1" "/proc/$pid/cmdline"; do sleep 0.1; done
done 2>/dev/null
rm -rf "$1"
"#;

/// The programs that an installation takes, where they are.
#[derive(Debug, Clone)]
pub struct Programs {
    postgres: PathBuf,
    patroni: PathBuf,
}

impl Programs {
    /// Those of this machine. `None` if one of them is not installed.
    pub fn find() -> Option<Self> {
        let patroni = PathBuf::from("/opt/patroni/bin");
        let files = ["/usr/bin/etcd", "/usr/bin/etcdctl", "/usr/bin/psql", "/usr/sbin/haproxy"];
        let patronis = ["patroni", "patronictl"].map(|name| patroni.join(name));
        let has_all = files.iter().all(|file| Path::new(file).is_file())
            && patronis.iter().all(|file| file.is_file());
        let postgres = postgres::programs(&postgres::folders())?;
        has_all.then_some(Self { postgres, patroni })
    }
}

/// Three machines. Dropping them ends everything, and removes it.
pub struct Installation {
    machines: Vec<Machine>,
    /// The certificate of the servers.
    identity: Identity,
    front: u16,
    reaper: Child,
}

impl Installation {
    /// Installs three machines with this server, whose programs log to a folder.
    ///
    /// # Errors
    /// If a command of the page fails, or what it starts does not come up.
    pub async fn new(programs: &Programs, server: &Path, logs: &Path) -> anyhow::Result<Self> {
        let made = Command::new("mktemp").args(["-d", "/tmp/capvote-XXXXXX"]).output()?;
        ensure!(made.status.success(), "{made:?}");
        let folder = PathBuf::from(String::from_utf8(made.stdout)?.trim());
        let reaper = Command::new("sh")
            .args(["-c", REAPER, "sh"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .spawn()?;
        ensure!(Command::new("chmod").arg("755").arg(&folder).status()?.success());
        let mut places = Places {
            folder,
            postgres: programs.postgres.clone(),
            patroni: programs.patroni.clone(),
            capvote: server.parent().context("a program has a folder")?.to_owned(),
            front: 0,
        };
        let at = |number| format!("{}:4443", Site::new(&places, number).address()).parse();
        let proxies = (1..=3).map(at).collect::<Result<Vec<SocketAddr>, _>>()?;
        places.front = front::start(proxies)?;
        let chain = new_identity(vec!["localhost".into()])?;
        let identity = Identity::from_pem(chain.as_bytes(), chain.as_bytes())?;
        let mut machines = Vec::new();
        for number in 1..=3 {
            let site = Site::new(&places, number);
            site.prepare(&chain)?;
            machines.push(Machine::new(site, logs));
        }
        let mut all = Self { machines, identity, front: places.front, reaper };
        all.follow_the_page().await?;
        all.settle().await?;
        Ok(all)
    }

    /// Runs the commands of the page, in its order.
    async fn follow_the_page(&mut self) -> anyhow::Result<()> {
        for block in page::blocks() {
            match block.place() {
                Some(Place::Once) => {
                    self.machines[0].site().shell(&self.machines[0].site().here(block.text))?;
                }
                Some(Place::Each) => {
                    for machine in &mut self.machines {
                        let text = machine.site().here(block.text);
                        machine.run(&text)?;
                    }
                }
                Some(Place::Check) => {
                    let site = self.machines[0].site().clone();
                    let end = Instant::now() + WAIT_MAX;
                    loop {
                        let listed = site.shell(&site.here(block.text));
                        if listed.as_ref().is_ok_and(|listed| is_as_printed(listed)) {
                            break;
                        }
                        ensure!(Instant::now() < end, "the list is {listed:?}");
                        sleep(POLL_PAUSE).await;
                    }
                }
                None => {}
            }
        }
        Ok(())
    }

    /// A machine.
    pub fn machine(&mut self, index: usize) -> &mut Machine {
        &mut self.machines[index]
    }

    /// The machine with the primary, as etcd has it.
    ///
    /// # Errors
    /// If there is none.
    pub fn leader(&self) -> anyhow::Result<usize> {
        let name = self.etcdctl("get --print-value-only /service/capvote/leader")?;
        let named = |machine: &Machine| machine.site().name() == name.trim();
        self.machines.iter().position(named).context("there is no primary")
    }

    /// The machine that leads etcd.
    ///
    /// # Errors
    /// If there is none.
    pub fn etcd_leader(&self) -> anyhow::Result<usize> {
        let told: Value = serde_json::from_str(&self.etcdctl("endpoint status -w json")?)?;
        let members = told.as_array().context("etcd tells of no members")?;
        let leads = |it: &&Value| {
            let status = &it["Status"];
            status["leader"].is_u64() && status["leader"] == status["header"]["member_id"]
        };
        let leader = members.iter().find(leads).context("nobody leads etcd")?;
        let leader = leader["Endpoint"].as_str().unwrap_or_default();
        let leads = |machine: &Machine| leader.contains(&format!("{}:", machine.site().address()));
        self.machines.iter().position(leads).context("etcd's leader is no machine")
    }

    /// Starts what does not run, and lets go on what hangs.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn mend(&mut self) -> anyhow::Result<()> {
        for machine in &mut self.machines {
            machine.go_on()?;
            machine.start_all()?;
        }
        Ok(())
    }

    /// Waits until every machine has its part again: all of etcd, and both standbys.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn settle(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + WAIT_MAX;
        loop {
            self.mend()?;
            let Err(why) = self.is_settled().await else { return Ok(()) };
            ensure!(Instant::now() < end, "it does not settle: {why:#}");
            sleep(POLL_PAUSE).await;
        }
    }

    async fn is_settled(&self) -> anyhow::Result<()> {
        self.etcdctl("endpoint health")?;
        let streaming = "SELECT count(*), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum'))
            FROM pg_stat_replication WHERE state = 'streaming'";
        let standbys = self.ask(self.leader()?, streaming)?;
        ensure!(standbys == "2|1", "of standbys, and of synchronous ones, there are {standbys}");
        // Patroni promotes none that is not here, and writes it some seconds after a failover.
        let sync = self.etcdctl("get --print-value-only /service/capvote/sync")?;
        let sync: Value = serde_json::from_str(&sync)?;
        let named = sync["sync_standby"].as_str().unwrap_or_default();
        ensure!(!named.is_empty(), "no standby may be promoted: {sync}");
        for link in self.links() {
            Client::connect(&link).await?.elections().await?;
        }
        Ok(())
    }

    /// What PostgreSQL on a machine answers, with bars between the columns.
    fn ask(&self, index: usize, sql: &str) -> anyhow::Result<String> {
        let site = self.machines[index].site();
        let mut psql = site.as_user("postgres");
        psql.args(["psql", "-U", "postgres", "-At", "-c", sql, "-h"]);
        printed(psql.arg(site.path("/run/postgresql")).env("PATH", site.programs()))
    }

    /// Asks all of etcd that runs.
    fn etcdctl(&self, words: &str) -> anyhow::Result<String> {
        let site = self.machines[0].site();
        let endpoints =
            self.machines.iter().map(|it| format!("https://{}:2379", it.site().address()));
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").args(["--dial-timeout=2s", "--command-timeout=4s"]);
        command.arg("--endpoints").arg(endpoints.collect::<Vec<_>>().join(","));
        command.arg("--cacert").arg(site.path("/etc/cluster/ca.pem"));
        command.arg("--cert").arg(site.path("/etc/cluster/node.pem"));
        command.arg("--key").arg(site.path("/etc/cluster/etcd.key"));
        printed(command.args(words.split(' ')))
    }

    /// The link through HAProxy.
    pub fn front(&self) -> Link {
        self.link("localhost", self.front)
    }

    /// A link to the servers, whose certificate they share.
    fn link(&self, host: &str, port: u16) -> Link {
        let at = HostPort { host: host.to_string(), port };
        Link { certificate: Some(self.identity.fingerprint), ..Link::to(Address::Https(at)) }
    }

    /// The links of the servers themselves.
    fn servers(&self) -> Vec<Link> {
        self.machines.iter().map(|machine| self.link(machine.site().address(), 8443)).collect()
    }
}

impl Cluster for Installation {
    fn links(&self) -> Vec<Link> {
        self.servers().into_iter().chain([self.front()]).collect()
    }

    fn officers_links(&self) -> anyhow::Result<Vec<Link>> {
        let folders = self.machines.iter().map(|it| it.site().path("/var/lib/capvote"));
        let mut found = folders.filter_map(|folder| officers_link(&folder).ok());
        let token = found.next().context("no server has written the officer's link")?.token;
        let with_token = |link| Link { token: token.clone(), ..link };
        Ok(self.servers().into_iter().map(with_token).collect())
    }

    /// They name the address that is public, whose certificate nobody here trusts.
    fn complete(&self, info: Info) -> Info {
        Info { servers: self.links().iter().map(Link::to_string).collect(), ..info }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.machines.clear();
        drop(self.reaper.stdin.take());
        let _ = self.reaper.wait();
    }
}

/// Whether the list of Patroni's members is as the page says.
fn is_as_printed(list: &str) -> bool {
    ["Leader", "Sync Standby", "Replica"].iter().all(|role| list.contains(&format!("| {role} ")))
}

/// What a command prints.
fn printed(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
}
