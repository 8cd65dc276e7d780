//! A simulated disk with injected faults, which loses unsynced writes in a power cut.
//!
//! It is SQLite's default VFS and passes operations on to real files, so the ledger runs on it
//! unchanged. For each file in a folder that was made a [`Disk`] it keeps the content at the last
//! sync and the changes since; a power cut keeps some of these changes. Creating and deleting a
//! file count as synced at once.

mod vfs;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use capvote::ledger::OpenError;
use capvote::ledger::sqlite::Store;
use fastrand::Rng;
use tokio_util::sync::CancellationToken;

/// The ledger's mark and the folder of its keys, which are not written through SQLite. A power cut
/// keeps all of both: the ledger must not have less than the mark says, and a key is synced before
/// the ledger has anything that needs it.
const MARK: &str = "ledger.mark";
const KEYS: &str = "keys";

/// A sector is written whole or not at all.
const SECTOR_BYTES: usize = 512;

/// An operation on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reads bytes.
    Read,
    /// Writes bytes.
    Write,
    /// Makes the earlier writes durable.
    Sync,
    /// Shortens the file.
    Truncate,
}

/// A fault of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and does nothing. A failed sync also loses some of the unsynced writes for good: a
    /// later sync does not write them.
    Fails,
    /// It fails after a part of it is done.
    Torn,
    /// The disk is full.
    Full,
    /// The power is cut: this operation and all later ones fail.
    PowerCut,
}

/// Decides the fault of an operation on the file of this name.
pub type Plan = Box<dyn FnMut(Operation, &str) -> Option<Fault> + Send>;

/// A folder with simulated faults.
pub struct Disk {
    folder: PathBuf,
    state: Mutex<State>,
    /// Cancelled when the power is cut.
    off: CancellationToken,
}

struct State {
    files: BTreeMap<String, Content>,
    plan: Plan,
    rng: Rng,
    is_off: bool,
}

/// What is known of a file.
#[derive(Default)]
struct Content {
    /// The content at the last sync.
    synced: Vec<u8>,
    /// The changes since, in order.
    since: Vec<Change>,
}

enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

/// Opens the ledger in a folder that is a [`Disk`].
///
/// # Errors
/// As [`Store::open`].
///
/// # Panics
/// If the folder is no [`Disk`].
pub fn open_store(folder: &Path) -> Result<Store, OpenError> {
    let disk = vfs::mounted(folder).expect("a folder that is a disk");
    Store::open_on(folder, |log| disk.rewrite(log))
}

