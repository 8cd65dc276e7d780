//! Links: what is read is written, and reads back the same.

use capvote::net::link::Link;

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let link: Link = match text.parse() {
        Ok(link) => link,
        Err(error) => {
            let told = format!("{error}");
            assert!(told.len() < 8_192 && !told.contains('\n'), "{told:?}");
            return;
        }
    };
    let written = link.to_string();
    let again: Link = match written.parse() {
        Ok(again) => again,
        Err(error) => panic!("{text:?} is a link, and {written:?} is none: {error}"),
    };
    assert!(link == again, "{text:?} was read, and written as {written:?}");
    assert_eq!(again.to_string(), written);
}
