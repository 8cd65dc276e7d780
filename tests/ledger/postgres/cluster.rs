//! A primary with a synchronous standby, for all tests of this process. Both end with it, however
//! it ends. A test that breaks them has a cluster of its own.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use capvote_soak::postgres::{self, command, folders, free_ports, programs};

/// Starts the servers, says so, and starts those that it is told to, until the tests end: then its
/// standard input ends.
const SCRIPT: &str = r#"
set -e
end() { trap - EXIT; kill -QUIT $pids 2>/dev/null || :; wait; rm -rf "$FOLDER"; }
trap end EXIT
# Where the tests end while this starts, there is nobody to tell.
trap '' PIPE
run() { "$BIN/postgres" -D $1 >>$1.log 2>&1 & pids="$pids $!"; }
ready() { until "$BIN/pg_isready" -q -h 127.0.0.1 -p $1; do kill -0 $!; sleep 0.05; done; }
cd "$FOLDER"
"$BIN/initdb" -D a -U postgres -A trust -N --data-checksums -E UTF8 --locale=C \
    --no-instructions >initdb.log 2>&1
cat >>a/postgresql.conf <<C
listen_addresses = '127.0.0.1'
port = $PRIMARY
unix_socket_directories = '$FOLDER'
synchronous_standby_names = 'b'
shared_buffers = 64MB
max_connections = 200
C
run a
ready $PRIMARY
standby() {
    "$BIN/pg_basebackup" -d "host=127.0.0.1 port=$PRIMARY user=postgres application_name=$1" \
        -D $1 -R -X stream --checkpoint=fast -N
    echo "port = $2" >>$1/postgresql.conf
    run $1
    ready $2
}
standby b $STANDBY
[ -z "$LAGGARD" ] || standby c $LAGGARD
echo ready
while read data; do run $data; done
"#;

/// A running cluster.
pub(crate) struct Cluster {
    /// Its standard input ends with this process.
    shell: Mutex<Child>,
    /// The server `a`.
    pub(crate) primary: u16,
    /// The server `b`, for which every commit waits.
    pub(crate) standby: u16,
    /// The server `c`, for which no commit waits.
    pub(crate) laggard: Option<u16>,
    programs: PathBuf,
    folder: PathBuf,
    databases: AtomicU32,
}

/// The cluster of this process; `None` if PostgreSQL is not installed.
pub(crate) fn cluster() -> Option<&'static Arc<Cluster>> {
    static CLUSTER: OnceLock<Option<Arc<Cluster>>> = OnceLock::new();
    let start = || Some(Arc::new(Cluster::start(&programs(&folders())?, false)));
    let cluster = CLUSTER.get_or_init(start);
    if cluster.is_none() {
        skip(std::env::var("CI").is_ok_and(|value| value == "true"));
    }
    cluster.as_ref()
}

/// A cluster for one test, which ends with it.
pub(crate) fn own_cluster() -> Option<Arc<Cluster>> {
    cluster()?;
    Some(Arc::new(Cluster::start(&programs(&folders())?, false)))
}

/// The same, with a standby more, which may lag.
pub(crate) fn own_cluster_with_laggard() -> Option<Arc<Cluster>> {
    cluster()?;
    Some(Arc::new(Cluster::start(&programs(&folders())?, true)))
}

/// Says that a test was skipped. In the gate it fails.
pub(crate) fn skip(is_gate: bool) {
    assert!(!is_gate, "CI has to install postgresql-15 or later");
    eprintln!("skipped: PostgreSQL 15 or later is not installed");
}

impl Cluster {
    fn start(programs: &Path, has_laggard: bool) -> Self {
        let made = command("mktemp").args(["-d", "/tmp/capvote-postgres-XXXXXX"]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let folder = PathBuf::from(String::from_utf8(made.stdout).unwrap().trim());
        let [primary, standby, laggard] = free_ports().unwrap();
        let laggard = has_laggard.then_some(laggard);
        let mut shell = command("sh")
            .args(["-c", SCRIPT])
            .env("BIN", programs)
            .env("FOLDER", &folder)
            .env("PRIMARY", primary.to_string())
            .env("STANDBY", standby.to_string())
            .env("LAGGARD", laggard.map(|port| port.to_string()).unwrap_or_default())
            // A signal to the group of the tests would end the shell before it ends its servers.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(shell.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "the cluster did not start");
        let (shell, databases) = (Mutex::new(shell), AtomicU32::new(0));
        let programs = programs.to_owned();
        let cluster = Self { shell, primary, standby, laggard, programs, folder, databases };
        cluster.wait_for_standby();
        cluster
    }

    /// The process of the server with its data in this folder.
    pub(crate) fn pid(&self, data: &str) -> String {
        let path = self.folder.join(data).join("postmaster.pid");
        let read = command("cat").arg(path).output().unwrap();
        String::from_utf8(read.stdout).unwrap().lines().next().unwrap().to_string()
    }

    /// Writes a file that only the database's user can read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        let mut shell = command("sh");
        shell.args(["-c", "umask 077 && cat >\"$1\"", "sh"]).arg(path).stdin(Stdio::piped());
        let mut writing = shell.spawn().unwrap();
        writing.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(writing.wait().unwrap().success());
    }

