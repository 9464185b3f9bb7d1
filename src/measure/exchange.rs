//! The file in which a worker hands over outputs: for each inference the length of a JSON header (4 bytes,
//! little-endian), the header (names, shapes, floating point or not), and the values as little-endian `f64`. Temporary: never kept.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::engine::Output;
use super::model_file::hex;

/// Names and shapes of one inference's outputs, and whether each is floating point.
type Header = Vec<(String, Vec<u64>, bool)>;

/// Writes outputs, one inference after another.
pub(super) struct Writer(BufWriter<Hashed>);

/// What was written, as the other side checks it.
#[derive(Debug)]
pub(super) struct Written {
    pub file: File,
    pub bytes: u64,
    /// In lower-case hexadecimal digits.
    pub sha256: String,
}

/// A file whose content is hashed on its way.
struct Hashed {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let count = self.file.write(piece)?;
        self.hash.update(&piece[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Writer {
    /// Makes or overwrites `path`; a file without a name, gone with the process, where there is none.
    pub(super) fn create(path: Option<&Path>) -> io::Result<Self> {
        let file = path.map_or_else(tempfile::tempfile, File::create)?;
        Ok(Self(BufWriter::new(Hashed { file, hash: Sha256::new(), bytes: 0 })))
    }

    pub(super) fn write(&mut self, outputs: &[Output]) -> io::Result<()> {
        let header: Header =
            outputs.iter().map(|output| (output.name.clone(), output.shape.clone(), output.float)).collect();
        let header = serde_json::to_vec(&header)?;
        let length = u32::try_from(header.len()).map_err(io::Error::other)?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(&header)?;
        for value in outputs.iter().flat_map(|output| &output.values) {
            self.0.write_all(&value.to_le_bytes())?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<Written> {
        let Hashed { file, hash, bytes } = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Written { file, bytes, sha256: hex(&hash.finalize()) })
    }
}

/// Reads what [`Writer`] wrote.
pub(super) struct Reader(BufReader<File>);

impl Reader {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(BufReader::new(File::open(path)?)))
    }

    /// The outputs of the next inference; `None` at the end.
    pub(super) fn next_run(&mut self) -> io::Result<Option<Vec<Output>>> {
        let mut length = [0; 4];
        match self.0.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let mut header = vec![0; u32::from_le_bytes(length) as usize];
        self.0.read_exact(&mut header)?;
        let header: Header = serde_json::from_slice(&header)?;
        let mut outputs = Vec::with_capacity(header.len());
        for (name, shape, float) in header {
            let count = usize::try_from(shape.iter().product::<u64>()).map_err(io::Error::other)?;
            let mut values = Vec::new();
            let mut value = [0; 8];
            for _ in 0..count {
                self.0.read_exact(&mut value)?;
                values.push(f64::from_le_bytes(value));
            }
            outputs.push(Output { name, shape, float, values });
        }
        Ok(Some(outputs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_come_back_as_they_were() {
        let output = |name: &str, shape: &[u64], values: &[f64]| Output {
            name: name.to_owned(),
            shape: shape.to_vec(),
            float: name != "scalar",
            values: values.to_vec(),
        };
        let runs = [
            vec![output("a", &[1, 2], &[0.1, f64::INFINITY]), output("scalar", &[], &[-0.0])],
            vec![output("empty", &[0, 3], &[])],
        ];
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = Writer::create(Some(file.path())).unwrap();
        for run in &runs {
            writer.write(run).unwrap();
        }
        let written = writer.finish().unwrap();
        let content = std::fs::read(file.path()).unwrap();
        assert_eq!((written.bytes, written.sha256), (content.len() as u64, hex(&Sha256::digest(&content))));
        let mut reader = Reader::open(file.path()).unwrap();
        for run in &runs {
            assert_eq!(reader.next_run().unwrap().as_ref(), Some(run));
        }
        assert_eq!(reader.next_run().unwrap(), None);
    }
}
