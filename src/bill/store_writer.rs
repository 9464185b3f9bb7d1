//! Writes the store's Parquet files: as polars does, but of columns whose distinct texts are known already, so that
//! nothing needs to look for them again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use polars::prelude::*;
use polars_arrow::array::Array;
use polars_arrow::datatypes::PhysicalType;
use polars_parquet::parquet::error::ParquetError;
use polars_parquet::write::{
    CompressionOptions, Compressor, DynIter, DynStreamingIterator, Encoding, FallibleStreamingIterator as _,
    FileWriter, ParquetType, StatisticsOptions, Version, WriteOptions, ZstdLevel, array_to_columns,
};

use super::error::BillError;
use super::store::{Refused, Watched};

/// Rows that belong together in the file.
pub(super) struct RowGroup {
    /// How many.
    pub height: usize,
    /// Their columns, in the order of the schema.
    pub columns: Vec<Box<dyn Array>>,
}

/// The file being written.
struct StoreFile {
    file: FileWriter<Watched>,
    types: Vec<ParquetType>,
}

impl StoreFile {
    fn new(out: Watched, schema: &Schema) -> PolarsResult<Self> {
        let options = WriteOptions {
            statistics: StatisticsOptions::default(),
            version: Version::V1,
            compression: CompressionOptions::Zstd(Some(ZstdLevel::try_new(1)?)),
            data_page_size: None,
        };
        let file = FileWriter::try_new(out, schema.to_arrow(CompatLevel::newest()), options)?;
        let types = file.parquet_schema().fields().to_vec();
        Ok(Self { file, types })
    }

    fn write(&mut self, group: &RowGroup) -> PolarsResult<()> {
        if group.height == 0 {
            return Ok(());
        }
        let options = self.file.options();
        let mut columns = Vec::with_capacity(group.columns.len());
        for (column, kind) in group.columns.iter().zip(&self.types) {
            let encoding = match column.dtype().to_physical_type() {
                _ if column.null_count() == column.len() => Encoding::Plain,
                PhysicalType::Dictionary(_) | PhysicalType::Primitive(_) => Encoding::RleDictionary,
                _ => Encoding::Plain,
            };
            for pages in array_to_columns(column, kind.clone(), options, &[encoding])? {
                let pages = pages
                    .map(|page| page.map_err(|error| ParquetError::FeatureNotSupported(error.to_string())));
                let packed = Compressor::new_from_vec(pages, options.compression, Vec::new());
                columns.push(Ok(DynStreamingIterator::new(packed.map_err(PolarsError::from))));
            }
        }
        self.file.write(group.height as u64, DynIter::new(columns.into_iter()))
    }

    fn finish(mut self) -> PolarsResult<()> {
        self.file.end(None).map(|_bytes| ())
    }
}

/// Writes on a thread of its own, so that compressing rows overlaps with reading the next.
pub(super) struct StoreWriter {
    groups: Option<SyncSender<RowGroup>>,
    thread: Option<JoinHandle<PolarsResult<()>>>,
    /// The store's folder, and what the system says when it refuses to write there.
    folder: PathBuf,
    refused: Refused,
}

impl StoreWriter {
    /// Begins a file of the store in `folder` with these columns.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn start(out: File, folder: &Path, schema: Schema) -> Result<Self, BillError> {
        let (out, refused) = Watched::new(out);
        let (sender, groups) = sync_channel::<RowGroup>(1);
        let thread = std::thread::Builder::new()
            .name("write bill".to_owned())
            .spawn(move || {
                let mut file = StoreFile::new(out, &schema)?;
                for group in groups {
                    file.write(&group)?;
                }
                file.finish()
            })
            .map_err(|source| BillError::Thread { source })?;
        Ok(Self { groups: Some(sender), thread: Some(thread), folder: folder.to_owned(), refused })
    }

    /// Hands rows over.
    ///
    /// # Errors
    /// Those of the thread, when it has stopped.
    pub fn write(&mut self, group: RowGroup) -> Result<(), BillError> {
        if self.groups.as_ref().is_some_and(|groups| groups.send(group).is_ok()) {
            return Ok(());
        }
        self.finish()?;
        Err(self.failed(polars_err!(ComputeError: "the writer stopped early")))
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(&mut self) -> Result<(), BillError> {
        self.groups = None;
        let Some(thread) = self.thread.take() else { return Ok(()) };
        match thread.join() {
            Ok(result) => result.map_err(|source| self.failed(source)),
            Err(_panic) => Err(self.failed(polars_err!(ComputeError: "the writer failed"))),
        }
    }

    /// The system's own words where it refused.
    fn failed(&self, source: PolarsError) -> BillError {
        match self.refused.lock().ok().and_then(|mut refused| refused.take()) {
            Some(source) => BillError::Store { doing: "write a bill", path: self.folder.clone(), source },
            None => BillError::Query { doing: "write the bill's Parquet file", source },
        }
    }
}

impl Drop for StoreWriter {
    /// On an early way out the thread must be gone before its temporary file is.
    fn drop(&mut self) {
        let _ = self.finish();
    }
}
