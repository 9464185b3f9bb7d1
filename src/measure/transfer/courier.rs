//! This side: finds out what the other machine lacks, sends it, and puts the other side's paths into requests.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::bundle::{Bundle, Kind};
use super::{PIECE_BYTES, Part, Piece};
use crate::measure::cancel::Cancel;
use crate::measure::launcher::{Worker, WorkerError};
use crate::measure::protocol::{Event, Feed, LaneSpec, Request, Source};

/// Remembers what has been brought to one machine.
#[derive(Debug, Default)]
pub(crate) struct Courier {
    brought: Mutex<BTreeMap<(PathBuf, Kind), Brought>>,
}

/// A file that is on the other machine.
#[derive(Debug, Clone)]
pub(crate) struct Brought {
    /// Its path there.
    pub there: PathBuf,
    /// Of the file and what belongs to it: a model's identity.
    pub sha256: String,
    /// Size and time of the last change of the file here: another one is brought again.
    stamp: Option<(u64, SystemTime)>,
}

/// Time that hashing and writing a piece, or giving names to big files, may take on the other side.
const WRITING: Duration = Duration::from_mins(5);

impl Courier {
    /// Sees to it that a file, with what belongs to it, is on the worker's machine. `on_sent` gets the bytes sent
    /// and those to be sent.
    pub(crate) fn bring(
        &self,
        worker: &mut Worker,
        path: &Path,
        kind: Kind,
        cancel: &Cancel,
        on_sent: &mut dyn FnMut(u64, u64),
    ) -> Result<Brought, WorkerError> {
        let key = (path.to_owned(), kind);
        let stamp = stamp(path);
        let known = self.brought.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known.filter(|known| known.stamp == stamp && stamp.is_some()) {
            return Ok(known);
        }
        let bundle = Bundle::read(path, kind)?;
        let there = match have(worker, &bundle.parts, cancel)? {
            (Some(there), _) => there,
            (None, lacking) => {
                send(worker, &bundle, &lacking, cancel, on_sent)?;
                let (there, lacking) = have(worker, &bundle.parts, cancel)?;
                there.ok_or_else(|| {
                    WorkerError::Protocol(format!("{} were sent and are not there", lacking.join(", ")))
                })?
            }
        };
        let brought = Brought { there, sha256: bundle.sha256, stamp };
        self.brought.lock().unwrap_or_else(PoisonError::into_inner).insert(key, brought.clone());
        Ok(brought)
    }

    /// The request with the other side's paths; what is not there yet is brought.
    pub(crate) fn carried(
        &self,
        worker: &mut Worker,
        request: &Request,
        cancel: &Cancel,
    ) -> Result<Request, WorkerError> {
        let mut request = request.clone();
        let mut bring = |path: &mut PathBuf, kind: Kind| {
            let brought = self.bring(worker, path, kind, cancel, &mut |_, _| ())?;
            *path = brought.there;
            Ok(())
        };
        let (sessions, feeds): (Vec<_>, Vec<&mut Feed>) = match &mut request {
            Request::Load { session } => (vec![session], Vec::new()),
            Request::Probe { session, feed } | Request::Profile { session, feed, .. } => {
                (vec![session], vec![feed])
            }
            Request::Bench { session, feeds, .. } | Request::Outputs { session, feeds, .. } => {
                (vec![session], feeds.iter_mut().collect())
            }
            Request::Turns { lanes, .. } => {
                lanes.iter_mut().map(|LaneSpec { session, feed }| (session, feed)).unzip()
            }
            // Runtimes are the other side's own.
            Request::Describe { .. }
            | Request::Give { .. }
            | Request::Roof { .. }
            | Request::Survey
            | Request::Have { .. }
            | Request::Put(_) => (Vec::new(), Vec::new()),
        };
        for session in sessions {
            bring(&mut session.model, Kind::Model)?;
        }
        for feed in feeds {
            if let Source::File { path, .. } = &mut feed.source {
                bring(path, Kind::File)?;
            }
        }
        if let Request::Outputs { out, .. } = &mut request {
            // A path of this machine; what is kept there is brought back.
            *out = None;
        }
        Ok(request)
    }
}

fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

fn have(
    worker: &mut Worker,
    parts: &[Part],
    cancel: &Cancel,
) -> Result<(Option<PathBuf>, Vec<String>), WorkerError> {
    let request = Request::Have { parts: parts.to_vec() };
    match worker.ask_as_it_is(&request, WRITING, cancel, &mut |_| (), &mut || ())? {
        Event::Had { path, lacking } => Ok((path, lacking)),
        other => Err(WorkerError::Protocol(format!("{other:?} instead of what files it has"))),
    }
}

/// Sends the parts with these hashes, each once.
fn send(
    worker: &mut Worker,
    bundle: &Bundle,
    lacking: &[String],
    cancel: &Cancel,
    on_sent: &mut dyn FnMut(u64, u64),
) -> Result<(), WorkerError> {
    let mut wanted: Vec<(&Part, &PathBuf)> = Vec::new();
    for (part, path) in bundle.parts.iter().zip(&bundle.paths) {
        if lacking.contains(&part.sha256) && wanted.iter().all(|(other, _)| other.sha256 != part.sha256) {
            wanted.push((part, path));
        }
    }
    let total = wanted.iter().map(|(part, _)| part.bytes).sum();
    let mut sent = 0;
    for (part, path) in wanted {
        let cannot = |error: io::Error| {
            WorkerError::Refused(format!("cannot read the file to be sent: {error}: {}", path.display()))
        };
        let mut file = File::open(path).map_err(cannot)?;
        let mut offset = 0;
        loop {
            on_sent(sent + offset, total);
            let mut data = Vec::new();
            file.seek(SeekFrom::Start(offset)).map_err(cannot)?;
            (&mut file).take(PIECE_BYTES.min(part.bytes - offset)).read_to_end(&mut data).map_err(cannot)?;
            if data.is_empty() && offset < part.bytes {
                return Err(WorkerError::Refused(format!(
                    "the file became shorter while it was being sent; leave it alone and try again: {}",
                    path.display()
                )));
            }
            let piece = Piece {
                sha256: part.sha256.clone(),
                bytes: part.bytes,
                offset,
                data: STANDARD.encode(&data),
            };
            match worker.ask_as_it_is(&Request::Put(piece), WRITING, cancel, &mut |_| (), &mut || ())? {
                Event::Taken { bytes } if bytes == offset + data.len() as u64 => offset = bytes,
                other => {
                    return Err(WorkerError::Protocol(format!("{other:?} instead of having taken a piece")));
                }
            }
            if offset >= part.bytes {
                break;
            }
        }
        sent += offset;
    }
    on_sent(total, total);
    Ok(())
}
