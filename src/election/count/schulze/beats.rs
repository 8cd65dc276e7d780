//! How many ballots prefer each name to each other: the one step that looks at every ballot.

use super::super::groups::Groups;

/// The most equal ballots that the sums of one byte hold.
const NARROW_MAX_SUM: u64 = u8::MAX as u64;

/// For each of the names, the ballots that prefer it to each name.
///
/// With 100 names, a ballot has 10,000 comparisons. They are made on bytes, many at a time, and
/// added up in bytes; these sums are added to the totals before they could overflow.
pub(super) fn preferred(groups: &Groups, names: usize) -> Vec<Vec<u64>> {
    let mut totals = vec![vec![0; names]; names];
    let mut sums = vec![0_u8; names * names];
    let mut added = 0;
    for (ranks, ballots) in groups.iter() {
        if ballots > NARROW_MAX_SUM {
            add_wide(ranks, ballots, &mut totals);
            continue;
        }
        if added + ballots > NARROW_MAX_SUM {
            flush(&mut sums, &mut totals);
            added = 0;
        }
        added += ballots;
        add_narrow(ranks, ballots as u8, &mut sums);
    }
    flush(&mut sums, &mut totals);
    totals
}

fn add_narrow(ranks: &[u8], ballots: u8, sums: &mut [u8]) {
    for (&rank, row) in ranks.iter().zip(sums.chunks_exact_mut(ranks.len())) {
        for (sum, &other) in row.iter_mut().zip(ranks) {
            // The caller knows that the sum fits.
            *sum = sum.wrapping_add(if rank < other { ballots } else { 0 });
        }
    }
}

fn add_wide(ranks: &[u8], ballots: u64, totals: &mut [Vec<u64>]) {
    for (&rank, row) in ranks.iter().zip(totals) {
        for (total, &other) in row.iter_mut().zip(ranks) {
            *total += if rank < other { ballots } else { 0 };
        }
    }
}

fn flush(sums: &mut [u8], totals: &mut [Vec<u64>]) {
    let all = totals.iter_mut().flatten().zip(sums);
    all.for_each(|(total, sum)| *total += u64::from(std::mem::take(sum)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_equal_ballots_are_added_up_alike() {
        // 1 = first, and 255 is no mark.
        let ballots: [[u8; 3]; 3] = [[1, 2, 3], [2, 2, 1], [255, 1, 255]];
        let mut groups = Groups::new(3);
        let mut expected = vec![vec![0; 3]; 3];
        for (index, number) in (0..2_000_u64).map(|it| (it as usize % 3, it % 7 * 100 + 1)) {
            let mut ranks = ballots[index];
            // So that there are many groups.
            ranks[0] = ranks[0].saturating_add(number as u8 % 50);
            groups.add(&ranks, number);
            for (one, row) in expected.iter_mut().enumerate() {
                for (other, sum) in row.iter_mut().enumerate() {
                    *sum += if ranks[one] < ranks[other] { number } else { 0 };
                }
            }
        }
        assert_eq!(preferred(&groups, 3), expected);
    }
}
