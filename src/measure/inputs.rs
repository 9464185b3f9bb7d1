//! Input values for a model: made from its graph, or read from a `.npy` or `.npz` file.
//!
//! In a `.npz` file an array belongs to the input of the same name; an array called `labels` holds the right
//! answers of a labelled set and is never an input. A model with one input takes the only other array of the
//! file, or a `.npy` file's, whatever its name. Types must be the input's own: a silent conversion would measure
//! another model than the one that is served.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use npyz::{DType, Endianness, NpyFile, Order, TypeChar};
use sha2::{Digest, Sha256};

use super::model_file::{hash_file, hex, system_words};
use super::protocol::{Fed, Feed, Source};
use crate::model::inputs::{self, Tensor, TensorData};
use crate::model::{ElementType, Port};

/// The array of right answers in a labelled set.
pub const LABELS: &str = "labels";

/// Why a file does not give a model its inputs.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Values could not be made.
    #[error(transparent)]
    Generate(#[from] inputs::InputError),
    /// Unreadable, or not what it says it is.
    #[error("cannot read input values: {problem}: {}", path.display())]
    File {
        /// What was found and what to do.
        problem: String,
        /// The file.
        path: PathBuf,
    },
}

/// What is in a file: arrays by name, without their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrays {
    path: PathBuf,
    shapes: BTreeMap<String, Vec<u64>>,
}

impl Arrays {
    /// Reads names and shapes. A `.npy` file's array has the name "" (it has none).
    pub fn open(path: &Path) -> Result<Self, FeedError> {
        let mut shapes = BTreeMap::new();
        each_array(path, |name, file| {
            shapes.insert(name.to_owned(), file.shape().to_vec());
            Ok(())
        })?;
        if shapes.is_empty() {
            return Err(error(path, "the file holds no array".to_owned()));
        }
        Ok(Self { path: path.to_owned(), shapes })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Shapes by name, [`LABELS`] among them.
    pub fn shapes(&self) -> &BTreeMap<String, Vec<u64>> {
        &self.shapes
    }

    /// The array for one of a model's `inputs`.
    pub fn array_for(&self, port: &Port, inputs: usize) -> Result<&str, FeedError> {
        if let Some((name, _)) = self.shapes.get_key_value(&port.name) {
            return Ok(name);
        }
        let mut others = self.shapes.keys().filter(|name| *name != LABELS);
        match (others.next(), others.next(), inputs) {
            (Some(only), None, 1) => Ok(only),
            _ => Err(error(
                &self.path,
                format!(
                    "no array is called `{}`, as the model's input is; the file has {}; save it with \
                     numpy.savez(file, **{{\"{}\": values}})",
                    port.name,
                    self.names(),
                    port.name
                ),
            )),
        }
    }

    /// Sizes the file gives to the dynamic dimensions of a model, by place (`images.2`), except on the batch axes.
    pub fn dims(
        &self,
        ports: &[Port],
        batch_axes: &[(&str, usize)],
    ) -> Result<BTreeMap<String, u64>, FeedError> {
        let mut dims = BTreeMap::new();
        for port in ports {
            let shape = &self.shapes[self.array_for(port, ports.len())?];
            // An array of one item may come without its batch axis.
            let missing = usize::from(shape.len() + 1 == port.shape.len());
            for (place, dim) in port.shape.iter().enumerate().skip(missing) {
                let is_batch = batch_axes.contains(&(port.name.as_str(), place));
                if let (false, crate::model::Dim::Named(_) | crate::model::Dim::Unknown, Some(size)) =
                    (is_batch, dim, shape.get(place - missing))
                {
                    dims.insert(format!("{}.{place}", port.name), *size);
                }
            }
        }
        Ok(dims)
    }

    fn names(&self) -> String {
        let names: Vec<String> =
            self.shapes.iter().map(|(name, shape)| format!("`{name}` {shape:?}")).collect();
        names.join(", ")
    }
}

/// What tells this file from others in what is kept of a measurement: its name and the first 12 hex digits of its
/// SHA-256.
pub fn identity(path: &Path) -> Result<String, FeedError> {
    let mut hash = Sha256::new();
    hash_file(path, &mut hash).map_err(|problem| error(path, system_words(&problem)))?;
    let mut digits = hex(&hash.finalize());
    digits.truncate(12);
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Ok(format!("{name} {digits}"))
}

/// The right answers of a labelled set, one for each item.
pub fn labels(path: &Path) -> Result<Vec<i64>, FeedError> {
    let mut found = None;
    each_array(path, |name, file| {
        if name == LABELS {
            found = Some(read_array(name, file)?);
        }
        Ok(())
    })?;
    let tensor = found.ok_or_else(|| error(path, format!("no array is called `{LABELS}`")))?;
    if tensor.shape.len() != 1 {
        return Err(error(path, format!("`{LABELS}` has shape {:?}, not one number an item", tensor.shape)));
    }
    whole_numbers(&tensor.data)
        .ok_or_else(|| error(path, format!("`{LABELS}` holds {:?}, not integers", tensor.data.element())))
}

/// The values of one inference, in the ports' order.
pub fn tensors(feed: &Feed) -> Result<Vec<Tensor>, FeedError> {
    match &feed.source {
        Source::Generated { seed } => feed
            .ports
            .iter()
            .map(|Fed { port, shape, name }| {
                Ok(Tensor { name: name.clone(), ..inputs::generate(port, shape, *seed)? })
            })
            .collect(),
        Source::File { path, first } => read_feed(path, *first, &feed.ports),
    }
}

/// The values of many inferences, each made when its turn comes; a labelled or plain set is read once.
pub fn all_tensors(feeds: &[Feed]) -> impl Iterator<Item = Result<Vec<Tensor>, FeedError>> {
    let mut read: BTreeMap<PathBuf, BTreeMap<String, Tensor>> = BTreeMap::new();
    feeds.iter().map(move |feed| match &feed.source {
        Source::Generated { .. } => tensors(feed),
        Source::File { path, first } => {
            let arrays = match read.entry(path.clone()) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(read_arrays(path, &feed.ports)?)
                }
            };
            cut_all(path, arrays, *first, &feed.ports)
        }
    })
}

