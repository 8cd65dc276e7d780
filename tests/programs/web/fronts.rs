//! The proxies of docs/operation.md, with the configurations that are printed there. `.ci/run`
//! installs them; on a machine without one, its test reports that and passes.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use capvote::net::dial;
use capvote::net::link::{Address, HostPort, Link};
use capvote::net::tls::{Identity, new_identity};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{ANY_PORT, Answer, address, board};
use crate::process::{Server, client, numbers, write_private};

const PORT: u16 = 8_443;

/// How long a proxy may take to listen.
const START_WAIT_MAX: Duration = Duration::from_secs(30);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A proxy in front of a server. Dropping it ends the proxy.
struct Front {
    child: Child,
    server: Server,
    /// The link through the proxy.
    link: Link,
    folder: TempDir,
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A configuration on the page, with these changes, each of which must fit.
fn configuration(language: &str, changes: &[(&str, &str)]) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operation.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, block) = page.split_once(&format!("```{language}\n")).unwrap();
    let (block, _) = block.split_once("```").unwrap();
    changes.iter().fold(block.to_string(), |block, (from, to)| {
        assert!(block.contains(from), "{language}: {from}");
        block.replace(from, to)
    })
}

fn program(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    let found = folders.iter().map(|it| Path::new(it).join(name)).find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI has to install {name}");
        eprintln!("skipped: there is no {name}");
    }
    found
}

/// Starts a server, and the proxy that `begin` configures in a folder, for the address where it
/// listens and that of the server. The address is of this process and test alone: the proxies pick
/// no free port.
fn start(test: u8, begin: impl FnOnce(&Path, &str, &str) -> Command) -> Front {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = board(ANY_PORT, &data, 5, &["--forwarded-for", "127.0.0.1"]);
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, high | 0x80, low, test).to_string();
    let pem = new_identity(vec![host.clone()]).unwrap();
    write_private(folder.path().join("own.pem"), &pem);
    let at = format!("{host}:{PORT}");
    let mut child = begin(folder.path(), &at, &address(&server.link)).spawn().unwrap();
    let begun = Instant::now();
    while TcpStream::connect(&at).is_err() {
        assert_eq!(child.try_wait().unwrap(), None, "the proxy has ended");
        assert!(begun.elapsed() < START_WAIT_MAX, "the proxy does not listen");
        thread::sleep(POLL_INTERVAL);
    }
    let identity = Identity::from_pem(pem.as_bytes(), pem.as_bytes()).unwrap();
    let to = Link::to(Address::Https(HostPort { host, port: PORT }));
    let link = Link { certificate: Some(identity.fingerprint), ..to };
    Front { child, server, link, folder }
}

/// Votes, asks for results and gets a page through the proxy.
async fn check(front: Front) {
    let link = front.link.to_string();
    let numbers = numbers(&front.folder.path().join("data"));
    for number in &numbers[..3] {
        let number = number.to_string();
        let voting = link.clone();
        let voted = tokio::task::spawn_blocking(move || {
            client(&voting, &["vote", "Ada", "--voter-number", &number])
        });
        assert!(voted.await.unwrap().done().contains("is recorded"));
    }
    let direct = client(&front.server.link, &["--json", "result"]);
    assert_eq!(client(&link, &["--json", "result"]).done(), direct.done());
    assert!(direct.done().contains("\"ballots\": 3"), "{}", direct.stdout);
    let Address::Https(at) = front.link.address.clone() else { panic!("{link}") };
    let tls = Link { address: Address::Tls(at.clone()), ..front.link.clone() };
    for (host, is_its_own) in [(at.to_string(), true), ("rebound.example".to_string(), false)] {
        let mut stream = dial::connect(&tls).await.unwrap();
        let path = "/-/missing.html";
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = Answer::parse(&answer);
        if is_its_own {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(answer.field("content-security-policy").starts_with("default-src 'none'"));
        } else {
            // Caddy passes on what is for its own name only.
            assert!(answer.status == 421 || answer.body.is_empty(), "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "local")]
async fn nginx_passes_pages_and_websockets_on() {
    let Some(nginx) = program("nginx") else { return };
    let front = start(1, |folder, at, server| {
        let pem = folder.join("own.pem").display().to_string();
        let block = configuration(
            "nginx",
            &[
                ("listen 443 ssl", &format!("listen {at} ssl")),
                ("server_name vote.example.org;", ""),
                ("/etc/letsencrypt/live/vote.example.org/fullchain.pem", &pem),
                ("/etc/letsencrypt/live/vote.example.org/privkey.pem", &pem),
                ("127.0.0.1:8080", server),
            ],
        );
        let folder = folder.display();
        let kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let kept: String =
            kept.iter().map(|it| format!("{it}_temp_path {folder}/{it};\n")).collect();
        let whole = format!(
            "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr crit;\n\
             events {{}}\nhttp {{\naccess_log off;\n{kept}{block}}}\n"
        );
        let file = format!("{folder}/nginx.conf");
        fs::write(&file, whole).unwrap();
        let mut command = Command::new(nginx);
        command.args(["-e", "stderr", "-p", &folder.to_string(), "-c", &file]);
        command
    });
    check(front).await;
}

#[tokio::test(flavor = "local")]
async fn haproxy_passes_pages_and_websockets_on() {
    let Some(haproxy) = program("haproxy") else { return };
    let front = start(2, |folder, at, server| {
        let pem = folder.join("own.pem").display().to_string();
        let changes = [
            ("bind :443", format!("bind {at}")),
            ("/etc/haproxy/vote.example.org.pem", pem),
            ("127.0.0.1:8080", server.to_string()),
        ];
        let changes: Vec<_> = changes.iter().map(|(from, to)| (*from, to.as_str())).collect();
        let file = folder.join("haproxy.cfg");
        fs::write(&file, configuration("haproxy", &changes)).unwrap();
        let mut command = Command::new(haproxy);
        command.args(["-q", "-db", "-f"]).arg(file);
        command
    });
    check(front).await;
}

#[tokio::test(flavor = "local")]
async fn caddy_passes_pages_and_websockets_on() {
    let Some(caddy) = program("caddy") else { return };
    let front = start(3, |folder, at, server| {
        let pem = folder.join("own.pem").display().to_string();
        // Without an authority that it could ask for a certificate.
        let site = format!("https://{at} {{\n    bind {}\n    tls {pem} {pem}", host(at));
        let changes = [("vote.example.org {", &*site), ("127.0.0.1:8080", server)];
        let options = "{\n    admin off\n    auto_https disable_redirects\n}\n";
        let file = folder.join("Caddyfile");
        fs::write(&file, options.to_string() + &configuration("caddy", &changes)).unwrap();
        let mut command = Command::new(caddy);
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
        command.env("HOME", folder).stderr(std::process::Stdio::null());
        command
    });
    check(front).await;
}

fn host(at: &str) -> &str {
    at.split(':').next().unwrap()
}
