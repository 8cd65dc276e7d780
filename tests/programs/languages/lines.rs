//! Counting lines.

use std::fs;

use super::{Board, languages};

#[test]
fn every_client_counts_the_lines_of_its_own_file_and_gets_each() {
    let Some(languages) = languages() else { return };
    let board = Board::new();
    let file = board.data.path().join("lines.txt");
    let file = file.to_str().unwrap();
    let long = "x".repeat(1 << 20);
    let many: String = (0..200_000).map(|line| format!("line {line}\n")).collect();
    let long = format!("{long}\n{many}{long}");
    for (text, count) in
        [(&b""[..], 0), (b"\n\n", 2), (b"one\ntwo\r\n\0th\xffree", 3), (long.as_bytes(), 200_002)]
    {
        fs::write(file, text).unwrap();
        let newline = if text.is_empty() || text.ends_with(b"\n") { "" } else { "\n" };
        let expected = [text, newline.as_bytes(), format!("{count}\n").as_bytes()].concat();
        for language in languages {
            for link in &board.links {
                let counted = language.command().args([link, "count-lines", file]).output();
                let counted = counted.unwrap();
                let errors = String::from_utf8_lossy(&counted.stderr);
                assert!(counted.status.success(), "{errors}");
                assert!(counted.stdout == expected, "{count} lines, {}", language.program);
            }
        }
    }
    for language in languages {
        let missing = language.run(&[&board.links[0], "count-lines", "/no/such/file"]);
        assert_eq!((missing.code, &missing.stdout[..]), (Some(1), ""));
        assert!(missing.stderr.contains("no/such/file"), "{}", missing.stderr);
    }
}
