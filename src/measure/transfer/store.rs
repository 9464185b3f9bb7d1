//! The other side: files that were sent here, kept by their hash.
//!
//! `content/HASH` holds each content once. Beside it, `named/KEY/…` has the files of one bundle under their own
//! names, so that a model finds its external data: hard links where the file system has them, else copies. A file
//! is written under another name, checked against its hash and then renamed, so that whatever has its name is whole,
//! however many workers write at once.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{PIECE_BYTES, Part, Piece};
use crate::measure::model_file::hex;

/// Where sent files are kept.
#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
    coming: Option<Coming>,
}

/// A file that is being received.
#[derive(Debug)]
struct Coming {
    sha256: String,
    bytes: u64,
    received: u64,
    hash: Sha256,
    file: NamedTempFile,
}

/// After this, what a worker that was killed left half-written is thrown away.
const STALE: Duration = Duration::from_hours(24);

impl Store {
    /// A store below `root`, which is made when something is written.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root, coming: None }
    }

    /// Where the first of these parts lies, the others beside it under their names; or the hashes of those that are
    /// not here yet.
    pub(crate) fn have(&self, parts: &[Part]) -> Result<(Option<PathBuf>, Vec<String>), String> {
        for part in parts {
            check(part)?;
        }
        let lacking: Vec<String> = parts
            .iter()
            .filter(|part| !is_whole(&self.content(&part.sha256), part.bytes))
            .map(|part| part.sha256.clone())
            .collect();
        if !lacking.is_empty() {
            return Ok((None, lacking));
        }
        let mut key = Sha256::new();
        for part in parts {
            key.update(format!("{} {}\n", part.sha256, part.location));
        }
        let folder = self.root.join("named").join(hex(&key.finalize()));
        let mut first = None;
        for part in parts {
            let named = part.location.split('/').fold(folder.clone(), |path, name| path.join(name));
            self.give_name(part, &named)
                .map_err(|error| format!("cannot keep a sent file: {error}: {}", named.display()))?;
            first.get_or_insert(named);
        }
        Ok((first, Vec::new()))
    }

    fn give_name(&self, part: &Part, named: &Path) -> io::Result<()> {
        if is_whole(named, part.bytes) {
            return Ok(());
        }
        let folder = named.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let content = self.content(&part.sha256);
        match fs::hard_link(&content, named) {
            Ok(()) => Ok(()),
            Err(_) if is_whole(named, part.bytes) => Ok(()),
            // No hard links here, or a file of another size under that name.
            Err(_) => {
                let mut copy = NamedTempFile::new_in(folder)?;
                io::copy(&mut fs::File::open(content)?, &mut copy)?;
                copy.persist(named)?;
                Ok(())
            }
        }
    }

    /// Takes a piece; gives how many bytes of the file are here now.
    pub(crate) fn take(&mut self, piece: &Piece) -> Result<u64, String> {
        let Piece { sha256, bytes, offset, data } = piece;
        check_hash(sha256)?;
        let data =
            STANDARD.decode(data).map_err(|error| format!("a piece of a file is not base64: {error}"))?;
        if data.len() as u64 > PIECE_BYTES {
            return Err(format!("a piece of {} bytes is longer than {PIECE_BYTES}", data.len()));
        }
        let content = self.content(sha256);
        let cannot = |error: &io::Error| format!("cannot keep a sent file: {error}: {}", content.display());
        if *offset == 0 {
            let coming = self.begin(sha256, *bytes).map_err(|error| cannot(&error))?;
            self.coming = Some(coming);
        }
        let Some(coming) = self.coming.as_mut().filter(|coming| {
            coming.sha256 == *sha256 && coming.bytes == *bytes && coming.received == *offset
        }) else {
            self.coming = None;
            return Err(format!(
                "a piece from byte {offset} does not follow what was sent before; send it anew"
            ));
        };
        coming.file.write_all(&data).map_err(|error| cannot(&error))?;
        coming.hash.update(&data);
        coming.received += data.len() as u64;
        let received = coming.received;
        if received >= *bytes
            && let Some(coming) = self.coming.take()
        {
            let found = hex(&coming.hash.finalize());
            if received != *bytes || found != *sha256 {
                return Err(format!(
                    "a file was changed on its way: {received} bytes with SHA-256 {found} came instead of {bytes} \
                     with {sha256}; it was thrown away, send it again"
                ));
            }
            coming.file.as_file().sync_all().map_err(|error| cannot(&error))?;
            coming.file.persist(&content).map_err(|error| cannot(&error.error))?;
        }
        Ok(received)
    }

    fn begin(&self, sha256: &str, bytes: u64) -> io::Result<Coming> {
        let coming = self.root.join("coming");
        fs::create_dir_all(self.root.join("content"))?;
        fs::create_dir_all(&coming)?;
        throw_away_stale(&coming);
        let file = NamedTempFile::new_in(&coming)?;
        Ok(Coming { sha256: sha256.to_owned(), bytes, received: 0, hash: Sha256::new(), file })
    }

    fn content(&self, sha256: &str) -> PathBuf {
        self.root.join("content").join(sha256)
    }
}

