//! What pages show, as docs/walkthrough.md quotes it in bold.

use std::fs;
use std::path::Path;

use super::page::page;

/// A text of a page, in the pieces between its placeholders.
type Text = Vec<String>;

/// The fewest letters of a text that is recognised.
const LETTERS_MIN: usize = 3;

/// The English texts of all pages.
fn texts() -> Vec<Text> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/texts");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let english = files.filter(|path| path.to_str().unwrap().ends_with("en.js"));
    let texts = english.flat_map(|path| values(&fs::read_to_string(path).unwrap()));
    let letters = |text: &Text| text.concat().chars().filter(|c| c.is_alphabetic()).count();
    texts.map(|text| pieces(&text)).filter(|text| letters(text) >= LETTERS_MIN).collect()
}

/// The strings of a module that are no keys.
fn values(module: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = module;
    while let Some((_, begun)) = rest.split_once('"') {
        let mut value = String::new();
        let mut chars = begun.chars();
        loop {
            match chars.next().unwrap() {
                '"' => break,
                // Also of a line that goes on in the next, which is how texts use it.
                '\\' => value.extend(chars.next().filter(|escaped| *escaped != '\n')),
                other => value.push(other),
            }
        }
        rest = chars.as_str();
        if !rest.starts_with(':') {
            values.push(value);
        }
    }
    values
}

fn pieces(text: &str) -> Text {
    let mut parts = text.split('{');
    let first = parts.next().unwrap().to_string();
    let behind = parts.map(|part| part.split_once('}').map_or(part, |(_, rest)| rest).to_string());
    std::iter::once(first).chain(behind).collect()
}

/// Whether a label is this text, with something for each placeholder.
fn is(label: &str, text: &Text) -> bool {
    let [first, between @ .., last] = &text[..] else { return text[0] == label };
    let Some(mut label) = label.strip_prefix(&first[..]) else { return false };
    for piece in between {
        let Some((value, behind)) = label.split_once(&piece[..]) else { return false };
        if value.is_empty() {
            return false;
        }
        label = behind;
    }
    label.strip_suffix(&last[..]).is_some_and(|value| !value.is_empty())
}

#[test]
fn the_walkthrough_quotes_what_pages_show() {
    let texts = texts();
    let page = page("docs/walkthrough.md");
    let labels: Vec<_> = page
        .split("**")
        .skip(1)
        .step_by(2)
        .map(|label| label.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert!(labels.len() > 40, "only {} labels are quoted", labels.len());
    let unknown: Vec<_> =
        labels.iter().filter(|label| !texts.iter().any(|text| is(label, text))).collect();
    assert!(unknown.is_empty(), "no page shows {unknown:#?}");
    assert!(!texts.iter().any(|text| is("Open the box", text)), "anything is a label");
}