    /// Ends a server as a crash does, without a last word to its disk.
    pub(crate) fn end(&self, data: &str) {
        let pid = self.pid(data);
        assert!(Command::new("kill").args(["-QUIT", &pid]).status().unwrap().success());
        // The shell does not wait for it: without a command line it is a name only.
        let command_line = Path::new("/proc").join(pid).join("cmdline");
        while std::fs::read(&command_line).is_ok_and(|line| !line.is_empty()) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Starts a server that was ended.
    pub(crate) fn start_again(&self, data: &str, port: u16) {
        let mut shell = self.shell.lock().unwrap();
        writeln!(shell.stdin.as_mut().unwrap(), "{data}").unwrap();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let address = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        while ask(&address, "SELECT 1").is_err() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// The folder of both servers, `a` and `b`.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Copies the primary while it runs. Returns the folder of the copy.
    pub(crate) fn base_backup(&self) -> PathBuf {
        let (program, copy) = (self.programs.join("pg_basebackup"), self.folder.join("copy"));
        let mut copied = command(program.to_str().unwrap());
        let address = format!("host=127.0.0.1 port={} user=postgres", self.primary);
        copied.args(["-d", &address, "-X", "stream", "--checkpoint=fast", "-D"]).arg(&copy);
        assert!(copied.status().unwrap().success());
        copy
    }

    /// Makes the standby the primary, without a standby of its own.
    pub(crate) fn promote(&self) {
        self.promote_at(self.standby);
    }

    /// Makes the server on this port a primary without a standby.
    pub(crate) fn promote_at(&self, port: u16) {
        self.query_at(port, "postgres", "SELECT pg_promote()");
        let settings = "ALTER SYSTEM SET synchronous_standby_names = ''";
        self.query_at(port, "postgres", settings);
        self.query_at(port, "postgres", "SELECT pg_reload_conf()");
    }

    /// Lets the laggard have what is committed, and nothing that follows. Returns its port.
    pub(crate) fn leave_laggard_behind(&self) -> u16 {
        let laggard = self.laggard.unwrap();
        let wait = |port, done: &str| {
            while self.query_at(port, "postgres", done) != ["t"] {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        };
        let end = self.query("postgres", "SELECT pg_current_wal_flush_lsn()").remove(0);
        wait(laggard, &format!("SELECT pg_last_wal_replay_lsn() >= '{end}'"));
        self.query_at(laggard, "postgres", "ALTER SYSTEM SET primary_conninfo = ''");
        self.query_at(laggard, "postgres", "SELECT pg_reload_conf()");
        wait(laggard, "SELECT count(*) = 0 FROM pg_stat_wal_receiver");
        laggard
    }

    fn wait_for_standby(&self) {
        let synchronous = "DO $$ BEGIN
            WHILE NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync') LOOP
                PERFORM pg_sleep(0.02); PERFORM pg_stat_clear_snapshot();
            END LOOP; END $$";
        self.execute("postgres", synchronous);
    }

    /// A new database.
    pub(crate) fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// The address of a database, at the standby and the primary.
    pub(crate) fn address(&self, database: &str) -> String {
        let Self { primary, standby, .. } = self;
        format!("postgres://postgres@127.0.0.1:{standby},127.0.0.1:{primary}/{database}")
    }

    /// Executes statements at the primary.
    pub(crate) fn execute(&self, database: &str, sql: &str) {
        self.query(database, sql);
    }

    /// The first column of what a statement answers, as text.
    pub(crate) fn query(&self, database: &str, sql: &str) -> Vec<String> {
        self.query_at(self.primary, database, sql)
    }

    /// The same, at the server on this port.
    pub(crate) fn query_at(&self, port: u16, database: &str, sql: &str) -> Vec<String> {
        ask(&format!("postgres://postgres@127.0.0.1:{port}/{database}"), sql).unwrap()
    }
}

/// The first column of what a statement answers. On a thread of its own: the caller may be a task.
fn ask(address: &str, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let ask = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(postgres::ask(address, sql))
    };
    std::thread::scope(|scope| scope.spawn(ask).join().unwrap())
}
