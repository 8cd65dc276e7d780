//! Voters who post a form: on one thread.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_local;

use super::RECORDED;
use crate::peers::tls::Connector;
use crate::peers::{CANDIDATE, Measured, Over, Work, crowd, numbers, unsupported};

/// Casts votes with the server at `address`.
pub(in crate::peers) fn drive(address: &str, work: Work) -> anyhow::Result<Measured> {
    let address: SocketAddr = address.parse()?;
    crowd::local()?.block_on(async {
        match work {
            Work::Arrive { in_flight, votes, over } => {
                arrive(address, in_flight, votes, over).await
            }
            Work::Vote { connections, in_flight: 1, votes } => {
                stand(address, connections, votes).await
            }
            Work::Vote { .. } | Work::Lines { .. } => unsupported("axum", "such job"),
        }
    })
}

/// Each voter comes, posts and leaves.
async fn arrive(
    address: SocketAddr,
    in_flight: u64,
    votes: u64,
    over: Over,
) -> anyhow::Result<Measured> {
    let connector = Connector::over(over, in_flight)?;
    let used = connector.clone();
    let voter = move |number| {
        let connector = connector.clone();
        async move {
            let mut visit = match connector {
                None => Visit::over(crowd::connect(address).await?).await?,
                Some(connector) => Visit::over(connector.connect(address, number).await?).await?,
            };
            visit.vote(number).await
        }
    };
    let measured = crowd::arrive(in_flight, votes, voter).await?;
    used.map_or(Ok(()), |connector| connector.check())?;
    Ok(measured)
}

/// Votes over connections that are kept.
async fn stand(address: SocketAddr, connections: u64, votes: u64) -> anyhow::Result<Measured> {
    let mut visits = Vec::new();
    for _ in 0..connections {
        visits.push(Visit::over(crowd::connect(address).await?).await?);
    }
    let begun = Instant::now();
    let mut voters = Vec::new();
    for (index, mut visit) in visits.into_iter().enumerate() {
        voters.push(spawn_local(async move {
            let mut count = 0;
            for number in numbers(index as u64, connections, votes) {
                visit.vote(number).await?;
                count += 1;
            }
            anyhow::Ok(count)
        }));
    }
    crowd::finish(voters, votes, begun).await
}

/// A connection of a voter.
struct Visit(SendRequest<Full<Bytes>>);

impl Visit {
    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> anyhow::Result<Self> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // If it fails, the request on it reports the error.
        spawn_local(connection);
        Ok(Self(sender))
    }

    async fn vote(&mut self, number: u64) -> anyhow::Result<()> {
        let form = format!("number={number}&candidate={CANDIDATE}");
        let request = Request::post("/vote")
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form)))?;
        self.0.ready().await?;
        let response = self.0.send_request(request).await.context("no answer")?;
        let status = response.status();
        let text = response.into_body().collect().await?.to_bytes();
        let is_recorded = status == StatusCode::OK && text == RECORDED;
        ensure!(is_recorded, "a vote was refused: {status} {}", text.escape_ascii());
        Ok(())
    }
}
