//! The exit code for a [`StartError`], and what to try.

use std::io::ErrorKind;

use capvote::command_line::Exit;
use capvote::ledger::OpenError;
use capvote::net::link::Address;
use capvote::server::StartError;

/// The error as a sentence, with what to try.
pub(crate) fn sentence(error: &StartError) -> String {
    let hint = match error {
        StartError::Unencrypted(_) => ", or say --allow-unencrypted".into(),
        StartError::NetworkFileSystem { .. } => ", or say --allow-network-disk".into(),
        StartError::OtherElection { .. } => {
            "; start without --election to serve what is there, or choose another --data".into()
        }
        StartError::OfficerLinkKept(_) => "; --end-others revokes it and creates a new one".into(),
        StartError::Listen { link, why } => hint_on_address(&link.address, why.kind()),
        _ => String::new(),
    };
    format!("{error}{hint}")
}

fn hint_on_address(address: &Address, kind: ErrorKind) -> String {
    match (address.at(), kind) {
        (Some(at), ErrorKind::AddrNotAvailable) => {
            let list = if at.is_link_local() { "ip address" } else { "hostname -I" };
            format!(". {} is not an address of this machine; `{list}` lists them", at.host)
        }
        (Some(_), ErrorKind::AddrInUse) => {
            ". Another program, perhaps another capvote-server, listens there; choose another port"
                .into()
        }
        _ => String::new(),
    }
}

pub(crate) fn exit(error: &StartError) -> Exit {
    match error {
        StartError::OtherElection { .. }
        | StartError::OfficerLinkKept(_)
        | StartError::NetworkFileSystem { .. }
        | StartError::UnknownFile { .. }
        | StartError::Ledger(OpenError::Refused { .. })
        | StartError::Ledger(OpenError::InUse(_) | OpenError::NotMoved(_)) => Exit::Refused,
        StartError::Unencrypted(_)
        | StartError::NothingPublic(_)
        | StartError::OpenToOthers { .. }
        | StartError::Definition(_) => Exit::Usage,
        _ => Exit::Fault,
    }
}
