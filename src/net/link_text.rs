//! The text of a link, as editors, word processors, mail programs and messengers leave it.

use crate::election::{is_invisible, unquoted};

/// What a link begins with.
const SCHEMES: [&str; 3] = ["capvote:", "capvotes:", "capvote+unix:"];

/// The link in a text, without what programs put around it and in it: quotation marks and angle
/// brackets, line breaks, marks of a quoted mail, invisible characters, and the lines of a mail
/// before and after it.
pub(super) fn bare(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(line).collect();
    // A text without a link is returned whole, for the error.
    let first = lines.iter().position(|line| begins(line)).unwrap_or_default();
    let ends = |line: &&str| line.is_empty() || *line == "--";
    let link: Vec<_> = lines
        .into_iter()
        .skip(first)
        .skip_while(|it| it.is_empty())
        .take_while(|line| !ends(line))
        .collect();
    let mut joined = String::with_capacity(text.len());
    let mut parts = link.iter().peekable();
    while let Some(part) = parts.next() {
        // A line that goes on in a mail as it is sent ("quoted-printable").
        let soft =
            parts.peek().is_some() && !["cert=", "election="].iter().any(|it| part.ends_with(it));
        joined += if soft { part.strip_suffix('=').unwrap_or(part) } else { part };
    }
    let is_path = joined.to_ascii_lowercase().contains("capvote+unix:");
    let kept = |&it: &char| it != '\t' && it != '\r' && !is_removed(it);
    let hyphen = |it| if !is_path && matches!(it, '\u{2010}' | '\u{2011}') { '-' } else { it };
    let link = unquoted(joined.trim_start_matches("URL:"));
    link.trim_start_matches("URL:").chars().filter(kept).map(hyphen).collect()
}

/// A line without blanks around it and the marks of a quoted mail before it.
fn line(line: &str) -> &str {
    let blank = |it: char| it.is_whitespace() || is_removed(it);
    line.trim_start_matches(|it| it == '>' || blank(it)).trim_end_matches(blank)
}

fn begins(line: &str) -> bool {
    let line = line.trim_start_matches(|it: char| !it.is_ascii_alphanumeric());
    let line = line.strip_prefix("URL:").unwrap_or(line).to_ascii_lowercase();
    SCHEMES.iter().any(|scheme| line.starts_with(scheme))
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
        ] {
            assert_eq!(bare(&text), LINK, "{text:?}");
        }
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
            "capvote://ho st",
            "capvote+unix:\u{1f}//run/capvote.sock",
            "",
        ] {
            assert_eq!(bare(link), link);
        }
    }
}
