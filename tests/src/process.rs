//! Figures of this process, from /proc.

/// What the process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub descriptors: u64,
}

/// The figures now.
///
/// # Panics
/// Where there is no /proc.
pub fn figures() -> Figures {
    let status = std::fs::read_to_string("/proc/self/status").expect("this test needs /proc");
    let field = |name: &str| -> u64 {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|figure| figure.parse().ok())
            .unwrap_or_else(|| panic!("/proc/self/status has no {name}"))
    };
    let descriptors = std::fs::read_dir("/proc/self/fd")
        .expect("this test needs /proc")
        .count();
    Figures {
        resident_bytes: field("VmRSS:") * 1024,
        threads: field("Threads:"),
        descriptors: descriptors as u64,
    }
}

/// Threads of this process that have this name; of a longer one the system keeps the beginning.
///
/// # Panics
/// Where there is no /proc.
pub fn threads_named(name: &str) -> usize {
    const KEPT: usize = 15;
    let name: String = name.chars().take(KEPT).collect();
    let tasks = std::fs::read_dir("/proc/self/task").expect("this needs /proc");
    // One that has just ended has no name any more.
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|comm| comm.trim_end() == name).count()
}
