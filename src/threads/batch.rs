//! Scheduling a server's threads so that they do not interrupt each other.

use std::io;

/// Has the system schedule this thread, and those that it starts from here on, as batch work:
/// Linux's `SCHED_BATCH`. A thread that wakes up does then not interrupt one that is at work, but
/// waits for its turn, and finds more to do. A server under load changes threads half as often, and
/// writes more votes in each commit. Where other programs have all processors, each of its turns
/// waits for the end of theirs, a few milliseconds.
///
/// A program that only serves calls this first. It changes nothing on another system, nor where the
/// thread has a nice value or another policy than the usual one: whoever gave it has decided when
/// the thread runs.
///
/// # Errors
/// Where the system forbids it.
pub fn schedule_as_batch() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    linux::schedule_as_batch()?;
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use rustix::process::getpriority_process;
    use thread_priority::{
        Error, NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
    };

    /// The nice value 0, on the scale from 0 to 99 that the library has for all systems.
    const NOT_NICE: u8 = 48;

    pub(super) fn schedule_as_batch() -> io::Result<()> {
        // The process 0 is the calling thread.
        let is_nice = getpriority_process(None)? != 0;
        let usual = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
        if is_nice || thread_schedule_policy() != Ok(usual) {
            return Ok(());
        }
        let priority =
            ThreadPriority::Crossplatform(NOT_NICE.try_into().map_err(io::Error::other)?);
        let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
        let scheduled = set_thread_priority_and_policy(thread_native_id(), priority, policy);
        scheduled.map_err(|error| match error {
            Error::OS(code) => io::Error::from_raw_os_error(code),
            error => io::Error::other(error.to_string()),
        })
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{fs, thread};

    use super::*;

    /// The nice value and the policy of the calling thread. See `proc(5)`: fields 19 and 41.
    fn schedule() -> (String, String) {
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
        // The second field, a name in brackets, may have spaces.
        let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        (fields[19 - 3].into(), fields[41 - 3].into())
    }

    #[test]
    fn a_thread_and_those_that_it_starts_are_batch_work_and_as_nice_as_before() {
        let before = schedule();
        let of_threads = thread::spawn(|| {
            schedule_as_batch().unwrap();
            (schedule(), thread::spawn(schedule).join().unwrap())
        });
        let (nice, policy) = before.clone();
        let is_usual = (&*nice, &*policy) == ("0", "0");
        let batch = if is_usual { "3".to_string() } else { policy };
        let (own, started) = of_threads.join().unwrap();
        assert_eq!(own, (nice.clone(), batch.clone()));
        assert_eq!(started, (nice, batch));
        assert_eq!(schedule(), before);
    }

    #[test]
    fn a_thread_with_a_nice_value_is_left_alone() {
        let of_thread = thread::spawn(|| {
            rustix::process::setpriority_process(None, 15).unwrap();
            let before = schedule();
            schedule_as_batch().unwrap();
            (before, schedule())
        });
        let (before, after) = of_thread.join().unwrap();
        assert_eq!(before, after);
        assert_eq!(before.0, "15");
    }
}
