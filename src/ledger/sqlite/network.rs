//! Network file systems, where neither locks nor syncs hold what a ledger needs.

use std::io;
use std::path::Path;

/// The network file system that a directory is on. `None` for a local one.
///
/// # Errors
/// If the file system cannot be told.
pub fn file_system(directory: &Path) -> io::Result<Option<&'static str>> {
    #[cfg(target_os = "linux")]
    {
        // A data directory that does not exist yet is created in the nearest one that does.
        let existing = directory.ancestors().find(|it| it.exists());
        let existing = existing.filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // The number has 32 bits; the field is wider on some machines, and signed on others.
        let kind = rustix::fs::statfs(existing)?.f_type as u32;
        Ok(named(kind))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = directory;
        Ok(None)
    }
}

/// The network file system with this number, as in statfs(2) and linux/magic.h.
#[cfg(target_os = "linux")]
fn named(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0x0000_6969 => "NFS",
        0x0000_517B | 0xFE53_4D42 | 0xFF53_4D42 => "SMB",
        // Which may be sshfs or another one over a network: the number does not tell.
        0x6573_5546 => "FUSE",
        0x0102_1997 => "9P",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x00C3_6400 => "Ceph",
        0x7375_7245 => "Coda",
        0x0000_564C => "NCP",
        0x0BD0_0BD0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x1983_0326 => "BeeGFS",
        0x0116_1970 => "GFS2",
        0x7461_636F => "OCFS2",
        _ => return None,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        // ext4, XFS, Btrfs, tmpfs, ZFS, overlayfs, F2FS.
        let local =
            [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x2FC1_2FC1, 0x794C_7630, 0xF2F5_2010];
        assert!(local.into_iter().all(|kind| named(kind).is_none()));
        let network = [0x6969, 0xFF53_4D42, 0xFE53_4D42, 0x6573_5546, 0x0102_1997];
        let names = network.map(|kind| named(kind).unwrap());
        assert_eq!(names, ["NFS", "SMB", "SMB", "FUSE", "9P"]);
    }

    #[test]
    fn a_directory_that_does_not_exist_yet_is_on_the_file_system_of_its_parent() {
        let directory = tempfile::tempdir().unwrap();
        let there = file_system(directory.path()).unwrap();
        assert_eq!(file_system(&directory.path().join("a/b")).unwrap(), there);
    }
}
