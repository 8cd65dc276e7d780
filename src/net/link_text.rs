//! The text of a link, as editors, word processors, mail programs and messengers leave it.

use crate::election::{Token, is_invisible, unquoted};

/// What a link begins with that can be nothing else.
const SCHEMES: [&str; 3] = ["capvote:", "capvotes:", "capvote+unix:"];

/// What addresses of pages begin with, of which a text may have others.
const WEB_SCHEMES: [&str; 5] = ["https:", "http:", "wss:", "ws:", "http+unix:"];

/// Those of a socket's path.
const UNIX_SCHEMES: [&str; 2] = ["capvote+unix:", "http+unix:"];

/// The characters of a token in a link that has a whole one.
const TOKEN_CHARACTERS: usize = (Token::BYTES * 8).div_ceil(6);

/// What ends a link to a host, which has none of these.
const CLOSING: [char; 17] =
    ['"', '\'', '`', '<', '>', '(', ')', '{', '}', '“', '”', '„', '‘', '’', '«', '»', '›'];

/// The link in a text, without what programs put around it and in it: quotation marks and angle
/// brackets, line breaks, marks of a quoted mail, invisible characters, and the words before and
/// after it. A text that has no link is returned as it is, for the error.
///
/// # Errors
/// Why it is not known which link is meant.
pub(super) fn bare(text: &str) -> Result<String, &'static str> {
    let lower = text.to_ascii_lowercase();
    let is_wrapped = lower.contains("capvote%") || lower.contains("capvotes%");
    let links = |schemes: &'static [&str]| {
        starts(&lower, schemes).map(|at| link_at(text, at)).collect::<Vec<_>>()
    };
    let mut found = links(&SCHEMES);
    if found.is_empty() && !is_wrapped {
        found = links(&WEB_SCHEMES);
    }
    let mut links = found.into_iter();
    let Some(link) = links.next() else {
        return match lower.trim_matches(|it: char| it.is_whitespace() || is_invisible(it)) {
            "" => Err("it is empty"),
            _ if is_wrapped => {
                Err("a program has put it into an address of its own; copy the link as it is shown")
            }
            _ => Ok(text.trim().to_string()),
        };
    };
    if links.any(|other| other != link) {
        return Err("there is more than one link; give one of them");
    }
    let coded = ["%23", "&#35;", "&#x23;"];
    if !is_unix(&link) && coded.iter().any(|it| link.to_ascii_lowercase().contains(it)) {
        return Err("a program has written its # in another way; put a # there");
    }
    Ok(link)
}

/// The places in a text in lower case where links begin.
fn starts(lower: &str, schemes: &[&str]) -> impl Iterator<Item = usize> {
    let mut last = None;
    lower.char_indices().filter_map(move |(at, character)| {
        let before = last.replace(character);
        // Not in a path, nor in a word.
        let apart = before.is_none_or(|it| !it.is_ascii_alphanumeric() && !"/+-.%".contains(it));
        let here = lower.get(at..).unwrap_or_default();
        (apart && schemes.iter().any(|scheme| here.starts_with(scheme))).then_some(at)
    })
}

fn is_unix(link: &str) -> bool {
    let begins = |scheme: &&str| {
        link.get(..scheme.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(scheme))
    };
    UNIX_SCHEMES.iter().any(begins)
}

/// The link that begins at a place in a text.
fn link_at(text: &str, at: usize) -> String {
    let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let opening = before.chars().next_back();
    let is_path = is_unix(rest);
    let mut joined = String::with_capacity(rest.len());
    let ends = |line: &&str| line.is_empty() || *line == "--";
    let mut lines = rest.split('\n').map(line).take_while(|line| !ends(line)).peekable();
    while let Some(line) = lines.next() {
        let (part, last) = if is_path { (line, false) } else { up_to_end(line, &joined) };
        // A line that goes on in a mail as it is sent ("quoted-printable").
        let soft =
            lines.peek().is_some() && !["cert=", "election="].iter().any(|it| part.ends_with(it));
        joined += if soft { part.strip_suffix('=').unwrap_or(part) } else { part };
        if last || (!is_path && has_token(&joined)) {
            break;
        }
    }
    let link = match opening {
        Some(quote) if is_path && !quote.is_whitespace() => {
            unquoted(&format!("{quote}{joined}")).to_string()
        }
        Some(mark @ ('*' | '_')) => joined.trim_end_matches(mark).to_string(),
        Some('[') => joined.trim_end_matches(']').to_string(),
        _ => joined,
    };
    let kept = |&it: &char| it != '\t' && it != '\r' && !is_removed(it);
    let hyphen = |it| if !is_path && matches!(it, '\u{2010}' | '\u{2011}') { '-' } else { it };
    let link: String = link.chars().filter(kept).map(hyphen).collect();
    if is_path { link } else { link.trim_end_matches(['.', ',', ';', '!']).to_string() }
}

/// The part of a line that belongs to a link to a host, of which there is `before`, and whether the
/// link ends in it.
fn up_to_end<'a>(line: &'a str, before: &str) -> (&'a str, bool) {
    let (part, closed) = match line.find(CLOSING) {
        Some(end) => (line.get(..end).unwrap_or(line), true),
        None => (line, false),
    };
    // A blank ends a token. In another part of a link it is an error.
    let token_at = if before.contains('#') { Some(0) } else { part.find('#') };
    let blank = token_at.and_then(|token| {
        let blank = part.get(token..)?.find([' ', '\t', '\u{A0}'])?;
        Some(token + blank)
    });
    match blank {
        Some(end) => (part.get(..end).unwrap_or(part), true),
        None => (part, closed),
    }
}

