//! The server's settings, from the command line, the environment and a file.

use std::fs;
use std::process::Command;

use crate::process::run;

const SERVER: &str = env!("CARGO_BIN_EXE_capvote-server");

/// What `--print-config` prints for a file, an environment and a command line.
fn settings(file: &str, environment: &[(&str, &str)], words: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capvote.toml");
    fs::write(&path, file).unwrap();
    let mut command = Command::new(SERVER);
    command.arg("--config").arg(&path).arg("--print-config").args(words);
    let output = command.envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const FILE: &str = "\
listen = [\"capvotes://vote.example.org:12358\", \"capvote+unix:///run/capvote/sock\"]
data = \"/var/lib/capvote\"
allow-unencrypted = true
threads = 4
log = \"warn\"
";

#[test]
fn the_command_line_precedes_the_environment_and_that_the_file() {
    let shown =
        settings(FILE, &[("CAPVOTE_SERVER_THREADS", "8")], &["--data", "here", "--log=info"]);
    let expected = "\
listen = [\"capvotes://vote.example.org:12358\", \"capvote+unix:///run/capvote/sock\"] # file
# public is not set
# proxy is not set
# forwarded-for is not set
data = \"here\" # command line
# ledger is not set
# ledger-password-file is not set
# ledger-ca is not set
# ledger-secret is not set
alone = false # default
# replicated-by is not set
# certificate is not set
# key is not set
allow-unencrypted = true # file
allow-network-disk = false # default
numbers-max = 150000000 # default
threads = 8 # environment
# metrics is not set
log = \"info\" # command line
# election is not set
# candidate is not set
# voters is not set
";
    assert_eq!(shown, expected);
}

#[test]
fn the_printed_settings_are_a_file_of_the_same_settings() {
    let values = |shown: &str| -> Vec<String> {
        shown.lines().map(|line| line.split(" # ").next().unwrap().to_string()).collect()
    };
    let election = [
        ("CAPVOTE_SERVER_ELECTION", "board"),
        ("CAPVOTE_SERVER_CANDIDATE", "Ada\nHopper, \"Grace\""),
        ("CAPVOTE_SERVER_VOTERS", "20"),
        ("CAPVOTE_SERVER_LISTEN", "capvote://127.0.0.1:0 capvote+unix:///tmp/sock"),
    ];
    let shown = settings("", &election, &[]);
    assert!(shown.contains("candidate = [\"Ada\", 'Hopper, \"Grace\"'] # environment"), "{shown}");
    assert_eq!(values(&settings(&shown, &[], &[])), values(&shown));
}

#[test]
fn invalid_settings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capvote.toml");
    let table = [
        ("lisen = 1", "there is no setting \"lisen\"; did you mean \"listen\"?"),
        ("config = \"x\"", "there is no setting \"config\""),
        ("log = \"info\"\nlisten = [", "line 2"),
        (
            "threads = 0",
            "capvote.toml: invalid value '0' for '--threads <N>': 0 is not in 1..=256; nothing was started",
        ),
        ("log = \"warning\"", "did you mean warn?"),
        ("data = true", "data is a text or a number"),
        ("allow-unencrypted = 3", "allow-unencrypted is true or false"),
        ("election = \"board\"", "--candidate <NAME> --voters <N>"),
    ];
    let path = path.to_str().unwrap();
    for (file, why) in table {
        fs::write(path, file).unwrap();
        run(SERVER, &["--config", path, "--print-config"], b"").failed(2, why);
    }
    // An error in the environment does not name the file.
    fs::write(path, "log = \"warn\"").unwrap();
    let mut command = Command::new(SERVER);
    command.env("CAPVOTE_SERVER_THREADS", "0").args(["--config", path, "--print-config"]);
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("0 is not in 1..=256") && !told.contains(path), "{told}");
    run(SERVER, &["--config", "/no/such/file"], b"").failed(1, "cannot read /no/such/file");
}

#[test]
fn both_programs_have_completions_a_manual_and_a_version() {
    for program in [SERVER, env!("CARGO_BIN_EXE_capvote-client")] {
        let name = program.rsplit('/').next().unwrap();
        for shell in ["bash", "zsh", "fish"] {
            assert!(run(program, &["completions", shell], b"").done().contains(name), "{shell}");
        }
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("man1");
        run(program, &["man", pages.to_str().unwrap()], b"").done();
        let page = fs::read_to_string(pages.join(format!("{name}-man.1"))).unwrap();
        let title = page.lines().find(|line| line.starts_with(".TH")).unwrap();
        assert!(title.contains(&format!("{name} 0.")), "{title}");
        assert!(page.contains(".SH EXAMPLES") && !page.contains("EXTRA"), "{page}");
        let page = fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
        assert!(page.starts_with(".ie") && page.contains(".TH"), "{page}");
        assert!(fs::read_dir(&pages).unwrap().count() > 5);
        let version = run(program, &["--version"], b"");
        let expected = format!("{name} {}", env!("CARGO_PKG_VERSION"));
        assert!(version.done().starts_with(&expected), "{}", version.stdout);
    }
}

#[test]
fn subcommands_read_no_settings() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(SERVER);
    command.env("CAPVOTE_SERVER_CONFIG", folder.path().join("none.toml"));
    command.env("CAPVOTE_SERVER_THREADS", "8").arg("completions").arg("bash");
    let output = command.output().unwrap();
    assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
}
