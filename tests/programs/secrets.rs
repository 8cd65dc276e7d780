//! Files and arguments with secrets: what others on the machine can read.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use capvote::net::tls::new_identity;

use crate::process::{Ran, Server, board, client, mkfifo, numbers, officer, revoke, run};

const CLIENT: &str = env!("CARGO_BIN_EXE_capvote-client");

fn server(data: &Path, arguments: &[&str]) -> Ran {
    let data = data.to_str().unwrap();
    let common = ["--listen", "capvote://127.0.0.1:0", "--log", "error", "--data", data];
    run(env!("CARGO_BIN_EXE_capvote-server"), &[&common[..], arguments].concat(), b"")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_start_refuses_files_that_others_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    drop(board(&data, 2));
    assert_eq!(mode(&data), 0o700);
    for name in ["tls.pem", "ledger.sqlite-wal"] {
        fs::write(data.join(name), "").unwrap();
    }
    let files = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.is_file()) {
        set_mode(&path, 0o600);
    }
    let secrets = [
        "ledger.sqlite",
        "ledger.sqlite-wal",
        "lock",
        "officer.link",
        "tls.pem",
        "board.numbers.csv",
        "keys/1-board.key",
    ];
    for name in secrets {
        let path = data.join(name);
        for open in [0o644, 0o640, 0o620, 0o604] {
            set_mode(&path, open);
            let why = format!("has mode {open:o}");
            server(&data, &[]).failed(2, &why);
            server(&data, &[]).failed(2, &format!("chmod 600 {}", path.display()));
        }
        let renew = ["officer-link", data.to_str().unwrap()];
        run(env!("CARGO_BIN_EXE_capvote-server"), &renew, b"").failed(2, "chmod 600");
        set_mode(&path, 0o600);
    }
    let keys = data.join("keys");
    set_mode(&keys, 0o755);
    server(&data, &[]).failed(2, &format!("chmod 700 {}", keys.display()));
    set_mode(&keys, 0o700);
    fs::remove_file(data.join("tls.pem")).unwrap();
    // A directory that others could enter is closed; one that they could write to is refused.
    set_mode(&data, 0o755);
    drop(board(&data, 2));
    assert_eq!(mode(&data), 0o700);
    for open in [0o777, 0o730] {
        set_mode(&data, open);
        server(&data, &[]).failed(2, &format!("chmod 700 {}", data.display()));
    }
    // One with other files may belong to something else.
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("page.html"), "").unwrap();
    set_mode(&other, 0o755);
    drop(board(&other, 2));
    assert_eq!(mode(&other), 0o755);
}

#[test]
fn a_start_refuses_a_key_that_everybody_can_read() {
    let data = tempfile::tempdir().unwrap();
    let key = data.path().join("chain-and-key.pem");
    fs::write(&key, new_identity(vec!["localhost".into()]).unwrap()).unwrap();
    let pem = key.to_str().unwrap();
    set_mode(&key, 0o644);
    server(data.path(), &["--certificate", pem, "--key", pem]).failed(2, "chmod 600");
    set_mode(&key, 0o640);
    drop(Server::start(data.path(), &["--certificate", pem, "--key", pem]));
}

#[test]
fn secrets_are_read_from_files_and_from_standard_input() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let path = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let [first, second, _] = numbers(data.path())[..] else { panic!() };
    // A voter number.
    let vote = ["--link", &server.link, "vote", "Ada", "--receipt", &path("mine.json")];
    let given = [&vote[..], &["--voter-number", "-"]].concat();
    run(CLIENT, &given, format!("{first}\n").as_bytes()).done();
    fs::write(path("number"), format!("{second}\r\n")).unwrap();
    set_mode(Path::new(&path("number")), 0o600);
    let number = path("number");
    client(&server.link, &["vote", "Grace", "--voter-number", &number]).done();
    set_mode(Path::new(&number), 0o644);
    let warned = client(&server.link, &["vote", "Grace", "--voter-number", &number]);
    assert!(warned.stderr.starts_with(&format!("warning: {number} has mode 644")));
    fs::write(&number, "x".repeat(5_000)).unwrap();
    let long = client(&server.link, &["vote", "Grace", "--voter-number", &number]);
    long.failed(2, "cannot read a voter number");
    // A link.
    let link = path("registrar.link");
    let shared = officer(data.path(), &["share", "registrar", "--output", &link]);
    assert_eq!(shared.done(), format!("The link is in {link}.\n"));
    assert_eq!(mode(Path::new(&link)), 0o600);
    officer(data.path(), &["share", "registrar", "--output", &link])
        .failed(1, "is not overwritten; no link was made");
    let issue = |link: &str, input: &str, name: &str| {
        let output = path(name);
        let words = ["--link", link, "issue", "--more", "--count", "1", "--output", &output];
        run(CLIENT, &words, input.as_bytes())
    };
    issue(&link, "", "one.csv").done();
    let token = fs::read_to_string(&link).unwrap();
    issue("-", &token, "two.csv").done();
    let listed = issue(token.trim(), "", "three.csv");
    assert_eq!(listed.code, Some(0));
    assert!(listed.stderr.starts_with("warning: others on this machine can list command lines"));
    assert!(!listed.stderr.contains(token.trim().split_once('#').unwrap().1));
    set_mode(Path::new(&link), 0o644);
    let warned = issue(&link, "", "four.csv");
    assert_eq!(warned.code, Some(0));
    assert!(warned.stderr.contains("chmod 600"), "{}", warned.stderr);
    // Standard input is one argument's.
    let twice = ["--link", "-", "vote", "Ada", "--voter-number", "-"];
    run(CLIENT, &twice, server.link.as_bytes()).failed(2, "two arguments are \"-\"");
    run(CLIENT, &["verify", "-", "-"], b"").failed(2, "two arguments are \"-\"");
    let twice = ["--link", "-", "revoke", "-"];
    run(CLIENT, &twice, token.as_bytes()).failed(2, "two arguments are \"-\"");
    let twice = ["--link", "-", "vote", "Ada", "--voter-number", "-"];
    run(CLIENT, &twice, first.to_string().as_bytes()).failed(2, "nothing was read or sent");
    revoke(data.path(), &token).done();
    issue("-", &token, "five.csv").failed(1, "was revoked");
    // A receipt, in each form.
    officer(data.path(), &["close"]).done();
    let sheet = path("sheet.csv");
    officer(data.path(), &["sheet", "--output", &sheet]).done();
    let file = fs::read_to_string(path("mine.json")).unwrap();
    let receipt: serde_json::Value = serde_json::from_str(&file).unwrap();
    for input in [&file[..], receipt["receipt"].as_str().unwrap()] {
        run(CLIENT, &["verify", "-", &sheet], input.as_bytes()).done();
    }
}

