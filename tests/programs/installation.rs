//! The installations of docs/cluster-installation.md, with its files and commands. `.ci/run`
//! installs the programs; on a machine without them, the tests report that and pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use capvote_soak::cluster_patroni::Fault;
use capvote_soak::installation::{Installation, Programs, Unit, page};
use capvote_soak::terms::{Cluster, Figures, Term};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::Value;
use tokio::runtime::{Builder, LocalOptions};

use crate::cluster::own_cluster;
use crate::process::{Ran, Server, client, officer};
use crate::several::until;

const SERVER: &str = env!("CARGO_BIN_EXE_capvote-server");

/// Numbers for the voters of both rounds.
const NUMBERS: u32 = 300_000;

#[test]
fn three_machines_as_printed_lose_no_vote_when_a_postmaster_or_a_machine_is_killed() {
    let Some(programs) = Programs::find() else {
        assert!(std::env::var_os("CI").is_none(), "CI has to install etcd, Patroni and HAProxy");
        eprintln!("skipped: PostgreSQL, etcd, Patroni or HAProxy is not installed");
        return;
    };
    let logs = tempfile::tempdir().unwrap();
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async {
        let mut all = Installation::new(&programs, Path::new(SERVER), logs.path()).await.unwrap();
        vote_as_a_person(&mut all, logs.path());
        let mut figures = Figures::default();
        let mut term = Term::begin(&mut all, 0, NUMBERS).await.unwrap();
        for fault in [Fault::Postmaster, Fault::Machine] {
            term.round(fault, async |it| fault.inflict(it), &mut figures).await.unwrap();
            term.cluster().settle().await.unwrap();
        }
        term.close(&mut figures).await.unwrap();
        eprintln!("{figures}");
        assert!(figures.acknowledged > 0 && figures.hold(), "{figures}");
    });
}

/// Holds an election by the programs and through HAProxy, of which one finds its own server dead.
fn vote_as_a_person(all: &mut Installation, folder: &Path) {
    let front = all.front().to_string();
    let officer = all.officers_links().unwrap().remove(0).to_string();
    let file = folder.join("numbers.csv").display().to_string();
    client(&officer, &["create", "board", "--candidate", "Ada", "--candidate", "Grace"]).done();
    client(&officer, &["issue", "--count", "6", "--output", &file]).done();
    open(|| client(&officer, &["open"]));
    let numbers = fs::read_to_string(file).unwrap();
    let numbers: Vec<_> = numbers.lines().skip(1).collect();
    let vote = |number: &str| client(&front, &["vote", "Ada", "--voter-number", number]);
    // Each time through another HAProxy.
    for number in &numbers[..3] {
        assert!(vote(number).done().contains("is recorded"));
    }
    all.machine(0).kill(Unit::Capvote).unwrap();
    for number in &numbers[3..] {
        assert!(vote(number).done().contains("is recorded"));
    }
    all.machine(0).start(Unit::Capvote).unwrap();
    let other = all.officers_links().unwrap().remove(1).to_string();
    client(&other, &["close"]).done();
    assert_eq!(votes(|| client(&front, &["result", "--json"])), 6);
    client(&other, &["check"]).done();
}

/// Opens an election once two servers have its key.
fn open(open: impl Fn() -> Ran) {
    until(|| (open().code == Some(0)).then_some(()));
}

/// The votes of the first candidate, once a server has heard of the close.
fn votes(result: impl Fn() -> Ran) -> Value {
    until(|| {
        let result: Value = serde_json::from_str(result().done()).unwrap();
        (result["status"] == "final").then(|| result["candidates"][0]["votes"].clone())
    })
}

#[test]
fn the_gate_installs_the_programs_as_printed() {
    let gate = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run");
    let gate = fs::read_to_string(gate).unwrap();
    let printed = page::block("programs").unwrap().text;
    let patroni: Vec<_> = printed.lines().filter(|line| line.contains("/opt/patroni")).collect();
    assert_eq!(patroni.len(), 2);
    for line in patroni {
        assert!(gate.contains(line), "{line}");
    }
    let packages = printed.lines().find_map(|line| line.strip_prefix("apt-get install "));
    for package in packages.unwrap().split(' ') {
        assert!(gate.contains(package), "{package}");
    }
}