fn read_feed(path: &Path, first: u64, ports: &[Fed]) -> Result<Vec<Tensor>, FeedError> {
    cut_all(path, &read_arrays(path, ports)?, first, ports)
}

/// The arrays of these ports, by port name.
fn read_arrays(path: &Path, ports: &[Fed]) -> Result<BTreeMap<String, Tensor>, FeedError> {
    let arrays = Arrays::open(path)?;
    let mut wanted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Fed { port, .. } in ports {
        wanted.entry(arrays.array_for(port, ports.len())?).or_default().push(&port.name);
    }
    let mut read = BTreeMap::new();
    each_array(path, |name, file| {
        if let Some(inputs) = wanted.get(name) {
            let tensor = read_array(name, file)?;
            for input in inputs {
                read.insert((*input).to_owned(), Tensor { name: (*input).to_owned(), ..tensor.clone() });
            }
        }
        Ok(())
    })?;
    Ok(read)
}

fn cut_all(
    path: &Path,
    arrays: &BTreeMap<String, Tensor>,
    first: u64,
    ports: &[Fed],
) -> Result<Vec<Tensor>, FeedError> {
    ports
        .iter()
        .map(|Fed { port, shape, name }| {
            let array = arrays
                .get(&port.name)
                .ok_or_else(|| error(path, format!("the array of input `{}` is gone", port.name)))?;
            let element = array.data.element();
            let halves = matches!(port.element, ElementType::Bfloat16) && element == ElementType::Uint16;
            if element != port.element && !halves {
                return Err(error(
                    path,
                    format!(
                        "the array for input `{}` holds {element:?}, but the model takes {:?}; convert it with \
                         values.astype(…) before saving",
                        port.name, port.element
                    ),
                ));
            }
            let mut cut = cut(array, shape, first).ok_or_else(|| {
                error(
                    path,
                    format!(
                        "the array for input `{}` has shape {:?}, but the model takes {shape:?}; only the number \
                         of items may differ",
                        port.name, array.shape
                    ),
                )
            })?;
            if halves && let TensorData::U16(bits) = cut.data {
                cut.data = TensorData::Bf16(bits);
            }
            cut.name.clone_from(name);
            Ok(cut)
        })
        .collect()
}

