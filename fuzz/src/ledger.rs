//! An altered ledger file: it opens and can be checked and read, or it is refused.
//!
//! The input gives the edits (position and bytes) and where to truncate the file.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use arbitrary::{Result, Unstructured};
use capvote::ledger::SheetCursor;
use capvote::ledger::sqlite::Store;
use tempfile::TempDir;

use crate::scratch;

/// A ledger with an open, a closed and a draft election, and with grants.
const FILE: &[u8] = include_bytes!("../../tests/fixtures/format-1.sqlite");

const EDITS_MAX: usize = 64;

thread_local! {
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

pub(crate) fn run(input: &[u8]) {
    let mut file = FILE.to_vec();
    // An error means that the input ended: there are no more edits.
    let _ = alter(&mut file, &mut Unstructured::new(input));
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(scratch);
        for left in fs::read_dir(folder.path()).expect("a folder") {
            fs::remove_file(left.expect("a file").path()).expect("a file");
        }
        fs::write(folder.path().join("ledger.sqlite"), &file).expect("a file");
        open(folder.path());
    });
}

fn alter(file: &mut Vec<u8>, choices: &mut Unstructured<'_>) -> Result<()> {
    if choices.ratio(1, 8)? {
        file.truncate(choices.int_in_range(0..=file.len())?);
    }
    for _ in 0..EDITS_MAX {
        if choices.is_empty() || file.is_empty() {
            break;
        }
        let place = choices.int_in_range(0..=file.len() - 1)?;
        let length = choices.int_in_range(1..=8)?.min(file.len() - place);
        file[place..place + length].copy_from_slice(choices.bytes(length)?);
    }
    Ok(())
}

fn open(folder: &Path) {
    let Ok(store) = Store::open(folder) else { return };
    let reader = store.reader();
    for standing in store.snapshot().elections {
        let id = &standing.definition.id;
        let _ = reader.check(id);
        let mut cursor = SheetCursor::default();
        while let Ok((lines, next)) = reader.sheet(id, cursor, 100) {
            if lines.is_empty() {
                break;
            }
            assert!(next != cursor, "reading the sheet of {id} does not advance");
            cursor = next;
        }
    }
    assert!(store.snapshot().grants.iter().count() <= 10_000);
}
