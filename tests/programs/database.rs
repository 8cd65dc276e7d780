//! A server whose ledger is in a PostgreSQL database.

use std::fs;
use std::path::Path;

use capvote::election::VoterNumber;

use crate::cluster::{cluster, own_cluster};
use crate::process::{BOARD, Server, client, numbers, officer, run};

const SERVER: &str = env!("CARGO_BIN_EXE_capvote-server");

#[test]
fn an_election_runs_in_a_database_and_survives_a_kill() {
    let Some(cluster) = cluster() else { return };
    let address = cluster.address(&cluster.database());
    let migrated = run(SERVER, &["migrate", "--ledger", &address], b"");
    assert_eq!(migrated.done(), "The database has an empty ledger, of format 1.\n");
    let again = run(SERVER, &["migrate", "--json", "--ledger", &address], b"");
    let document: serde_json::Value = serde_json::from_str(again.done()).unwrap();
    assert_eq!(document, serde_json::json!({ "from": 1, "to": 1, "signed": 0 }));

    let folder = tempfile::tempdir().unwrap();
    let data = &folder.path().join("data");
    let start = |election: &[&str]| {
        Server::start(data, &[&["--ledger", &address, "--alone"][..], election].concat())
    };
    let server = start(&[&BOARD[..], &["--voters", "3"]].concat());
    let numbers = numbers(data);
    let vote = |link: &str, number: usize, name: &str| {
        client(link, &["vote", name, "--voter-number", &numbers[number].to_string()])
    };
    vote(&server.link, 0, "Ada").done();
    vote(&server.link, 1, "Grace").done();
    server.kill();

    let server = start(&[]);
    vote(&server.link, 1, "Ada").failed(3, "voted");
    vote(&server.link, 2, "Ada").done();
    // A database has room for a second handle, so the server need not stop for it.
    fs::remove_file(data.join("officer.link")).unwrap();
    let directory = data.to_str().unwrap();
    run(SERVER, &["officer-link", directory, "--ledger", &address], b"").done();
    drop(server);
    let server = start(&[]);
    officer(data, &["close"]).done();
    let results = client(&server.link, &["result", "--json"]);
    let results: serde_json::Value = serde_json::from_str(results.done()).unwrap();
    assert_eq!(results["candidates"][0]["votes"], 2, "{results}");
    officer(data, &["check"]).done();
}

#[test]
fn what_is_wrong_with_a_database_is_told_in_one_line_and_no_password_is() {
    let folder = tempfile::tempdir().unwrap();
    let start = |words: &[&str]| {
        let data = folder.path().join("data");
        run(SERVER, &[&["--data", data.to_str().unwrap()], words].concat(), b"")
    };
    let told = start(&["--ledger", "postgres://me:secret@db1/db"]);
    told.failed(2, "--ledger: it has a password");
    assert!(!told.stderr.contains("secret"));
    let told = start(&["--ledger", "postgres://me:secret@db1/db", "--print-config"]);
    told.failed(2, "--ledger: it has a password");
    assert!(!told.stderr.contains("secret"));
    start(&["--ledger", "mysql://me@db1/db"]).failed(2, "--ledger: it is not an address");
    let second = ["--ledger", "postgres://me@db1/db", "--ledger", "postgres://me:secret@db2/db"];
    start(&second).failed(2, "--ledger: it has a password");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_string()
    };
    let ca = file("ca", "nothing");
    let address = ["--ledger", "postgres://me@127.0.0.1:1/db"];
    start(&[&address[..], &["--ledger-ca", &ca]].concat()).failed(2, "no certificate");
    let missing = ["--ledger-password-file", "/no/such/file"];
    start(&[&address[..], &missing].concat()).failed(2, "/no/such/file");
    let exposed = file("password", "secret\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(Path::new(&exposed), mode).unwrap();
    let told = start(&[&address[..], &["--ledger-password-file", &exposed]].concat());
    told.failed(2, "everybody can read it");
    let told = start(&[&address[..], &["--log", "error"]].concat());
    told.failed(1, "no primary is found: 127.0.0.1:1: Connection refused");
    run(SERVER, &["migrate"], b"").failed(2, "--ledger");
    start(&["--ledger-ca", &ca]).failed(2, "--ledger");
}