/// A service that keeps its second copy where PostgreSQL does not see it: a server without a
/// standby, whose certificate this authority has signed, and whose administrator is no superuser.
struct Rented {
    cluster: std::sync::Arc<crate::cluster::Cluster>,
    folder: tempfile::TempDir,
}

impl Rented {
    fn start() -> Option<Self> {
        let cluster = own_cluster()?;
        cluster.end("b");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate for its own authority where the names are the same.
        params.distinguished_name.push(DnType::CommonName, "the provider");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        cluster.write("a/server.crt", &certificate.pem());
        cluster.write("a/server.key", &key.serialize_pem());
        for statement in [
            "ALTER SYSTEM SET synchronous_standby_names = ''",
            "ALTER SYSTEM SET ssl = on",
            "SELECT pg_reload_conf()",
            "CREATE ROLE master LOGIN CREATEDB CREATEROLE PASSWORD 'rents it'",
        ] {
            cluster.execute("postgres", statement);
        }
        let access = "host all postgres 127.0.0.1/32 trust
            hostssl all all 127.0.0.1/32 scram-sha-256\n";
        cluster.write("a/pg_hba.conf", access);
        cluster.execute("postgres", "SELECT pg_reload_conf()");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("provider.pem"), authority.pem()).unwrap();
        Some(Self { cluster, folder })
    }

    /// A block of the page for this service, with more changes.
    fn here(&self, name: &str, changes: &[(&str, &str)]) -> Command {
        let port = self.cluster.primary;
        let own = [
            ("host=db.example.net", format!("host=localhost port={port}")),
            ("@db.example.net/capvote", format!("@localhost:{port}/capvote?sslmode=require")),
        ];
        let own = own.iter().map(|(from, to)| (*from, to.as_str()));
        let text = page::block(name).unwrap().text.to_string();
        let text = changes.iter().copied().chain(own).fold(text, |text, (from, to)| {
            assert!(text.contains(from) || from.starts_with("host="), "{name}: {from}");
            text.replace(from, to)
        });
        let mut shell = Command::new("sh");
        shell.args(["-euc", &text]).current_dir(self.folder.path()).env("PGPASSWORD", "rents it");
        shell
    }

    fn server(&self, data: &str) -> (Server, PathBuf) {
        let listen = ("capvotes://vote1.example.org:12358", "capvotes://127.0.0.1:0");
        // The server itself is to be ended with the test, and not a shell before it.
        let own = format!("exec {SERVER} ");
        let changes = [("/var/lib/capvote", data), listen, ("capvote-server ", &own)];
        (Server::spawn(self.here("server", &changes)), self.folder.path().join(data))
    }
}

#[test]
fn servers_with_a_rented_database_as_printed_hold_an_election() {
    let Some(rented) = Rented::start() else { return };
    let made =
        rented.here("rented", &[("capvote-server ", &format!("{SERVER} "))]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let ((one, data), (other, _)) = (rented.server("one"), rented.server("other"));
    let file = rented.folder.path().join("numbers.csv").display().to_string();
    officer(&data, &["create", "board", "--candidate", "Ada", "--candidate", "Grace"]).done();
    officer(&data, &["issue", "--count", "2", "--output", &file]).done();
    open(|| officer(&data, &["open"]));
    let numbers = fs::read_to_string(file).unwrap();
    for (server, number) in [&one, &other].into_iter().zip(numbers.lines().skip(1)) {
        client(&server.link, &["vote", "Ada", "--voter-number", number]).done();
    }
    officer(&data, &["close"]).done();
    assert_eq!(votes(|| client(&other.link, &["result", "--json"])), 2);
    officer(&data, &["check"]).done();
}