impl Disk {
    /// Makes the folder a disk without faults. `seed` decides what tears and power cuts leave.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn new(folder: &Path, seed: u64) -> io::Result<Arc<Self>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, Content { synced: fs::read(entry.path())?, since: Vec::new() });
        }
        Ok(Self::with(folder, files, Rng::with_seed(seed)))
    }

    fn with(folder: &Path, files: BTreeMap<String, Content>, rng: Rng) -> Arc<Self> {
        let state = Mutex::new(State { files, plan: no_faults(), rng, is_off: false });
        let disk =
            Arc::new(Self { folder: folder.to_owned(), state, off: CancellationToken::new() });
        vfs::mount(folder, &disk);
        disk
    }

    /// Replaces the plan of faults.
    pub fn plan(&self, plan: impl FnMut(Operation, &str) -> Option<Fault> + Send + 'static) {
        self.state().plan = Box::new(plan);
    }

    /// Ends the plan of faults.
    pub fn repair(&self) {
        self.state().plan = no_faults();
    }

    /// Cuts the power: all later operations fail.
    pub fn cut_power(&self) {
        self.state().is_off = true;
        self.off.cancel();
    }

    /// Whether the power is cut.
    pub fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// Resolves when the power is cut.
    pub async fn until_off(&self) {
        self.off.cancelled().await;
    }

    /// The disk after the process was killed, in another folder: it has all writes, and those that
    /// were not synced are still not.
    ///
    /// # Errors
    /// If a file cannot be copied.
    pub fn after_kill(&self, from: &Path, to: &Path) -> io::Result<Arc<Self>> {
        let State { files, rng, .. } = &mut *self.state();
        let files = std::mem::take(files);
        for name in files.keys() {
            fs::copy(from.join(name), to.join(name))?;
        }
        copy_beside(from, to)?;
        Ok(Self::with(to, files, rng.fork()))
    }

    /// The disk after a power cut, in another folder.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn after_power_cut(&self, to: &Path) -> io::Result<Arc<Self>> {
        let State { files, rng, .. } = &mut *self.state();
        let files: BTreeMap<_, _> = std::mem::take(files)
            .into_iter()
            .map(|(name, content)| {
                (name, Content { synced: content.after_power_cut(rng), since: Vec::new() })
            })
            .collect();
        for (name, content) in &files {
            fs::write(to.join(name), &content.synced)?;
        }
        copy_beside(&self.folder, to)?;
        Ok(Self::with(to, files, rng.fork()))
    }

    /// Writes a file over itself and syncs it, including writes that an earlier failed sync lost.
    fn rewrite(&self, path: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let fails = |what: &str| Err(io::Error::other(format!("the disk fails: {what}")));
        if self.fault(Operation::Read, &name).is_some() {
            return fails("a read");
        }
        let bytes = fs::read(path)?;
        match self.fault(Operation::Write, &name) {
            None => self.written(&name, 0, &bytes),
            Some(Fault::Fails) => return fails("a write"),
            Some(Fault::Torn | Fault::Full | Fault::PowerCut) => {
                self.written(&name, 0, bytes.split_at(self.torn(bytes.len())).0);
                return fails("a write");
            }
        }
        if self.fault(Operation::Sync, &name).is_some() {
            self.not_synced(&name);
            return fails("a sync");
        }
        self.synced(&name);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault of this operation, if any.
    fn fault(&self, operation: Operation, name: &str) -> Option<Fault> {
        let state = &mut *self.state();
        if state.is_off {
            return Some(Fault::PowerCut);
        }
        let fault = (state.plan)(operation, name);
        if fault == Some(Fault::PowerCut) {
            state.is_off = true;
            self.off.cancel();
        }
        fault
    }

    /// How much of a torn write is done, of this many bytes.
    fn torn(&self, bytes: usize) -> usize {
        self.state().rng.usize(0..bytes.max(1))
    }

    fn written(&self, name: &str, offset: usize, bytes: &[u8]) {
        let change = Change::Write { offset, bytes: bytes.to_vec() };
        self.state().content(name).since.push(change);
    }

    fn truncated(&self, name: &str, length: usize) {
        self.state().content(name).since.push(Change::Truncate(length));
    }

    fn synced(&self, name: &str) {
        let mut state = self.state();
        let content = state.content(name);
        let since = std::mem::take(&mut content.since);
        since.iter().for_each(|change| change.apply(&mut content.synced));
    }

    /// A sync failed: some of the unsynced changes are lost for good.
    fn not_synced(&self, name: &str) {
        let mut state = self.state();
        let mut rng = state.rng.fork();
        state.content(name).since.retain(|_| rng.bool());
    }

    fn deleted(&self, name: &str) {
        self.state().files.remove(name);
    }
}

/// Copies what is not written through SQLite.
fn copy_beside(from: &Path, to: &Path) -> io::Result<()> {
    match fs::copy(from.join(MARK), to.join(MARK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        copied => drop(copied?),
    }
    copy_keys(from, to)
}

/// Copies the keys of a data folder, if it has any.
///
/// # Errors
/// If one cannot be copied.
pub fn copy_keys(from: &Path, to: &Path) -> io::Result<()> {
    let keys = match fs::read_dir(from.join(KEYS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        keys => keys?,
    };
    fs::create_dir_all(to.join(KEYS))?;
    for key in keys {
        let key = key?;
        fs::copy(key.path(), to.join(KEYS).join(key.file_name()))?;
    }
    Ok(())
}

fn no_faults() -> Plan {
    Box::new(|_, _| None)
}

impl State {
    fn content(&mut self, name: &str) -> &mut Content {
        self.files.entry(name.to_string()).or_default()
    }
}

impl Content {
    /// The content at the last sync with some of the changes since: a disk writes sectors in any
    /// order.
    fn after_power_cut(&self, rng: &mut Rng) -> Vec<u8> {
        let mut content = self.synced.clone();
        // All and none are drawn on purpose: independent draws would rarely give them.
        let likely = [0, 10, 50, 90, 100][rng.usize(0..5)];
        for change in &self.since {
            let Change::Write { offset, bytes } = change else {
                if rng.usize(0..100) < likely {
                    change.apply(&mut content);
                }
                continue;
            };
            let (mut offset, mut rest) = (*offset, &bytes[..]);
            while !rest.is_empty() {
                let (sector, behind) =
                    rest.split_at(rest.len().min(SECTOR_BYTES - offset % SECTOR_BYTES));
                if rng.usize(0..100) < likely {
                    Change::Write { offset, bytes: sector.to_vec() }.apply(&mut content);
                }
                (offset, rest) = (offset + sector.len(), behind);
            }
        }
        content
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Self::Truncate(length) => content.truncate(*length),
        }
    }
}

/// The disks in use, by folder.
type Mounted = BTreeMap<PathBuf, std::sync::Weak<Disk>>;