#[test]
fn a_voter_number_is_read_from_what_it_names_or_the_error_says_what_is_wrong() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let numbers = numbers(data.path());
    let vote = |number: &str, input: &str| {
        let words = ["--link", &server.link, "vote", "Ada", "--voter-number", number];
        run(CLIENT, &words, input.as_bytes())
    };
    let folder = data.path().to_str().unwrap();
    let two = format!("{}\n{}\n", numbers[0], numbers[1]);
    for (number, input, why) in [
        ("./nmber.txt", "", "./nmber.txt is no file, and no voter number: "),
        ("number.txt", "", "number.txt is no file, and no voter number: "),
        (folder, "", "is a folder, and no voter number: "),
        ("O613-4458-9170-2241-6633", "", "other characters"),
        ("-", "", "standard input is empty"),
        ("-", " \n", "standard input is empty"),
        ("-", &two, "there are 2 lines; give one number"),
    ] {
        vote(number, input).failed(2, why);
    }
    let words = ["--link", "-", "elections"];
    run(CLIENT, &words, b"\n").failed(2, "standard input is empty");
    vote("/dev/stdin", &numbers[0].to_string()).done();
    let fifo = data.path().join("fifo");
    mkfifo(&fifo);
    let number = numbers[1].to_string();
    let writer = std::thread::spawn({
        let fifo = fifo.clone();
        move || fs::write(fifo, number).unwrap()
    });
    vote(fifo.to_str().unwrap(), "").done();
    writer.join().unwrap();
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    drop(board(&data, 2));
    let fifo = folder.path().join("fifo");
    mkfifo(&fifo);
    let pipe = fifo.to_str().unwrap();
    let why = "it is not a regular file";
    for name in ["officer.link", "ledger.mark", "ledger.sqlite", "lock"] {
        let (path, kept) = (data.join(name), folder.path().join("kept"));
        fs::rename(&path, &kept).unwrap();
        std::os::unix::fs::symlink(&fifo, &path).unwrap();
        server(&data, &[]).failed(1, why);
        fs::remove_file(&path).unwrap();
        fs::rename(&kept, &path).unwrap();
    }
    mkfifo(data.join("tls.pem"));
    server(&data, &["--listen", "capvotes://127.0.0.1:0"]).failed(1, why);
    fs::remove_file(data.join("tls.pem")).unwrap();
    server(&data, &["--config", pipe]).failed(1, why);
    let tls = ["--listen", "capvotes://127.0.0.1:0", "--certificate", pipe, "--key", pipe];
    server(&data, &tls).failed(1, why);
    let (new, program) = (folder.path().join("new"), env!("CARGO_BIN_EXE_capvote-server"));
    run(program, &["restore", pipe, new.to_str().unwrap()], b"").failed(1, why);
    drop(board(&data, 2));
    // What is no directory is not made one.
    for (name, target) in [("to-file", pipe), ("to-nothing", "/no/such/folder")] {
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(target, &link).unwrap();
        server(&link, &[]).failed(1, "it is not a directory");
    }
    server(Path::new("/dev/null"), &[]).failed(1, "it is not a directory");
}

#[test]
#[cfg(target_os = "linux")]
fn the_server_leaves_no_core_dump_and_cannot_be_traced() {
    use std::os::unix::fs::{MetadataExt, chown};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir().unwrap();
    let (data, program) = (folder.path().join("data"), folder.path().join("capvote-server"));
    // By another process: a child of another test that has the copy open for writing until it runs
    // its program would keep this one from running.
    let copied =
        Command::new("cp").arg(env!("CARGO_BIN_EXE_capvote-server")).arg(&program).status();
    assert!(copied.unwrap().success());
    let mut command = Command::new(&program);
    command.args(["--listen", "capvote://127.0.0.1:0", "--log", "error", "--data"]).arg(&data);
    if folder.path().metadata().unwrap().uid() == 0 {
        // The files of root's processes are root's in any case.
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let server = Server::spawn(command);
    let process = format!("/proc/{}", server.id());
    let limits = fs::read_to_string(format!("{process}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    // The kernel gives the files of a process that cannot be traced to root.
    assert_eq!(fs::metadata(format!("{process}/mem")).unwrap().uid(), 0);
}
