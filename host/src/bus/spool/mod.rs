//! What one session still owes to JetStream, on disk: files of records that are only ever appended to, the oldest file
//! removed once nothing in it is owed any more.
//!
//! What is written survives the death of this process at any moment, because the system holds it. A power cut may cost
//! what the system had not yet brought to the disk, usually the last half minute: a record is not synced by itself,
//! which would take milliseconds each. What a cut tears is recognised by its checksum and left out; a message of which
//! it took the note that it is stored is sent once more. Everything goes through the folder's handle, and one process
//! at a time has it.

mod record;

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};

use crate::wire::Message;
use record::Record;

/// Ends the name of every file of records.
const EXTENSION: &str = ".spool";

/// Who holds it has the folder.
const LOCK: &str = "lock";

/// Largest file, and a share of what the spool may take: files go whole.
const FILE_BYTES_MAX: u64 = 1 << 20;
const FILES: u64 = 16;

/// A file in which nothing is owed any more is left behind when it is as large as this.
const STALE_BYTES: u64 = 64 << 10;

/// How much a spool may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolBounds {
    /// Most bytes of a session's files.
    pub bytes_max: u64,
    /// Older messages are dropped.
    pub age_max: Duration,
}

impl Default for SpoolBounds {
    fn default() -> Self {
        Self {
            bytes_max: 64 << 20,
            age_max: Duration::from_secs(48 * 3_600),
        }
    }
}

/// Where a message stands in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of its file; older files have smaller ones.
    pub(super) file: u64,
    offset: u64,
    length: usize,
}

/// The spool of one session.
#[derive(Debug)]
pub(super) struct Spool {
    dir: Dir,
    /// Held as long as this lives.
    _lock: std::fs::File,
    bytes_max: u64,
    /// Oldest first; the last one is written to while there is an output.
    files: VecDeque<Segment>,
    output: Option<File>,
    /// The file that was read last.
    input: Option<(u64, File)>,
    /// What could not be noted as done yet.
    undone: Vec<u64>,
    next_file: u64,
}

/// One file.
#[derive(Debug)]
struct Segment {
    number: u64,
    bytes: u64,
    /// Messages in it that are still owed.
    owed: u64,
}

/// What a spool held when it was opened.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What is owed, in its order, without payloads.
    pub(super) messages: BTreeMap<u64, (Message, Place)>,
    /// Bytes at ends of files that are no records.
    pub(super) torn_bytes: u64,
    /// Files with such an end.
    pub(super) torn: u64,
    /// Number of the next message.
    pub(super) next: u64,
}

impl Spool {
    /// Opens the spool of a session in `folder`, makes it where there is none, and reads what it holds.
    ///
    /// # Errors
    /// Those of the file system; when another process has it.
    pub(super) fn open(
        folder: &Path,
        session: &str,
        bytes_max: u64,
    ) -> std::io::Result<(Self, Found)> {
        let authority = ambient_authority();
        Dir::create_ambient_dir_all(folder, authority)?;
        let parent = Dir::open_ambient_dir(folder, authority)?;
        parent.create_dir_all(session)?;
        let dir = parent.open_dir(session)?;
        let lock = dir.create(LOCK)?.into_std();
        lock.try_lock()
            .map_err(|_| std::io::Error::other("another process uses this spool"))?;
        let mut spool = Self {
            dir,
            _lock: lock,
            bytes_max,
            files: VecDeque::new(),
            output: None,
            input: None,
            undone: Vec::new(),
            next_file: 0,
        };
        let found = spool.read_all()?;
        spool.forget_done();
        Ok((spool, found))
    }

    /// Writes a message down.
    ///
    /// # Errors
    /// Those of the file system: the message is not in the spool.
    pub(super) fn put(&mut self, number: u64, message: &Message) -> std::io::Result<Place> {
        let record = record::message(number, message)
            .ok_or_else(|| std::io::Error::other("the message is too long for the spool"))?;
        self.note_undone();
        let (file, offset) = self.append(&record)?;
        if let Some(segment) = self.files.back_mut() {
            segment.owed += 1;
        }
        Ok(Place {
            file,
            offset,
            length: record.len(),
        })
    }

    /// Notes that a message is owed no more.
    pub(super) fn done(&mut self, number: u64, place: Place) {
        self.undone.push(number);
        self.note_undone();
        if let Some(segment) = self.files.iter_mut().find(|it| it.number == place.file) {
            segment.owed = segment.owed.saturating_sub(1);
        }
        let is_stale = self
            .files
            .back()
            .is_some_and(|last| last.owed == 0 && last.bytes >= STALE_BYTES);
        if is_stale && self.files.iter().all(|it| it.owed == 0) {
            self.output = None;
        }
        self.forget_done();
    }

    /// Reads the payload of a message.
    ///
    /// # Errors
    /// Those of the file system; when what stands there is not what was written.
    pub(super) fn read(&mut self, place: Place) -> std::io::Result<Bytes> {
        let kept = self
            .input
            .take()
            .filter(|(number, _)| *number == place.file);
        let mut file = match kept {
            Some((_, file)) => file,
            None => self.dir.open(file_name(place.file))?,
        };
        let mut bytes = vec![0; place.length];
        file.seek(SeekFrom::Start(place.offset))?;
        file.read_exact(&mut bytes)?;
        self.input = Some((place.file, file));
        match record::read(&bytes) {
            Some((Record::Message { message, .. }, _)) => Ok(message.payload),
            _ => Err(std::io::Error::other("the spool was changed by somebody")),
        }
    }