/// Items `first..` of `array` in the shape wanted, starting again at the first after the last; `None` when shapes
/// differ elsewhere than on one axis.
fn cut(array: &Tensor, wanted: &[u64], first: u64) -> Option<Tensor> {
    let mut shape = array.shape.clone();
    if shape.len() + 1 == wanted.len() {
        shape.insert(0, 1);
    }
    if shape.len() != wanted.len() {
        return None;
    }
    let mut different = (0..shape.len()).filter(|place| shape[*place] != wanted[*place]);
    let axis = match (different.next(), different.next()) {
        // Equal shapes: the items are along the first axis.
        (None, _) if first == 0 || shape.is_empty() => {
            return Some(Tensor { shape: wanted.to_vec(), ..array.clone() });
        }
        (None, _) => 0,
        (Some(axis), None) => axis,
        _ => return None,
    };
    let items = usize::try_from(shape[axis]).ok().filter(|items| *items > 0)?;
    let size = |dims: &[u64]| usize::try_from(dims.iter().product::<u64>()).ok();
    let outer = size(&shape[..axis])?;
    let inner = size(&shape[axis + 1..])?;
    let take = usize::try_from(wanted[axis]).ok()?;
    let first = usize::try_from(first % shape[axis]).ok()?;
    let mut places = Vec::with_capacity(outer.checked_mul(take)?);
    for block in 0..outer {
        for item in 0..take {
            places.push((block * items + (first + item) % items) * inner);
        }
    }
    Some(Tensor { name: array.name.clone(), shape: wanted.to_vec(), data: pick(&array.data, &places, inner) })
}

fn pick(data: &TensorData, places: &[usize], length: usize) -> TensorData {
    fn of<T: Clone>(values: &[T], places: &[usize], length: usize) -> Vec<T> {
        places.iter().flat_map(|place| values[*place..place + length].iter().cloned()).collect()
    }
    macro_rules! each {
        ($($kind:ident),*) => {
            match data { $(TensorData::$kind(values) => TensorData::$kind(of(values, places, length)),)* }
        };
    }
    each!(F32, F64, F16, Bf16, I8, U8, I16, U16, I32, U32, I64, U64, Bool, Text)
}

fn whole_numbers(data: &TensorData) -> Option<Vec<i64>> {
    Some(match data {
        TensorData::I8(values) => values.iter().map(|value| i64::from(*value)).collect(),
        TensorData::U8(values) => values.iter().map(|value| i64::from(*value)).collect(),
        TensorData::I16(values) => values.iter().map(|value| i64::from(*value)).collect(),
        TensorData::U16(values) => values.iter().map(|value| i64::from(*value)).collect(),
        TensorData::I32(values) => values.iter().map(|value| i64::from(*value)).collect(),
        TensorData::U32(values) => values.iter().map(|value| i64::from(*value)).collect(),
        TensorData::I64(values) => values.clone(),
        TensorData::U64(values) => {
            values.iter().map(|value| i64::try_from(*value).ok()).collect::<Option<_>>()?
        }
        _ => return None,
    })
}

