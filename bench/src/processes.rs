//! What processes take: memory and processor time, as Linux tells it.

use std::collections::HashMap;
use std::fs;

/// Peak resident memory of a process, in MiB; 0 if it is gone.
pub fn peak_mib(process: u32) -> f64 {
    kib(&format!("/proc/{process}/status"), "VmHWM:") / 1024.0
}

/// Resident memory of a process, in MiB; 0 if it is gone.
pub fn memory_mib(process: u32) -> f64 {
    kib(&format!("/proc/{process}/status"), "VmRSS:") / 1024.0
}

/// The memory of a server, in MiB: that of its process at its peak. If it has processes below it,
/// what all of them have at present, of shared memory their share.
pub fn server_mib(process: u32) -> f64 {
    match &tree(process)[..] {
        [only] => peak_mib(*only),
        all => {
            let share = |id: &u32| kib(&format!("/proc/{id}/smaps_rollup"), "Pss:");
            all.iter().map(share).sum::<f64>() / 1024.0
        }
    }
}

/// Processor time so far of a process and those below it, in seconds; 0 if it is gone.
pub fn processor_seconds(process: u32) -> f64 {
    // A tick is 10 ms. The last two of the fields are of children that have ended.
    let ticks = |id: &u32| stat(*id).iter().skip(11).take(4).sum::<i64>();
    tree(process).iter().map(ticks).sum::<i64>() as f64 / 100.0
}

/// A process, and all below it.
fn tree(process: u32) -> Vec<u32> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut below: HashMap<i64, Vec<u32>> = HashMap::new();
    for id in ids {
        if let Some(parent) = stat(id).get(1) {
            below.entry(*parent).or_default().push(id);
        }
    }
    let mut tree = vec![process];
    let mut next = 0;
    while let Some(id) = tree.get(next) {
        tree.extend(below.remove(&i64::from(*id)).unwrap_or_default());
        next += 1;
    }
    tree
}

/// The numbers of a process's `stat`, from the field behind its name, its state, as 0; none if it
/// is gone.
fn stat(process: u32) -> Vec<i64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name is in parentheses, and may contain spaces.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.map(|field| field.parse().unwrap_or_default()).collect()
}

/// The value of a line such as `VmRSS: 1 kB` of a file; 0 if it has none.
fn kib(file: &str, field: &str) -> f64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn a_process_below_this_one_is_in_its_tree() {
        let mut child = process::Command::new("sleep").arg("60").spawn().unwrap();
        let found = tree(process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found[0] == process::id() && found.contains(&child.id()), "{found:?}");
        assert!(peak_mib(process::id()) >= memory_mib(process::id()) - 1.0);
        assert!(memory_mib(process::id()) > 1.0);
    }
}