/// Files that nobody has written to for a day. What cannot be looked at or deleted stays.
fn throw_away_stale(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let age = changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
        if age.is_some_and(|age| age > STALE) {
            let _: io::Result<()> = fs::remove_file(entry.path());
        }
    }
}

fn is_whole(path: &Path, bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes)
}

fn check(part: &Part) -> Result<(), String> {
    check_hash(&part.sha256)?;
    let location = Path::new(&part.location);
    let plain = location.components().all(|component| matches!(component, Component::Normal(_)));
    // A backslash separates names on Windows alone; what is one name here must not be two there.
    let names = part.location.split('/').all(|name| !name.is_empty() && name != "." && name != "..");
    if plain && names && !part.location.contains(['\\', ':', '\0']) {
        Ok(())
    } else {
        Err(format!("`{}` is no place beside a model; files are only kept below its folder", part.location))
    }
}

fn check_hash(sha256: &str) -> Result<(), String> {
    let digits = sha256.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if sha256.len() == 64 && digits { Ok(()) } else { Err(format!("`{sha256}` is no SHA-256")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha(bytes: &[u8]) -> String {
        hex(&Sha256::digest(bytes))
    }

    fn part(location: &str, content: &[u8]) -> Part {
        Part { location: location.to_owned(), sha256: sha(content), bytes: content.len() as u64 }
    }

    fn piece(content: &[u8], offset: usize, end: usize) -> Piece {
        Piece {
            sha256: sha(content),
            bytes: content.len() as u64,
            offset: offset as u64,
            data: STANDARD.encode(&content[offset..end]),
        }
    }

    #[test]
    fn content_is_sent_once_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::at(folder.path().to_owned());
        let (model, weights) = (b"model".as_slice(), b"many weights".as_slice());
        let parts = [part("m.onnx", model), part("sub/w.bin", weights), part("empty", b"")];
        assert_eq!(store.have(&parts).unwrap(), (None, parts.iter().map(|p| p.sha256.clone()).collect()));
        assert_eq!(store.take(&piece(model, 0, 5)), Ok(5));
        assert_eq!(store.take(&piece(weights, 0, 4)), Ok(4));
        assert_eq!(store.have(&parts).unwrap().1.len(), 2, "half a file is not there");
        assert_eq!(store.take(&piece(weights, 4, 12)), Ok(12));
        assert_eq!(store.take(&piece(b"", 0, 0)), Ok(0));
        let (placed, lacking) = store.have(&parts).unwrap();
        assert_eq!(lacking, Vec::<String>::new());
        let placed = placed.unwrap();
        assert!(placed.ends_with("m.onnx"));
        assert_eq!(fs::read(&placed).unwrap(), model);
        assert_eq!(fs::read(placed.with_file_name("sub").join("w.bin")).unwrap(), weights);

        let renamed = store.have(&[part("other.onnx", model)]).unwrap();
        assert_eq!(renamed.1, Vec::<String>::new());
        assert_eq!(fs::read(renamed.0.unwrap()).unwrap(), model);
        assert_eq!(fs::read_dir(folder.path().join("coming")).unwrap().count(), 0);
    }

    #[test]
    fn what_changed_on_its_way_is_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::at(folder.path().to_owned());
        let content = b"content";
        let bent = Piece { data: STANDARD.encode(b"contemt"), ..piece(content, 0, 7) };
        let error = store.take(&bent).unwrap_err();
        assert!(error.contains("changed on its way"), "{error}");
        assert_eq!(store.have(&[part("a", content)]).unwrap().1.len(), 1);
        assert_eq!(fs::read_dir(folder.path().join("coming")).unwrap().count(), 0);

        store.take(&piece(content, 0, 3)).unwrap();
        assert!(store.take(&piece(content, 4, 7)).unwrap_err().contains("does not follow"));
        let long = Piece { data: STANDARD.encode(vec![0; PIECE_BYTES as usize + 1]), ..piece(content, 0, 0) };
        assert!(store.take(&long).unwrap_err().contains("longer than"));
    }

    #[test]
    fn nothing_is_kept_outside_the_folder() {
        let store = Store::at(PathBuf::from("/nonexistent"));
        for location in ["../a", "/etc/a", "a/../../b", "", "a//b", "c:\\a", "a\\b", "./a", "."] {
            let error = store.have(&[Part { location: location.to_owned(), ..part("", b"x") }]).unwrap_err();
            assert!(error.contains("no place beside a model"), "{location}: {error}");
        }
        let bad = Part { sha256: "../../x".to_owned(), ..part("a", b"x") };
        assert!(store.have(&[bad]).unwrap_err().contains("no SHA-256"));
    }
}