/// Calls `visit` with each array of a `.npy` or `.npz` file (told apart by their first bytes, not their name).
fn each_array(
    path: &Path,
    mut visit: impl FnMut(&str, NpyFile<&mut dyn Read>) -> Result<(), String>,
) -> Result<(), FeedError> {
    let problem = |message: String| error(path, message);
    let mut file = File::open(path).map_err(|why| problem(system_words(&why)))?;
    let mut start = [0; 6];
    let length = read_start(&mut file, &mut start).map_err(|why| problem(system_words(&why)))?;
    let file = File::open(path).map_err(|why| problem(system_words(&why)))?;
    let mut reader = BufReader::new(file);
    if start[..length] == *b"\x93NUMPY" {
        let array = NpyFile::new(&mut reader as &mut dyn Read).map_err(|why| problem(why.to_string()))?;
        return visit("", array).map_err(problem);
    }
    if start[..length.min(4)] != *b"PK\x03\x04" {
        return Err(problem(
            "it is neither a .npy nor a .npz file; save one with numpy.save or numpy.savez".to_owned(),
        ));
    }
    let mut archive = zip::ZipArchive::new(reader).map_err(|why| problem(why.to_string()))?;
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).map_err(|why| problem(why.to_string()))?;
        let file_name = entry.name().map_err(|why| problem(why.to_string()))?.into_owned();
        let Some(name) = npyz::npz::array_name_from_file_name(&file_name) else { continue };
        let name = name.to_owned();
        let array = NpyFile::new(&mut entry as &mut dyn Read)
            .map_err(|why| problem(format!("array `{name}`: {why}")))?;
        visit(&name, array).map_err(|why| problem(format!("array `{name}`: {why}")))?;
    }
    Ok(())
}

