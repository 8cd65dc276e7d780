//! A disk that breaks when it is told to, and forgets in a power cut what was not synced.
//!
//! It lies between SQLite and real files, as the VFS that SQLite uses unless told otherwise: what is tried on it is the
//! ledger as it is. Of every file in a folder that was made a [`Disk`], it keeps what a power cut would leave: the
//! content at the last sync, and some of what was written since. That a file is there, or deleted, is taken to be synced at
//! once.

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

/// A disk writes so many bytes all or none of them, whatever happens.
const SECTOR_BYTES: usize = 512;

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Bytes are read.
    Read,
    /// Bytes are written.
    Write,
    /// What was written is made to survive a power cut.
    Sync,
    /// The end is cut off.
    Truncate,
}

/// What goes wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and does nothing. A sync that fails loses some of what was to be synced, for good: the next one
    /// does not write it.
    Fails,
    /// It fails when a part of it is done.
    Torn,
    /// There is no room.
    Full,
    /// The power is cut. This and everything later fails.
    PowerCut,
}

/// Decides what goes wrong with an operation on the file of this name.
pub type Plan = Box<dyn FnMut(Operation, &str) -> Option<Fault> + Send>;

/// A folder whose files break.
pub struct Disk {
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

/// What a power cut may leave of a file.
#[derive(Default)]
struct Content {
    /// What was there at the last sync.
    synced: Vec<u8>,
    /// What was done since, in order.
    since: Vec<Change>,
}

enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

/// Opens the ledger in a folder that is a [`Disk`].
///
/// # Errors
/// Those of [`Store::open`].
///
/// # Panics
/// Where the folder is no disk.
pub fn open_store(folder: &Path) -> Result<Store, OpenError> {
    let disk = vfs::mounted(folder).expect("a folder that is a disk");
    Store::open_on(folder, |log| disk.rewrite(log))
}

impl Disk {
    /// Makes the folder a disk on which nothing goes wrong yet. What is drawn by lot is drawn from `seed`.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn new(folder: &Path, seed: u64) -> io::Result<Arc<Self>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, Content { synced: fs::read(entry.path())?, since: Vec::new() });
        }
        Ok(Self::with(folder, files, Rng::with_seed(seed)))
    }

    fn with(folder: &Path, files: BTreeMap<String, Content>, rng: Rng) -> Arc<Self> {
        let state = Mutex::new(State { files, plan: well(), rng, is_off: false });
        let disk = Arc::new(Self { state, off: CancellationToken::new() });
        vfs::mount(folder, &disk);
        disk
    }

    /// From here on, what goes wrong is as `plan` says.
    pub fn plan(&self, plan: impl FnMut(Operation, &str) -> Option<Fault> + Send + 'static) {
        self.state().plan = Box::new(plan);
    }

    /// From here on, nothing goes wrong.
    pub fn mend(&self) {
        self.state().plan = well();
    }

    /// Cuts the power: everything fails from here on.
    pub fn cut_power(&self) {
        self.state().is_off = true;
        self.off.cancel();
    }

    /// Whether the power is cut.
    pub fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// Returns when the power is cut.
    pub async fn is_cut(&self) {
        self.off.cancelled().await;
    }

    /// Moves what a process that is killed leaves to another folder: everything that was written, and what is not synced
    /// is not synced there either.
    ///
    /// # Errors
    /// Where that cannot be copied.
    pub fn after_kill(&self, from: &Path, to: &Path) -> io::Result<Arc<Self>> {
        let State { files, rng, .. } = &mut *self.state();
        let files = std::mem::take(files);
        for name in files.keys() {
            fs::copy(from.join(name), to.join(name))?;
        }
        Ok(Self::with(to, files, rng.fork()))
    }

    /// Puts what the disk has after a power cut into another folder.
    ///
    /// # Errors
    /// Where that cannot be written.
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
        Ok(Self::with(to, files, rng.fork()))
    }

    /// Writes a file over itself and syncs it, as far as that goes on this disk: what an earlier sync did not write is
    /// written.
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

    /// What is to go wrong with this operation.
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

    /// How much of so many bytes is written when a write is torn.
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

    /// A sync failed: what it did not write, no later one will.
    fn not_synced(&self, name: &str) {
        let mut state = self.state();
        let mut rng = state.rng.fork();
        state.content(name).since.retain(|_| rng.bool());
    }

    fn deleted(&self, name: &str) {
        self.state().files.remove(name);
    }
}

/// Nothing goes wrong.
fn well() -> Plan {
    Box::new(|_, _| None)
}

impl State {
    fn content(&mut self, name: &str) -> &mut Content {
        self.files.entry(name.to_string()).or_default()
    }
}

impl Content {
    /// The content at the last sync with some of what was written since: a disk writes in any order, and of what it
    /// was writing when the power went, some sectors.
    fn after_power_cut(&self, rng: &mut Rng) -> Vec<u8> {
        let mut content = self.synced.clone();
        // Often all or none of it; nothing in between would then be tried often enough.
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

/// Names of the folders of disks, for as long as these are in use.
type Mounted = BTreeMap<PathBuf, std::sync::Weak<Disk>>;
