//! The clients in other languages, against the real server. `.ci/run` installs what they need; where it is not
//! there, on a developer's machine, these tests say so and pass.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use capvote::election::{Nonce, Receipt};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::process::{BOARD, Ran, Server, numbers, run};

/// A client in another language: the program, and what comes before its arguments.
struct Language {
    program: String,
    first: Vec<String>,
}

impl Language {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.first);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let first: Vec<_> = self.first.iter().map(String::as_str).collect();
        run(&self.program, &[&first, arguments].concat(), b"")
    }

    /// Another program in the same language.
    fn script(&self, path: &Path) -> Self {
        Self { program: self.program.clone(), first: vec![path.display().to_string()] }
    }
}

/// The clients there are, or `None` where something that they need is not installed.
fn languages() -> Option<&'static [Language; 2]> {
    static LANGUAGES: OnceLock<Result<[Language; 2], String>> = OnceLock::new();
    let make = || Ok([python()?, cpp()?]);
    match LANGUAGES.get_or_init(make) {
        Ok(languages) => Some(languages),
        Err(missing) => {
            assert!(std::env::var_os("CI").is_none(), "CI has to install it: {missing}");
            eprintln!("skipped: {missing}");
            None
        }
    }
}

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path)
}

/// The Python that docs/clients.md tells to make, or any other that has pycapnp.
fn python() -> Result<Language, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let made = target.join("examples-python/bin/python").display().to_string();
    let works = |python: &String| {
        let tried = Command::new(python).args(["-c", "import capnp"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let python = [made, "python3".to_string()].into_iter().find(works);
    let program = python.ok_or("there is no Python with pycapnp: see docs/clients.md")?;
    Ok(Language { program, first: vec![example("python/client.py").display().to_string()] })
}

fn cpp() -> Result<Language, String> {
    for tool in ["make", "g++", "capnp"] {
        let there = Command::new(tool).arg("--version").output();
        there.map_err(|error| format!("{tool}, which examples/cpp needs: {error}"))?;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples-cpp");
    let mut make = Command::new("make");
    make.arg("-C").arg(example("cpp")).arg(format!("OUT={}", folder.display()));
    let made = make.args(["CXXFLAGS=-O0", "--silent"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(Language { program: folder.join("client").display().to_string(), first: Vec::new() })
}

/// A server of an election "board", with the links to it.
struct Place {
    data: tempfile::TempDir,
    links: [String; 2],
    /// An encrypted one.
    encrypted: String,
    _server: Server,
}

impl Place {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let socket = data.path().join("a socket").display().to_string();
        let socket = format!("capvote+unix://{}", socket.replace(' ', "%20"));
        let more = ["--voters", "9", "--listen", &socket, "--listen", "capvotes://127.0.0.1:0"];
        let mut server = Server::start(data.path(), &[&BOARD[..], &more].concat());
        let links = [server.link.clone(), server.next_link()];
        assert_eq!(links[1], socket);
        let encrypted = server.next_link();
        Self { data, links, encrypted, _server: server }
    }

    /// Runs the client in Rust.
    fn client(&self, arguments: &[&str]) -> Ran {
        let arguments = [&["--link", &self.links[0]], arguments].concat();
        run(env!("CARGO_BIN_EXE_capvote-client"), &arguments, b"")
    }

    fn number(&self, voter: usize) -> String {
        numbers(self.data.path())[voter].to_string()
    }

    fn close(&self) {
        let link = self.data.path().join("officer.link").display().to_string();
        run(env!("CARGO_BIN_EXE_capvote-client"), &["--link", &link, "close"], b"").done();
    }

    /// The results, as the client in Rust sees them and the others write them.
    fn results(&self) -> String {
        let results: Value =
            serde_json::from_str(self.client(&["--json", "result"]).done()).unwrap();
        let candidates = results["candidates"].as_array().unwrap().iter();
        let candidates = candidates
            .map(|it| format!("{} {}", it["candidate"].as_str().unwrap(), it["votes"]))
            .collect::<Vec<_>>()
            .join(", ");
        let (status, turnout) = (results["status"].as_str().unwrap(), &results["turnout"]);
        format!(
            "{status}: {candidates}; {} of {} have voted\n",
            turnout["ballots"], turnout["voters"]
        )
    }
}

/// Checks what a client says of a vote for Ada that is recorded. Returns the nonce.
fn recorded(voted: &Ran) -> String {
    let lines: Vec<_> = voted.done().lines().collect();
    let [nonce, message, receipt] = lines[..] else { panic!("{lines:?}") };
    let nonce = nonce.strip_prefix("nonce ").unwrap();
    let bytes = HEXLOWER.decode(nonce.as_bytes()).unwrap();
    let expected =
        Receipt::new(&"board".parse().unwrap(), "Ada", &Nonce::try_from(&bytes[..]).unwrap());
    assert_eq!(receipt, format!("recorded {expected}"));
    assert!(
        message.starts_with("Your vote for \"Ada\" in election board is recorded"),
        "{message}"
    );
    assert!(message.contains(&expected.to_string()), "{message}");
    nonce.to_string()
}

/// Checks that a vote was refused, that the sink was told so, and that the outcome is this.
fn refused(voted: &Ran, message: &str, outcome: &str) {
    let lines: Vec<_> = voted.stdout.lines().collect();
    assert_eq!((voted.code, lines.len(), &voted.stderr[..]), (Some(3), 3, ""), "{lines:?}");
    assert!(lines[1].contains(message), "{lines:?}");
    assert_eq!(lines[2], outcome);
}

#[test]
fn each_votes_over_a_port_and_through_a_socket_file() {
    let Some(languages) = languages() else { return };
    let place = Place::new();
    let mut voter = 0;
    for language in languages {
        for link in &place.links {
            let number = place.number(voter);
            let nonce = recorded(&language.run(&[link, "vote", "Ada", &number]));
            // Again, as after an answer that was lost: it is the same vote.
            let again = language.run(&[link, "vote", "Ada", &number, &nonce]);
            assert_eq!(recorded(&again), nonce);
            let other = language.run(&[link, "vote", "Grace", &number]);
            refused(&other, "has already voted", "alreadyVoted");
            voter += 1;
        }
        let zoe = language.run(&[&place.links[0], "vote", "Zoe", &place.number(voter)]);
        refused(&zoe, "\"Zoe\" is not a candidate", "unknownCandidate");
        refused(
            &language.run(&[&place.links[1], "vote", "Ada", "1"]),
            "roll",
            "unknownVoterNumber",
        );
    }
    // And one in Rust, in the same election: all see the same.
    place.client(&["vote", "Grace", "--voter-number", &place.number(voter)]).done();
    let results = place.results();
    assert_eq!(results, "provisional: Ada 4, Grace 1; 5 of 9 have voted\n");
    for language in languages {
        for link in &place.links {
            assert_eq!(language.run(&[link, "results"]).done(), results);
        }
    }
    place.close();
    for language in languages {
        let late = language.run(&[&place.links[0], "vote", "Ada", &place.number(voter + 1)]);
        refused(&late, "is closed", "closed");
        assert_eq!(language.run(&[&place.links[0], "results"]).done(), place.results());
    }
}

#[test]
fn a_link_names_the_election_and_what_fails_is_said() {
    let Some(languages) = languages() else { return };
    let place = Place::new();
    let named = |election: &str| {
        let [port, socket] = &place.links;
        [format!("{port}/{election}"), format!("{socket}?election={election}")]
    };
    for language in languages {
        for (link, wrong) in named("board").into_iter().zip(named("nope")) {
            assert_eq!(language.run(&[&link, "results"]).done(), place.results());
            let failed = language.run(&[&wrong, "results"]);
            assert!(failed.stderr.contains("there is no election \"nope\""), "{}", failed.stderr);
            assert_eq!((failed.code, &failed.stdout[..]), (Some(1), ""));
        }
        let short = language.run(&[&place.links[0], "vote", "Ada", &place.number(0), "0123"]);
        assert!(short.stderr.contains("a nonce is 16 bytes"), "{}", short.stderr);
        for text in ["http://127.0.0.1:1/#s3cret", "s3cret", "capvote://127.0.0.1:x/#s3cret"] {
            let no_link = language.run(&[text, "results"]);
            assert_eq!((no_link.code, &no_link.stdout[..]), (Some(1), ""));
            assert!(!no_link.stderr.contains("s3cret"), "{}", no_link.stderr);
        }
    }
}

#[test]
fn what_is_not_understood_is_refused_and_not_sent() {
    let Some(languages) = languages() else { return };
    let place = Place::new();
    let [port, socket] = &place.links;
    let user = port.replace("//", "//s3cret@");
    let certificate = format!("?cert={}", "A".repeat(43));
    for language in languages {
        for (link, more) in [
            (port, "?s3cret"),
            (port, "?election=board"),
            (port, &certificate),
            (port, "/board/s3cret"),
            (port, "/board/"),
            (&user, ""),
            (socket, "?election=board&election=board"),
            (socket, "?election="),
            (socket, "?election=board&s3cret"),
            (&"capvote:///board".to_string(), ""),
            (&"capvote+unix://s3cret/board".to_string(), ""),
        ] {
            let link = format!("{link}{more}");
            let refused = language.run(&[&link, "results"]);
            assert_eq!((refused.code, &refused.stdout[..]), (Some(1), ""), "{link}");
            assert!(refused.stderr.contains(" link ") || refused.stderr.contains("slashes"));
            assert!(!refused.stderr.contains("s3cret"), "{}", refused.stderr);
        }
        for number in ["18446744073709551616", "99999999999999999999", "12_3", "١٢", "-", "1x"] {
            language
                .run(&[port, "vote", "Ada", number])
                .failed(1, "a voter number is 1 to 20 digits");
        }
        let largest = "18446744073709551615";
        refused(&language.run(&[port, "vote", "Ada", largest]), "roll", "unknownVoterNumber");
        language.run(&[port, "vote", "Ada", "1", "zz"]).failed(1, "hex");
        for words in [&["vote"][..], &["vote", "Ada"], &["results", "Ada"], &["watch", "x"], &["x"]]
        {
            let said = language.run(&[&[&port[..]], words].concat());
            assert_eq!((said.code, &said.stdout[..]), (Some(1), ""));
            assert!(said.stderr.contains("vote CANDIDATE VOTER-NUMBER [NONCE]"), "{}", said.stderr);
        }
    }
}

/// What a server of later may say. The client has a schema that ends before it.
#[test]
fn the_one_in_python_takes_what_its_schema_does_not_know_for_something_newer() {
    let Some([python, _]) = languages() else { return };
    let place = Place::new();
    let old = tempfile::tempdir().unwrap();
    fs::create_dir_all(old.path().join("examples/python")).unwrap();
    fs::create_dir(old.path().join("schema")).unwrap();
    let client = old.path().join("examples/python/client.py");
    fs::copy(example("python/client.py"), &client).unwrap();
    let schema = |name: &str| example("../schema").join(name);
    fs::copy(schema("lines.capnp"), old.path().join("schema/lines.capnp")).unwrap();
    let text = fs::read_to_string(schema("election.capnp")).unwrap();
    let newer = [
        "    closed @6 :Void;\n",
        "    throttled @7 :UInt32;\n",
        "  final @3;\n",
        "  unknownCandidate @4;\n",
    ];
    let text = newer.iter().fold(text, |text, member| {
        assert_eq!(text.matches(member).count(), 1, "{member}");
        text.replace(member, "")
    });
    fs::write(old.path().join("schema/election.capnp"), text).unwrap();
    let python = python.script(&client);
    recorded(&python.run(&[&place.links[0], "vote", "Ada", &place.number(0)]));
    place.close();
    let late = python.run(&[&place.links[0], "vote", "Ada", &place.number(1)]);
    refused(&late, "is closed", "something newer");
    let results = place.results().replace("final", "something newer");
    assert_eq!(python.run(&[&place.links[0], "results"]).done(), results);
}

#[test]
fn the_officer_in_python_issues_numbers_closes_and_reads_the_sheet() {
    let Some([voter, _]) = languages() else { return };
    let place = Place::new();
    let officer = voter.script(&example("python/officer.py"));
    let link = fs::read_to_string(place.data.path().join("officer.link")).unwrap();
    let act = |words: &[&str]| officer.run(&[&[link.trim()], words].concat());
    act(&["sheet"]).failed(1, "before the election is closed");
    let numbers: Vec<_> = act(&["issue", "2"]).done().lines().map(str::to_string).collect();
    let nonce = recorded(&voter.run(&[&place.links[0], "vote", "Ada", &numbers[0]]));
    recorded(&voter.run(&[&place.links[0], "vote", "Ada", &numbers[1]]));
    assert_eq!(act(&["close"]).done(), "");
    act(&["close"]).failed(1, "closed already");
    let sheet = act(&["sheet"]);
    let lines: Vec<Vec<_>> = sheet.done().lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!((numbers.len(), lines.len()), (2, 2));
    let mine = lines.iter().find(|line| line[1] == nonce).unwrap();
    let nonce = HEXLOWER.decode(nonce.as_bytes()).unwrap();
    let receipt =
        Receipt::new(&"board".parse().unwrap(), "Ada", &Nonce::try_from(&nonce[..]).unwrap());
    assert_eq!((mine[0], mine[2]), ("Ada", &receipt.to_string()[..]));
    let (everyone, _) = link.split_once('#').unwrap();
    officer.run(&[everyone, "close"]).failed(1, "this token opens nothing here");
}

#[test]
fn the_one_in_python_knows_the_server_that_an_encrypted_link_names() {
    let Some([python, cpp]) = languages() else { return };
    let place = Place::new();
    recorded(&python.run(&[&place.encrypted, "vote", "Ada", &place.number(0)]));
    assert_eq!(python.run(&[&place.encrypted, "results"]).done(), place.results());
    let (server, _) = place.encrypted.split_once('?').unwrap();
    let wrong = format!("{server}?cert={}", "A".repeat(43));
    for (link, why) in [(&wrong[..], "not the one that the link names"), (server, "self-signed")] {
        let refused = python.run(&[link, "vote", "Ada", &place.number(1)]);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        assert_eq!((refused.code, &refused.stdout[..]), (Some(1), ""));
    }
    assert_eq!(place.results(), "provisional: Ada 1, Grace 0; 1 of 9 have voted\n");
    cpp.run(&[&place.encrypted, "results"]).failed(1, "a link for this example begins with");
}

/// A certificate that is too old, and one that an authority issued: the link names them, and that is enough.
#[test]
fn the_one_in_python_accepts_whichever_certificate_the_link_names() {
    let Some([python, _]) = languages() else { return };
    let [own_key, authority_key] = [(); 2].map(|()| KeyPair::generate().unwrap());
    let params = || CertificateParams::new(["elsewhere.example".to_string()]).unwrap();
    let mut old = params();
    old.not_before = date_time_ymd(2001, 1, 1);
    old.not_after = date_time_ymd(2002, 1, 1);
    let authority = Issuer::new(CertificateParams::default(), authority_key);
    let certificates =
        [old.self_signed(&own_key).unwrap(), params().signed_by(&own_key, &authority).unwrap()];
    for certificate in certificates {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("operator.pem");
        fs::write(&file, certificate.pem() + &own_key.serialize_pem()).unwrap();
        let file = file.to_str().unwrap();
        let more = ["--voters", "1", "--certificate", file, "--key", file];
        let server =
            Server::listen("capvotes://127.0.0.1:0", data.path(), &[&BOARD[..], &more].concat());
        let named = BASE64URL_NOPAD.encode(&Sha256::digest(certificate.der()));
        let link = format!("{}?cert={named}", server.link);
        recorded(&python.run(&[&link, "vote", "Ada", &numbers(data.path())[0].to_string()]));
        let unnamed = python.run(&[&server.link, "results"]);
        assert!(unnamed.stderr.contains("certificate verify failed"), "{}", unnamed.stderr);
    }
}

/// A client that watches. It is killed when this is dropped.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(language: &Language, link: &str) -> Self {
        let mut command = language.command();
        command.args([link, "watch"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> String {
        self.lines.next().unwrap().unwrap() + "\n"
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn each_sees_the_votes_come_in_until_the_close() {
    let Some(languages) = languages() else { return };
    let place = Place::new();
    let mut watching = Vec::new();
    for link in &place.links {
        watching.extend(languages.iter().map(|language| Watching::start(language, link)));
    }
    for watching in &mut watching {
        assert_eq!(watching.next(), "provisional: Ada 0, Grace 0; 0 of 9 have voted\n");
    }
    place.client(&["vote", "Grace", "--voter-number", &place.number(0)]).done();
    for watching in &mut watching {
        assert_eq!(watching.next(), "provisional: Grace 1, Ada 0; 1 of 9 have voted\n");
    }
    place.close();
    for watching in &mut watching {
        assert_eq!(watching.next(), "final: Grace 1, Ada 0; 1 of 9 have voted\n");
        assert_eq!(watching.next(), "closed\n");
        assert!(watching.lines.next().is_none());
        assert!(watching.child.wait().unwrap().success());
    }
}

#[test]
fn each_that_watches_notices_that_the_server_is_gone() {
    let Some(languages) = languages() else { return };
    for language in languages {
        let place = Place::new();
        let mut watching = Watching::start(language, &place.links[0]);
        watching.next();
        drop(place);
        assert!(watching.lines.next().is_none());
        let told = std::io::read_to_string(watching.child.stderr.take().unwrap()).unwrap();
        assert_eq!(told, "the connection was lost\n");
        assert_eq!(watching.child.wait().unwrap().code(), Some(1));
    }
}

#[test]
fn each_counts_the_lines_of_its_own_file_and_gets_every_one() {
    let Some(languages) = languages() else { return };
    let place = Place::new();
    let file = place.data.path().join("lines.txt");
    let file = file.to_str().unwrap();
    let long = "x".repeat(1 << 20);
    let many: String = (0..200_000).map(|line| format!("line {line}\n")).collect();
    let long = format!("{long}\n{many}{long}");
    for (text, count) in
        [(&b""[..], 0), (b"\n\n", 2), (b"one\ntwo\r\n\0th\xffree", 3), (long.as_bytes(), 200_002)]
    {
        fs::write(file, text).unwrap();
        let newline = if text.is_empty() || text.ends_with(b"\n") { "" } else { "\n" };
        let expected = [text, newline.as_bytes(), format!("{count}\n").as_bytes()].concat();
        for language in languages {
            for link in &place.links {
                let counted = language.command().args([link, "count-lines", file]).output();
                let counted = counted.unwrap();
                let told = String::from_utf8_lossy(&counted.stderr);
                assert!(counted.status.success(), "{told}");
                assert!(counted.stdout == expected, "{count} lines, {}", language.program);
            }
        }
    }
    for language in languages {
        let missing = language.run(&[&place.links[0], "count-lines", "/no/such/file"]);
        assert_eq!((missing.code, &missing.stdout[..]), (Some(1), ""));
        assert!(missing.stderr.contains("no/such/file"), "{}", missing.stderr);
    }
}