/// Whether a link has a token as long as the server's.
fn has_token(link: &str) -> bool {
    let token = link.split_once('#').map_or("", |(_, token)| token);
    token.chars().filter(|&it| !is_removed(it)).count() >= TOKEN_CHARACTERS
}

/// A line without blanks around it and the marks of a quoted mail before it.
fn line(line: &str) -> &str {
    let blank = |it: char| it.is_whitespace() || is_removed(it);
    line.trim_start_matches(|it| it == '>' || it == '|' || blank(it)).trim_end_matches(blank)
}

/// Invisible characters, but for those between letters that join, which a host's name may have.
fn is_removed(character: char) -> bool {
    is_invisible(character) && !matches!(character, '\u{200C}' | '\u{200D}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_as_programs_leave_it() {
        const LINK: &str = "capvotes://vote.example.org:443/board?cert=AbC-_9#c2Vj-_cmV0";
        let (start, end) = LINK.split_at(50);
        for text in [
            format!("{LINK}\n"),
            format!("\u{FEFF}{LINK}\r\n"),
            format!("\"{LINK}\""),
            format!("'{LINK}'\n"),
            format!("“{LINK}”"),
            format!("„{LINK}“"),
            format!("«{LINK}»"),
            format!("`{LINK}`"),
            format!("<{LINK}>"),
            format!("<URL:{LINK}>."),
            format!("\"<{LINK}>\","),
            format!("\n\n  {LINK}  \n\n"),
            format!("{start}\n{end}\n"),
            format!("{start}\r\n   {end}\r\n"),
            format!("{start} \n{end}\n"),
            format!("{start}=\r\n{end}\r\n"),
            format!("> {start}\n> {end}\n"),
            format!("<{start}\n{end}>\n"),
            format!("Dear Ann,\n\nyour link:\n\n<{LINK}>\n\nBye\n"),
            format!("> Dear Ann,\r\n>\r\n> {start}\r\n> {end}\r\n>\r\n> Bye\r\n"),
            format!("{LINK}\n--\nAnn\n"),
            LINK.replace('-', "\u{2011}"),
            format!("{start}\u{200B}{end}\u{2060}"),
            format!("{start}\u{AD}{end}\u{A0}"),
            format!("Your link: {LINK}. Keep it."),
            format!("CAPVOTE_LINK={LINK}\n"),
            format!("export CAPVOTE_LINK='{LINK}'\n"),
            format!("[InternetShortcut]\r\nURL={LINK}\r\n"),
            format!("<p><a href=\"{LINK}\">{LINK}</a></p>"),
            format!("[your link]({LINK})"),
            format!("[{LINK}]"),
            format!("({LINK})"),
            format!("_{LINK}_ and *{LINK}*"),
            format!("| {start}\n| {end}\n"),
            format!("{LINK} and my regards"),
            format!("<string>{LINK}</string>"),
        ] {
            assert_eq!(bare(&text).as_deref(), Ok(LINK), "{text:?}");
        }
    }

    #[test]
    fn an_address_of_a_page_is_a_link_where_there_is_no_other() {
        const PAGE: &str = "https://vote.example.org/board";
        for text in [
            format!("Dear Ann,\n\n<{PAGE}>\n\nBye\n"),
            format!("Vote at {PAGE}."),
            format!("<a href=\"{PAGE}\">{PAGE}</a>"),
        ] {
            assert_eq!(bare(&text).as_deref(), Ok(PAGE), "{text:?}");
        }
        let both = format!("https://club.example asks:\n\ncapvotes://host:1/board\n\nSee {PAGE}");
        assert_eq!(bare(&both).as_deref(), Ok("capvotes://host:1/board"));
        let two = format!("https://club.example asks: {PAGE}");
        assert!(bare(&two).unwrap_err().contains("more than one"));
    }

    #[test]
    fn what_a_link_may_have_stays() {
        for link in [
            "capvote+unix:/run/a b.sock",
            "capvote+unix:///run/[a].sock",
            "capvote+unix:///run/ann's.sock",
            "capvote://[::1]:4000/board",
            "capvote://نامه\u{200C}ای.example",
            "http://127.0.0.1:12358",
            "wss://vote.example.org/board",
            "http+unix:///run/a b.sock",
            "ftp://127.0.0.1:12358",
            "capvote://ho st",
            "capvote+unix:\u{1f}//run/capvote.sock",
        ] {
            assert_eq!(bare(link).as_deref(), Ok(link));
        }
    }

    #[test]
    fn what_follows_a_whole_token_is_not_of_it() {
        let link = format!("capvote://host:1#{}", "Ab_-".repeat(11).split_at(TOKEN_CHARACTERS).0);
        for text in [format!("{link}\nAnn"), format!("{link}\r\nBest regards,\r\nAnn")] {
            assert_eq!(bare(&text).as_deref(), Ok(&*link));
        }
    }

    #[test]
    fn a_text_in_which_it_is_not_known_which_link_is_meant_is_refused() {
        for (text, why) in [
            ("", "it is empty"),
            ("\u{FEFF} \r\n", "it is empty"),
            ("capvote://host:1\ncapvote://host:1#c2Vj", "more than one link"),
            ("capvote://host:1 or capvote://host:2", "more than one link"),
            ("capvote://host:1/board%23c2Vj", "its #"),
            ("capvote://host:1/board&#35;c2Vj", "its #"),
            ("https://eur01.example/?url=capvotes%3A%2F%2Fhost%3A1%23c2Vj&data=05", "of its own"),
            ("https://www.example/url?q=capvote%3a//host:1", "of its own"),
        ] {
            assert!(bare(text).unwrap_err().contains(why), "{text}");
        }
    }
}
