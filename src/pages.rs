//! The files that browsers are served: those of web/, put into the library when it is built.
//!
//! Nothing of them is read when a server runs, and none is changed on the way: the SHA-256 of what
//! is served is that of what is checked in.

/// A file of web/.
#[derive(Debug)]
pub struct Page {
    /// Its path in web/, such as `capnp/rpc.js`.
    pub path: &'static str,
    /// What it is, as the header field `Content-Type` says it.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
    /// The same, compressed: each coding, as the header field `Content-Encoding` names it, in which
    /// that is shorter, the best first.
    pub compressed: &'static [(&'static str, &'static [u8])],
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: &'static str,
}

static PAGES: &[Page] = &include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// All files, sorted by their paths.
pub fn all() -> &'static [Page] {
    PAGES
}

/// The file with this path.
pub fn find(path: &str) -> Option<&'static Page> {
    let at = PAGES.binary_search_by(|page| page.path.cmp(path)).ok()?;
    PAGES.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_and_has_its_digest() {
        use sha2::{Digest, Sha256};

        assert!(find("missing.html").is_some());
        for page in all() {
            assert!(std::ptr::eq(find(page.path).unwrap(), page), "{}", page.path);
            let digest = Sha256::digest(page.bytes);
            assert_eq!(data_encoding::HEXLOWER.encode(&digest), page.sha256, "{}", page.path);
        }
        for missing in ["", "missing", "../Cargo.toml", "README.md", "missing.html/"] {
            assert!(find(missing).is_none(), "{missing}");
        }
    }
}
