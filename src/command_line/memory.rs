//! Keeping other programs from reading the memory of this one.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Allows neither core dumps of this process nor, to programs without privileges, debuggers. Its
/// memory has links, voter numbers or votes.
pub fn protect_memory() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // Where the system refuses, the program is no worse off than without this.
    let _ = setrlimit(Resource::Core, none);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
