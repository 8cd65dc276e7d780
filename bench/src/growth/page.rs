//! The measurements of growth as tables and pictures.

use super::Growth;
use crate::report::{Bar, Scale, bars, significant, thousands};

/// The tables in Markdown.
pub fn tables(growth: &Growth) -> String {
    let mut text = String::from(
        "\n### With the voters on the roll\n\n\
         | voter numbers | ballots before | server MiB | bytes a number | file MiB | \
         votes/s | vs smallest | votes a commit | commit p50 | p99 |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in &growth.rolls {
        text += &format!(
            "| {} | {} | {:.0} | {:.1} | {:.0} | {} | {:.2} × | {:.0} | {:.2} ms | {:.2} ms |\n",
            whole(row.numbers),
            whole(row.ballots),
            row.server_mib,
            row.bytes_a_number,
            row.file_mib,
            thousands(row.votes_a_second),
            row.ratio,
            row.votes_a_commit,
            row.commit_p50_ms,
            row.commit_p99_ms,
        );
    }
    text += "\n### The first vote\n\n\
             | voter numbers | ballots before | the server's process accepts after \
             | has recorded a vote after |\n|---:|---:|---:|---:|\n";
    for row in &growth.starts.servers {
        text += &format!(
            "| {} | {} | {} ms | {} ms |\n",
            whole(row.numbers),
            whole(row.ballots),
            significant(row.accepts_ms),
            significant(row.voted_ms),
        );
    }
    text += &format!(
        "\nA voter's process is told {} ms after it started.\n",
        significant(growth.starts.voter_ms),
    );
    text += "\n### Idle connections\n\n\
             | over | connections | server KiB for each | after a vote on each |\n\
             |---|---:|---:|---:|\n";
    for row in &growth.idle {
        text += &format!(
            "| {} | {} | {} | {} |\n",
            row.over,
            whole(row.connections),
            significant(row.kib),
            significant(row.voted_kib),
        );
    }
    text += "\n### With the threads\n\n\
             | shards | votes/s | server µs a vote | µs vs one |\n|---:|---:|---:|---:|\n";
    for row in &growth.shards {
        text += &format!(
            "| {} | {} | {} | {:.2} × |\n",
            row.shards,
            thousands(row.votes_a_second),
            significant(row.micros_a_vote),
            row.ratio,
        );
    }
    text
}

/// The pictures: name, title and SVG.
pub fn pictures(growth: &Growth) -> [(&'static str, &'static str, String); 1] {
    let bar = |label: String, value| Bar { label, value, ours: true };
    let rolls: Vec<_> = growth
        .rolls
        .iter()
        .map(|row| bar(format!("{} numbers", whole(row.numbers)), row.votes_a_second))
        .collect();
    let picture = |name, title, rows: &[Bar]| (name, title, bars(title, rows, Scale::Linear));
    [picture("rolls", "votes a second, by size of the roll", &rolls)]
}

/// A count with all its digits, in groups of three.
fn whole(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1_000, 50_000_000].map(whole), ["0", "999", "1,000", "50,000,000"]);
    }
}