#[test]
fn an_election_is_divided_among_clusters() {
    let Some(cluster) = cluster() else { return };
    let addresses = [(); 2].map(|()| cluster.address(&cluster.database()));
    let ledger = ["--ledger", &addresses[0], "--ledger", &addresses[1]];
    let migrated = run(SERVER, &[&["migrate"][..], &ledger].concat(), b"");
    assert_eq!(migrated.done(), "The database has an empty ledger, of format 1.\n");
    let folder = tempfile::tempdir().unwrap();
    let data = &folder.path().join("data");
    let start = |more: &[&str]| Server::start(data, &[&ledger[..], &["--alone"], more].concat());
    let server = start(&[&BOARD[..], &["--voters", "8"]].concat());
    let numbers = numbers(data);
    for number in &numbers {
        client(&server.link, &["vote", "Ada", "--voter-number", &number.to_string()]).done();
    }
    let here: Vec<_> = ledger[..].iter().skip(1).step_by(2).collect();
    let database = |address: &str| address.rsplit_once('/').unwrap().1.to_string();
    let count = |address: &str| cluster.query(&database(address), "SELECT count(*) FROM ballots");
    let odd = numbers.iter().filter(|it| it.get() % 2 == 1).count();
    assert_eq!([count(here[0]), count(here[1])], [[(8 - odd).to_string()], [odd.to_string()]]);
    drop(server);
    let words = ["--data", data.to_str().unwrap(), "--ledger", &addresses[1], "--alone"];
    let wrong = run(SERVER, &words, b"");
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("database 1 of 1 that are given is cluster 2 of 2"));
    let server = start(&[]);
    officer(data, &["close"]).done();
    let results = client(&server.link, &["result", "--json"]);
    let results: serde_json::Value = serde_json::from_str(results.done()).unwrap();
    assert_eq!(results["candidates"][0]["votes"], 8, "{results}");
    officer(data, &["check"]).done();
}

/// The block of this language on the page of clusters that has these words.
fn block(language: &str, words: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cluster.md");
    let page = fs::read_to_string(page).unwrap();
    let fence = format!("```{language}\n");
    let mut blocks = page.split(&fence).skip(1);
    let block =
        blocks.find_map(|it| it.split_once("```").map(|it| it.0).filter(|it| it.contains(words)));
    block.unwrap_or_else(|| panic!("no block of {language} has {words}")).to_string()
}

#[test]
fn the_commands_for_several_servers_work_as_they_are_printed() {
    let Some(cluster) = own_cluster() else { return };
    for statement in block("sql", "CREATE ROLE").split(';').map(str::trim) {
        if !statement.is_empty() {
            cluster.execute("postgres", statement);
        }
    }
    cluster.execute("postgres", "ALTER SYSTEM SET log_min_duration_statement = 0");
    cluster.execute("postgres", "SELECT pg_reload_conf()");
    let folder = tempfile::tempdir().unwrap();
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", cluster.standby, cluster.primary);
    let here = |block: String| {
        let own = block.replace("db1,db2,db3", &hosts);
        assert_ne!(own, block);
        own.replace("capvote-server ", &format!("{SERVER} "))
    };
    let shell = |text: &str| {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-euc", text]).current_dir(folder.path());
        shell
    };
    assert!(shell(&here(block("sh", "openssl"))).status().unwrap().success());
    let start = |data: &str| {
        let text = here(block("sh", "--ledger-secret")).replace("/var/lib/capvote", data);
        let text = text.replace("capvotes://vote1.example.org:12358", "capvote://127.0.0.1:0");
        Server::spawn(shell(&format!("exec {text}")))
    };
    let servers = [start("one"), start("two")];
    let data = folder.path().join("one");
    officer(&data, &["create", "board", "--candidate", "Ada", "--candidate", "Grace"]).done();
    let file = folder.path().join("numbers.csv").to_str().unwrap().to_string();
    officer(&data, &["issue", "--count", "1", "--output", &file]).done();
    let opened = (0..600).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        officer(&data, &["open"])
    });
    assert!(opened.into_iter().any(|opened| opened.code == Some(0)));
    // The log of the database has the vote, and not its number.
    let number = fs::read_to_string(file).unwrap().lines().nth(1).unwrap().to_string();
    client(&servers[0].link, &["vote", "Ada", "--voter-number", &number]).done();
    let log = fs::read_to_string(cluster.folder().join("a.log")).unwrap();
    let number = number.parse::<VoterNumber>().unwrap().get().cast_signed();
    assert!(log.contains("INSERT INTO ballots") && !log.contains(&number.to_string()));
}
