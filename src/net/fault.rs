//! Cap'n Proto exceptions that crossed a connection.

use capnp::Error;

/// The prefix that capnp-rpc adds to the reason of an exception from the peer.
const PREFIX: &str = "remote exception: ";

/// Whether an exception came from the peer.
pub(crate) fn is_remote(error: &Error) -> bool {
    error.extra.starts_with(PREFIX)
}

/// The original reason of an exception, without the prefixes added by the connections it crossed.
pub(crate) fn reason(error: &Error) -> &str {
    let mut reason = error.extra.as_str();
    while let Some(rest) = reason.strip_prefix(PREFIX) {
        reason = rest;
    }
    if reason.is_empty() { "no reason was given" } else { reason }
}

/// The exception without those prefixes, to be passed on to another peer.
pub(crate) fn passed_on(error: Error) -> Error {
    Error { extra: reason(&error).to_string(), kind: error.kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_has_no_prefixes() {
        let passed = Error::failed("remote exception: remote exception: disk on fire".into());
        assert_eq!(reason(&passed), "disk on fire");
        assert_eq!(reason(&Error::failed("disk on fire".into())), "disk on fire");
        assert_eq!(passed_on(passed).extra, "disk on fire");
    }
}