    /// The file that has to go so that the spool is within its bounds, if one has to.
    pub(super) fn too_much(&self) -> Option<u64> {
        let oldest = self.files.front()?;
        (self.bytes() > self.bytes_max).then_some(oldest.number)
    }

    /// Removes a file with all that is owed in it.
    pub(super) fn remove(&mut self, number: u64) {
        if self.files.back().is_some_and(|last| last.number == number) {
            self.output = None;
        }
        if let Some(segment) = self.files.iter_mut().find(|it| it.number == number) {
            segment.owed = 0;
        }
        self.forget_done();
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|segment| segment.bytes).sum()
    }

    /// Reads every file, oldest first, and cuts off what is no record.
    fn read_all(&mut self) -> std::io::Result<Found> {
        let mut numbers = Vec::new();
        for entry in self.dir.entries()? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let number = name.strip_suffix(EXTENSION).map(str::parse::<u64>);
            if let Some(Ok(number)) = number {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        let mut found = Found::default();
        for number in numbers {
            self.read_file(number, &mut found)?;
            self.next_file = number.saturating_add(1);
        }
        for (_, place) in found.messages.values() {
            if let Some(segment) = self.files.iter_mut().find(|it| it.number == place.file) {
                segment.owed += 1;
            }
        }
        Ok(found)
    }

    fn read_file(&mut self, number: u64, found: &mut Found) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let mut file = self.dir.open_with(file_name(number), &options)?;
        let length = file.metadata()?.len();
        let bytes_max = FILE_BYTES_MAX + record::BODY_BYTES_MAX as u64;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file)
            .take(bytes_max)
            .read_to_end(&mut bytes)?;
        let mut rest = bytes.as_slice();
        let mut offset = 0;
        while let Some((record, length)) = record::read(rest) {
            match record {
                Record::Message {
                    number: it,
                    message,
                } => {
                    let place = Place {
                        file: number,
                        offset,
                        length,
                    };
                    found.next = found.next.max(it.saturating_add(1));
                    let message = Message {
                        payload: Bytes::new(),
                        ..message
                    };
                    found.messages.insert(it, (message, place));
                }
                Record::Done { number } => {
                    found.messages.remove(&number);
                }
            }
            offset += length as u64;
            rest = rest.get(length..).unwrap_or_default();
        }
        if offset < length {
            found.torn += 1;
            found.torn_bytes += length - offset;
            file.set_len(offset)?;
        }
        self.files.push_back(Segment {
            number,
            bytes: offset,
            owed: 0,
        });
        Ok(())
    }

    /// Notes what could not be noted before; what cannot be noted now waits.
    fn note_undone(&mut self) {
        while let Some(number) = self.undone.last() {
            let Some(record) = record::done(*number) else {
                return;
            };
            if self.append(&record).is_err() {
                return;
            }
            self.undone.pop();
        }
    }

    /// Appends a record; tells where it stands.
    fn append(&mut self, record: &[u8]) -> std::io::Result<(u64, u64)> {
        let file_bytes_max = (self.bytes_max / FILES).min(FILE_BYTES_MAX);
        let is_full = self
            .files
            .back()
            .is_some_and(|last| last.bytes >= file_bytes_max);
        if is_full {
            self.output = None;
        }
        let mut output = match self.output.take() {
            Some(output) => output,
            None => self.begin_file()?,
        };
        let Some(segment) = self.files.back_mut() else {
            return Err(std::io::Error::other("no file"));
        };
        // One call, so that the file holds either all of it or a torn end.
        if let Err(error) = output.write_all(record) {
            // What got there would stand before the next record. The next one begins a file of its own.
            let _ = output.set_len(segment.bytes);
            return Err(error);
        }
        let offset = segment.bytes;
        segment.bytes += record.len() as u64;
        self.output = Some(output);
        Ok((segment.number, offset))
    }

    fn begin_file(&mut self) -> std::io::Result<File> {
        let number = self.next_file;
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        let file = self.dir.open_with(file_name(number), &options)?;
        self.next_file = number.saturating_add(1);
        self.files.push_back(Segment {
            number,
            bytes: 0,
            owed: 0,
        });
        Ok(file)
    }

    /// Removes the oldest files as long as nothing in them is owed. Never one behind another that stays: it may hold
    /// what tells that messages of the former are done.
    fn forget_done(&mut self) {
        while let Some(oldest) = self.files.front() {
            let is_written_to = self.files.len() == 1 && self.output.is_some();
            if oldest.owed > 0 || is_written_to {
                return;
            }
            let name = file_name(oldest.number);
            self.input = self.input.take().filter(|(it, _)| *it != oldest.number);
            // A file that stays costs room and a comparison after the next start.
            if let Err(error) = self.dir.remove_file(&name) {
                tracing::warn!("the spool's file {name} cannot be removed: {error}");
            }
            self.files.pop_front();
        }
    }
}

/// The sessions that have a spool in `folder`.
pub(super) fn sessions(folder: &Path) -> Vec<String> {
    let names = || {
        let dir = Dir::open_ambient_dir(folder, ambient_authority())?;
        let mut names = Vec::new();
        for entry in dir.entries()? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok::<_, std::io::Error>(names)
    };
    names().unwrap_or_default()
}

fn file_name(number: u64) -> String {
    format!("{number:020}{EXTENSION}")
}

#[cfg(test)]
mod tests;
