//! `page`: the pages for browsers, from this machine.

use std::io::{self, Write};

use capvote::command_line::{self, Exit};
use capvote::net::link::Link;
use capvote::net::loopback::LoopbackAddress;
use capvote::net::relay::Relay;
use serde_json::json;
use tokio::signal::ctrl_c;

use crate::PROGRAM;
use crate::failure::Failure;
use crate::show;

/// Serves them until Ctrl-C.
pub(crate) async fn run(server: Link, listen: LoopbackAddress, json: bool) -> Result<(), Failure> {
    let named = format!("{server:?}");
    let relay = Relay::bind(listen, server).await;
    let relay = relay.map_err(|why| Failure::Fault(format!("cannot listen on {listen}: {why}")))?;
    let page = relay.page();
    if json {
        show::json(&json!({ "page": page }))?;
    } else {
        let mut stdout = io::stdout();
        writeln!(stdout, "open {page}")?;
        stdout.flush()?;
    }
    // It is told, and no end: the page goes on trying.
    let failed = move |why| {
        let why = format_args!("cannot connect to {named}: {why}");
        let _ = command_line::end(PROGRAM, why, Exit::Fault);
    };
    tokio::select! {
        never = relay.run(failed) => match never {},
        stopped = ctrl_c() => Ok(stopped?),
    }
}
