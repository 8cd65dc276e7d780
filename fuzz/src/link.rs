//! Links: one that parses, written and parsed again, is the same link.

use capvote::net::link::Link;

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let link: Link = match text.parse() {
        Ok(link) => link,
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 8_192 && !text.contains('\n'), "{text:?}");
            return;
        }
    };
    let written = link.to_string();
    let again: Link = match written.parse() {
        Ok(again) => again,
        Err(error) => panic!("{text:?} parses, but as {written:?} it does not: {error}"),
    };
    assert!(link == again, "{text:?} was written as {written:?}, another link");
    assert_eq!(again.to_string(), written);
}
