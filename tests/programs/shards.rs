//! A server's threads: those that serve connections, and when they run.

use std::fs;
use std::path::Path;
use std::process::Command;

use capvote::client::Client;
use futures::future::try_join_all;
use tokio::net::TcpStream;

use crate::process::{BOARD, Server};

/// A server with so many shards.
fn server(data: &Path, shards: usize) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_capvote-server"));
    command.args(["--listen", "capvote://127.0.0.1:0", "--threads", &shards.to_string()]);
    command.arg("--data").arg(data).args(BOARD).args(["--voters", "3"]);
    Server::spawn(command)
}

#[tokio::test(flavor = "local")]
async fn a_burst_is_served_by_more_shards_than_accept_and_a_stop_ends_all_of_them() {
    let data = tempfile::tempdir().unwrap();
    let server = server(data.path(), 8);
    let address = server.link.strip_prefix("capvote://").unwrap().to_string();
    let arrive = async || anyhow::Ok(Client::over(TcpStream::connect(&address).await?));
    let clients = try_join_all((0..200).map(|_| arrive())).await.unwrap();
    // All at once: an eighth of them is on each shard.
    let elections = try_join_all(clients.iter().map(Client::elections)).await.unwrap();
    assert!(elections.iter().all(|it| it.len() == 1));
    server.signal("TERM");
    for client in &clients {
        client.closed().await;
    }
    assert_eq!(server.wait(), (Some(0), String::new()));
    assert!(TcpStream::connect(&address).await.is_err());
}

/// The nice value and the scheduling policy of a thread. See `proc(5)`: fields 19 and 41.
#[cfg(target_os = "linux")]
fn schedule(task: &Path) -> [String; 2] {
    let stat = fs::read_to_string(task.join("stat")).unwrap();
    // The second field, a name in brackets, may have spaces.
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    [19, 41].map(|field| fields[field - 3].to_string())
}

#[cfg(target_os = "linux")]
#[test]
fn its_threads_are_batch_work_unless_it_was_given_a_nice_value() {
    let data = tempfile::tempdir().unwrap();
    let server = server(data.path(), 2);
    let tasks = fs::read_dir(format!("/proc/{}/task", server.id())).unwrap();
    let schedules: Vec<_> = tasks.map(|task| schedule(&task.unwrap().path())).collect();
    assert!(schedules.len() >= 4, "the shards, the ledger and the main thread: {schedules:?}");
    let mine = schedule(Path::new("/proc/self"));
    let expected = if mine == ["0", "0"] { ["0".to_string(), "3".into()] } else { mine };
    assert!(schedules.iter().all(|it| *it == expected), "{schedules:?}, not {expected:?}");
}
