//! The files of a recording: gzip, one row of them for each session, none too large or too old, and all together
//! within the bound of their folder.

use std::collections::HashMap;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::RecordingBounds;
use super::line::Line;
use crate::record::names;

/// How the names of recordings end.
const EXTENSION: &str = ".jsonl.gz";

/// How many files the bound must have room for, so that old ones go piece by piece.
const PIECES: u64 = 16;

/// The files that are being written.
pub(super) struct Files {
    dir: Dir,
    bounds: RecordingBounds,
    open: HashMap<Arc<str>, Output>,
    begun: u64,
}

/// A file that is being written.
struct Output {
    name: String,
    begun: Instant,
    packed: GzEncoder<Counted>,
}

/// Counts what is written to a file.
struct Counted {
    file: BufWriter<File>,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Files {
    pub(super) fn open(folder: &Path, bounds: RecordingBounds) -> std::io::Result<Self> {
        Dir::create_ambient_dir_all(folder, ambient_authority())?;
        Ok(Self {
            dir: Dir::open_ambient_dir(folder, ambient_authority())?,
            bounds: RecordingBounds {
                file_bytes_max: bounds.file_bytes_max.min(bounds.bytes_max / PIECES),
                ..bounds
            },
            open: HashMap::new(),
            begun: 0,
        })
    }

    pub(super) fn write(&mut self, line: &Line) -> std::io::Result<()> {
        let is_full = self.open.get(&line.session).is_some_and(|output| {
            output.packed.get_ref().bytes >= self.bounds.file_bytes_max
                || output.begun.elapsed() >= self.bounds.file_age_max
        });
        if is_full && let Some(output) = self.open.remove(&line.session) {
            output.finish()?;
        }
        if !self.open.contains_key(&line.session) {
            let output = self.begin(line)?;
            self.open.insert(line.session.clone(), output);
            self.make_room()?;
        }
        match self.open.get_mut(&line.session) {
            Some(output) => line.write(&mut output.packed),
            None => Ok(()),
        }
    }

    /// Makes everything readable that was written so far.
    pub(super) fn flush(&mut self) -> std::io::Result<()> {
        for output in self.open.values_mut() {
            output.packed.flush()?;
        }
        if self.open.is_empty() {
            return Ok(());
        }
        self.make_room()
    }

    /// Leaves the files that are open as they are.
    pub(super) fn forget(&mut self) {
        self.open.clear();
    }

    pub(super) fn finish(&mut self) -> std::io::Result<()> {
        let open = std::mem::take(&mut self.open);
        open.into_values().try_for_each(Output::finish)
    }

    fn begin(&mut self, line: &Line) -> std::io::Result<Output> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        loop {
            self.begun += 1;
            let name = names::name(line.now, &[&line.session], self.begun, EXTENSION);
            match self.dir.open_with(&name, &options) {
                // Of a process before this one, which is not to be overwritten.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                file => {
                    let file = BufWriter::new(file?);
                    return Ok(Output {
                        name,
                        begun: Instant::now(),
                        packed: GzEncoder::new(Counted { file, bytes: 0 }, Compression::fast()),
                    });
                }
            }
        }
    }

    /// Removes the oldest files until all together are within the bound; those that are open stay.
    fn make_room(&self) -> std::io::Result<()> {
        let (mut closed, mut used) = (Vec::new(), 0);
        for entry in self.dir.entries()? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !is_recording(&name) {
                continue;
            }
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            used += metadata.len();
            if self.open.values().all(|output| output.name != name) {
                closed.push((name, metadata.len()));
            }
        }
        // What the open files may still grow to.
        let growing = self.open.values().map(|_| self.bounds.file_bytes_max);
        let room = self.bounds.bytes_max.saturating_sub(growing.sum());
        closed.sort();
        for (name, bytes) in closed {
            if used <= room {
                break;
            }
            self.dir.remove_file(&name)?;
            used -= bytes;
        }
        Ok(())
    }
}

impl Output {
    fn finish(self) -> std::io::Result<()> {
        self.packed.finish()?.flush()
    }
}

/// Whether a name is one that this room gives: a file that somebody else put there is left alone.
fn is_recording(name: &str) -> bool {
    let time = name
        .get(.."20261121T013500.123Z_".len())
        .unwrap_or_default();
    let form = "00000000T000000.000Z_";
    name.ends_with(EXTENSION)
        && time.len() == form.len()
        && time
            .chars()
            .zip(form.chars())
            .all(|(c, wanted)| match wanted {
                '0' => c.is_ascii_digit(),
                wanted => c == wanted,
            })
}
