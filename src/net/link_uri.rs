//! The components of a link.

/// The components of a URI, split as in RFC 3986, appendix B, and validated when they are parsed.
/// The crate `url` percent-encodes the host of a scheme that it does not know, and the DNS has no
/// such name; `iri-string` and `fluent-uri` refuse socket paths with characters such as `[`, which
/// the links of earlier servers may have.
pub(super) struct Uri<'a> {
    pub(super) scheme: &'a str,
    pub(super) authority: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) fragment: &'a str,
}

impl<'a> Uri<'a> {
    pub(super) fn split(text: &'a str) -> Self {
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (text, query) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, text) = text.split_once(':').unwrap_or(("", text));
        let (authority, path) = match text.strip_prefix("//") {
            Some(text) => text.split_at(text.find('/').unwrap_or(text.len())),
            None => ("", text),
        };
        Self { scheme, authority, path, query, fragment }
    }

    /// Whether it is the address of a page.
    pub(super) fn is_page(&self) -> bool {
        ["http", "https"].iter().any(|scheme| scheme.eq_ignore_ascii_case(self.scheme))
    }
}
