//! The generated parts of docs/benchmarks.md, between marks such as `<!-- growth -->` and
//! `<!-- end of growth -->`. The rest of the page is written by hand.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

/// Writes one part of the page in `checkout`, and its pictures: name, title and SVG.
pub fn write(
    checkout: &Path,
    part: &str,
    rounds: usize,
    pictures: &[(&str, &str, String)],
    tables: &str,
) -> anyhow::Result<()> {
    let docs = checkout.join("docs");
    let mode = if part == "growth" { "--growth " } else { "" };
    let mut text = format!(
        "Written by `cargo run --release -p capvote-bench -- {mode}--rounds {rounds} --write .` \
         on {}, on {}.\nVersions: capvote {}; {}.\n",
        first_line("date", &["+%Y-%m-%d"]),
        machine(),
        env!("CARGO_PKG_VERSION"),
        versions(),
    );
    for (name, title, picture) in pictures {
        fs::write(docs.join(format!("benchmarks-{name}.svg")), picture)?;
        text += &format!("\n![{title}](benchmarks-{name}.svg)\n");
    }
    text += tables;
    let path = docs.join("benchmarks.md");
    let page = fs::read_to_string(&path)?;
    let page = replace(&page, part, &text)
        .with_context(|| format!("{} has no part {part}", path.display()))?;
    Ok(fs::write(path, page)?)
}

/// The page with the text between the marks of a part replaced, if it has these marks.
fn replace(page: &str, part: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {part} -->\n"), format!("<!-- end of {part} -->\n"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{text}{end}{after}"))
}

fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map(|rest| rest.trim_start_matches([' ', '\t', ':'])).unwrap_or("a machine");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores ({model}), {}", first_line("uname", &["-s"]))
}

fn versions() -> String {
    let python = first_line("python3", &["--version"]);
    let [rust, capnp] = [first_line("rustc", &["--version"]), first_line("capnp", &["--version"])];
    format!(
        "{rust}; {capnp}; {python}; the crates in Cargo.lock, the packages in \
         bench/peers/install.sh"
    )
}

/// The first line of a program's output; empty if it cannot be run.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    output.ok().and_then(|text| text.lines().next().map(str::to_string)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn only_the_text_between_the_marks_is_replaced() {
        let page = "a\n<!-- it -->\nold\n<!-- end of it -->\nb\n";
        let new = "a\n<!-- it -->\nnew\n<!-- end of it -->\nb\n";
        assert_eq!(replace(page, "it", "new\n").as_deref(), Some(new));
        assert_eq!(replace(page, "other", "new\n"), None);
    }
}
