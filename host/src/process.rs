//! What the operating system tells of this process and this machine. Linux only; elsewhere nothing is told.

use std::path::Path;

use procfs::WithCurrentSystemInfo;
use procfs::process::{LimitValue, Process};

/// Figures of this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessFigures {
    /// Physical memory, in bytes.
    pub resident_bytes: u64,
    /// Address space, in bytes.
    pub virtual_bytes: u64,
    /// CPU time of all threads, in seconds.
    pub cpu_seconds: f64,
    /// When it began, in seconds since the epoch.
    pub start_seconds: f64,
    /// Open file descriptors.
    pub open_descriptors: u64,
    /// Most of those; none without a limit.
    pub max_descriptors: Option<u64>,
    /// Threads.
    pub threads: u64,
}

/// Figures of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineFigures {
    /// All memory, in bytes.
    pub memory_bytes: u64,
    /// Memory in use, in bytes.
    pub memory_used_bytes: u64,
    /// Size of the file system of the working directory, in bytes.
    pub disk_bytes: u64,
    /// What of it is used, in bytes.
    pub disk_used_bytes: u64,
    /// Processors that this process may use.
    pub processors: u64,
}

impl ProcessFigures {
    /// Reads them now; none where the system does not tell.
    pub fn read() -> Option<Self> {
        let process = Process::myself().ok()?;
        let stat = process.stat().ok()?;
        let ticks = procfs::ticks_per_second() as f64;
        let boot = procfs::boot_time_secs().ok()?;
        let limit = process.limits().ok()?.max_open_files.soft_limit;
        Some(Self {
            resident_bytes: stat.rss_bytes().get(),
            virtual_bytes: stat.vsize,
            cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
            start_seconds: boot as f64 + stat.starttime as f64 / ticks,
            open_descriptors: u64::try_from(process.fd_count().ok()?).unwrap_or(u64::MAX),
            max_descriptors: match limit {
                LimitValue::Value(limit) => Some(limit),
                LimitValue::Unlimited => None,
            },
            threads: u64::try_from(stat.num_threads).unwrap_or(0),
        })
    }
}

impl MachineFigures {
    /// Reads them now; none where the system does not tell.
    pub fn read() -> Option<Self> {
        use procfs::Current;
        let memory = procfs::Meminfo::current().ok()?;
        let free = memory.mem_available.unwrap_or(memory.mem_free);
        let disk = rustix::fs::statvfs(Path::new(".")).ok()?;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Some(Self {
            memory_bytes: memory.mem_total,
            memory_used_bytes: memory.mem_total.saturating_sub(free),
            disk_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
            disk_used_bytes: disk
                .f_blocks
                .saturating_sub(disk.f_bfree)
                .saturating_mul(disk.f_frsize),
            processors: processors as u64,
        })
    }
}

/// CPU time of the current thread, in seconds.
pub fn thread_cpu_seconds() -> Option<f64> {
    // Its first figure is the time on a processor in nanoseconds (Documentation/scheduler/sched-stats of Linux).
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: u64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(ns as f64 / 1e9)
}

/// Name of this machine.
pub fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_this_process_are_plausible() {
        let figures = ProcessFigures::read().unwrap();
        assert!(figures.resident_bytes > 1 << 20 && figures.virtual_bytes > figures.resident_bytes);
        assert!(figures.open_descriptors >= 3 && figures.threads >= 1);
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        assert!((0.0..86_400.0).contains(&(now - figures.start_seconds)));
        let machine = MachineFigures::read().unwrap();
        assert!(machine.memory_used_bytes < machine.memory_bytes);
        assert!(machine.disk_used_bytes < machine.disk_bytes);
    }

    #[test]
    fn the_cpu_time_of_a_thread_grows_with_its_work() {
        let before = thread_cpu_seconds().unwrap();
        let mut sum = 0_u64;
        while thread_cpu_seconds().unwrap() < before + 0.02 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
