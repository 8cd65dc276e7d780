//! The id of an election on its server.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::ELECTION_ID_BYTES_MAX;

/// Identifies one election on its server. Cheap to clone.
///
/// An id is 1 to 64 ASCII letters, digits, `.`, `_` and `-`, and begins with a letter or a digit.
/// It needs no quoting in a link, a file name or a shell command.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ElectionId(Arc<str>);

/// Names that no new election may have: in addresses, they are those of other things that servers
/// with pages have.
#[cfg(feature = "server")]
pub(crate) const RESERVED_IDS: [&str; 4] = ["favicon.ico", "officer", "robots.txt", "rpc"];

/// Why a text is not an election id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an election's id is 1 to {ELECTION_ID_BYTES_MAX} letters, digits, \".\", \"_\" and \"-\", and \
     begins with a letter or a digit"
)]
pub struct InvalidElectionId;

impl ElectionId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ElectionId {
    type Err = InvalidElectionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric();
        let valid = text.len() <= ELECTION_ID_BYTES_MAX
            && text.bytes().next().is_some_and(plain)
            && text.bytes().all(|byte| plain(byte) || b"._-".contains(&byte));
        if valid { Ok(Self(text.into())) } else { Err(InvalidElectionId) }
    }
}

impl fmt::Display for ElectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ElectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_officers_page_refuses_the_same_names() {
        let page = include_str!("../../web/officer/spec.js");
        assert!(page.contains(&format!("const RESERVED_IDS = {RESERVED_IDS:?};")));
    }

    #[test]
    fn an_id_is_fit_for_links_and_file_names() {
        for good in ["a", "board-2026", "2026", "a.b_c-d", &"x".repeat(64)] {
            assert_eq!(good.parse::<ElectionId>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "-a", "a/b", "a b", "ä", "a\n", &"x".repeat(65)] {
            assert_eq!(bad.parse::<ElectionId>(), Err(InvalidElectionId), "{bad:?}");
        }
    }
}