fn read_start(file: &mut File, start: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < start.len() {
        match file.read(&mut start[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// Reads an array's bytes as they are, so that each type is kept exactly.
fn read_array(name: &str, file: NpyFile<&mut dyn Read>) -> Result<Tensor, String> {
    if file.order() == Order::Fortran && file.shape().len() > 1 {
        return Err("it is in Fortran order; save numpy.ascontiguousarray(values)".to_owned());
    }
    let DType::Plain(kind) = file.dtype() else {
        return Err("structured arrays are not inputs; save one array for each input".to_owned());
    };
    let shape = file.shape().to_vec();
    let size = kind.num_bytes().unwrap_or(0);
    let count = shape
        .iter()
        .try_fold(1_u64, |product, size| product.checked_mul(*size))
        .and_then(|count| usize::try_from(count).ok());
    let bytes_wanted = count.and_then(|count| count.checked_mul(size));
    let (Some(count), Some(bytes_wanted)) = (count, bytes_wanted) else {
        return Err(format!("its shape {shape:?} is too large"));
    };
    // Grows with what is really there, so that a false header cannot claim memory.
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_wanted).unwrap_or(u64::MAX);
    file.into_inner().take(limit).read_to_end(&mut bytes).map_err(|why| why.to_string())?;
    if bytes.len() != bytes_wanted {
        return Err(format!("it is cut short: {} of {bytes_wanted} bytes are there", bytes.len()));
    }
    if kind.endianness() == Endianness::Big {
        bytes.chunks_exact_mut(size.max(1)).for_each(<[u8]>::reverse);
    }
    macro_rules! values {
        ($type:ty) => {
            bytes
                .as_chunks::<{ size_of::<$type>() }>()
                .0
                .iter()
                .map(|bytes| <$type>::from_le_bytes(*bytes))
                .collect()
        };
    }
    let data = match (kind.type_char(), size) {
        (TypeChar::Float, 4) => TensorData::F32(values!(f32)),
        (TypeChar::Float, 8) => TensorData::F64(values!(f64)),
        (TypeChar::Float, 2) => TensorData::F16(values!(u16)),
        (TypeChar::Int, 1) => TensorData::I8(values!(i8)),
        (TypeChar::Int, 2) => TensorData::I16(values!(i16)),
        (TypeChar::Int, 4) => TensorData::I32(values!(i32)),
        (TypeChar::Int, 8) => TensorData::I64(values!(i64)),
        (TypeChar::Uint, 1) => TensorData::U8(bytes),
        (TypeChar::Uint, 2) => TensorData::U16(values!(u16)),
        (TypeChar::Uint, 4) => TensorData::U32(values!(u32)),
        (TypeChar::Uint, 8) => TensorData::U64(values!(u64)),
        (TypeChar::Bool, 1) => TensorData::Bool(bytes.iter().map(|byte| *byte != 0).collect()),
        (TypeChar::UnicodeStr, _) => TensorData::Text(texts(&bytes, size, count)?),
        (kind, _) => {
            return Err(format!(
                "values of numpy type `{}{size}` are not inputs; use float, int, uint, bool or U",
                kind.to_str()
            ));
        }
    };
    Ok(Tensor { name: name.to_owned(), shape, data })
}

/// numpy's `U` type: UTF-32, padded with NULs.
fn texts(bytes: &[u8], size: usize, count: usize) -> Result<Vec<String>, String> {
    if size == 0 {
        return Ok(vec![String::new(); count]);
    }
    bytes
        .chunks_exact(size)
        .map(|text| {
            text.as_chunks::<4>()
                .0
                .iter()
                .map(|code| u32::from_le_bytes(*code))
                .take_while(|code| *code != 0)
                .map(|code| char::from_u32(code).ok_or_else(|| format!("{code:#x} is no character")))
                .collect()
        })
        .collect()
}

fn error(path: &Path, problem: String) -> FeedError {
    FeedError::File { problem, path: path.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::model::{Dim, InputHint};

    fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        // Format 1.0, "numpy.lib.format" in numpy's documentation.
        let fortran = if fortran { "True" } else { "False" };
        let mut header =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}").into_bytes();
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(b' ');
        }
        header.push(b'\n');
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        file.extend(header);
        file.extend(data);
        file
    }

    fn npz(arrays: &[(&str, Vec<u8>)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut archive = zip::ZipWriter::new(file.reopen().unwrap());
        for (name, bytes) in arrays {
            archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
        file
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn port(name: &str, element: ElementType) -> Port {
        let shape = vec![Dim::Named("batch".to_owned()), Dim::Unknown];
        Port { name: name.to_owned(), element, shape, hint: InputHint::Any }
    }

    fn feed(path: &Path, shape: &[u64], first: u64) -> Feed {
        Feed {
            ports: vec![Fed {
                port: port("x", ElementType::Float32),
                shape: shape.to_vec(),
                name: "x".to_owned(),
            }],
            source: Source::File { path: path.to_owned(), first },
        }
    }

    #[test]
    fn items_are_cut_along_the_batch_and_start_again() {
        let file = npz(&[("x", npy("<f4", false, "(3, 2)", &floats(&[1., 2., 3., 4., 5., 6.])))]);
        let values = |shape: &[u64], first| tensors(&feed(file.path(), shape, first)).unwrap().remove(0).data;
        assert_eq!(values(&[1, 2], 0), TensorData::F32(vec![1., 2.]));
        assert_eq!(values(&[1, 2], 4), TensorData::F32(vec![3., 4.]));
        assert_eq!(values(&[4, 2], 2), TensorData::F32(vec![5., 6., 1., 2., 3., 4., 5., 6.]));
        assert_eq!(values(&[3, 2], 0), TensorData::F32(vec![1., 2., 3., 4., 5., 6.]));
        assert_eq!(values(&[3, 2], 1), TensorData::F32(vec![3., 4., 5., 6., 1., 2.]));
    }

    #[test]
    fn a_state_is_cut_along_its_second_axis() {
        let state = Tensor {
            name: "s".to_owned(),
            shape: vec![2, 3, 1],
            data: TensorData::I32(vec![1, 2, 3, 11, 12, 13]),
        };
        assert_eq!(cut(&state, &[2, 2, 1], 1).unwrap().data, TensorData::I32(vec![2, 3, 12, 13]));
        assert_eq!(cut(&state, &[1, 2, 1], 0), None);
    }

    #[test]
    fn one_item_may_come_without_its_batch_axis() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), npy("<f4", false, "(2,)", &floats(&[7., 8.]))).unwrap();
        let arrays = Arrays::open(file.path()).unwrap();
        let ports = [port("x", ElementType::Float32)];
        assert_eq!(arrays.dims(&ports, &[("x", 0)]).unwrap(), BTreeMap::from([("x.1".to_owned(), 2)]));
        let cut = tensors(&feed(file.path(), &[2, 2], 0)).unwrap().remove(0);
        assert_eq!(cut.data, TensorData::F32(vec![7., 8., 7., 8.]));
    }

    #[test]
    fn types_are_read_exactly_and_big_endian_is_turned() {
        let read = |descr: &str, data: &[u8]| {
            let bytes = npy(descr, false, "(1,)", data);
            let mut reader: &[u8] = &bytes;
            read_array("x", NpyFile::new(&mut reader as &mut dyn Read).unwrap()).map(|tensor| tensor.data)
        };
        assert_eq!(read(">i8", &[0, 0, 0, 0, 0, 0, 1, 0]), Ok(TensorData::I64(vec![256])));
        assert_eq!(read("<f2", &[0x00, 0x3C]), Ok(TensorData::F16(vec![0x3C00])));
        assert_eq!(read("|b1", &[1]), Ok(TensorData::Bool(vec![true])));
        assert_eq!(read("<U2", &[0xE9, 0, 0, 0, 0, 0, 0, 0]), Ok(TensorData::Text(vec!["é".to_owned()])));
        assert!(read("<c8", &[0; 8]).unwrap_err().contains("c8"));
        assert!(read("<f4", &[0; 3]).unwrap_err().contains("3 of 4 bytes"));
    }

    #[test]
    fn labels_are_told_from_inputs() {
        let labels_bytes: Vec<u8> = [3_i64, 1].iter().flat_map(|value| value.to_le_bytes()).collect();
        let images = npy("<f4", false, "(2, 1)", &floats(&[0.5, 0.25]));
        let file = npz(&[("images", images), (LABELS, npy("<i8", false, "(2,)", &labels_bytes))]);
        assert_eq!(labels(file.path()).unwrap(), [3, 1]);
        let arrays = Arrays::open(file.path()).unwrap();
        assert_eq!(arrays.array_for(&port("x", ElementType::Float32), 1).unwrap(), "images");
        let error = arrays.array_for(&port("x", ElementType::Float32), 2).unwrap_err().to_string();
        assert!(error.contains("`x`") && error.contains("`images` [2, 1]"), "{error}");
    }

    #[test]
    fn wrong_files_say_what_is_wrong() {
        let file = npz(&[("x", npy("<f8", false, "(1, 2)", &[0; 16]))]);
        let error = tensors(&feed(file.path(), &[1, 2], 0)).unwrap_err().to_string();
        assert!(error.contains("Float64") && error.contains("Float32"), "{error}");
        let file = npz(&[("x", npy("<f4", false, "(1, 3)", &floats(&[0.; 3])))]);
        let error = tensors(&feed(file.path(), &[2, 2], 0)).unwrap_err().to_string();
        assert!(error.contains("[1, 3]") && error.contains("[2, 2]"), "{error}");
        let file = npz(&[("x", npy("<f4", true, "(1, 2)", &floats(&[0.; 2])))]);
        assert!(tensors(&feed(file.path(), &[1, 2], 0)).unwrap_err().to_string().contains("Fortran"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "x,y\n").unwrap();
        assert!(Arrays::open(file.path()).unwrap_err().to_string().contains("neither"));
        // A header that claims 2^60 values of nothing.
        std::fs::write(file.path(), npy("<f4", false, "(1152921504606846976,)", &[])).unwrap();
        assert!(tensors(&feed(file.path(), &[1 << 60], 0)).is_err());
    }
}
