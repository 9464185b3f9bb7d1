//! Reads a file on one thread and works its rows up on another, so that unpacking and splitting the next rows overlaps
//! with mapping these.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::error::BillError;
use super::import::RowStep;
use super::row_batch::RowBatch;
use super::rows::Rows;
use super::warnings::{Place, Warnings};

/// Bytes of text handed over at once: enough that handing over costs nothing, few enough to stay in the cache.
const BATCH_BYTES: usize = 1 << 18;
/// Batches that may wait.
const WAITING: usize = 4;
/// Warnings after which their order among the rows is kept by batches only.
const EXACT: u64 = 1_000;

/// What is done with each row, on the other thread.
pub(super) type WorkRow<'a> = dyn FnMut(&[&str], Place, &mut Warnings) -> Result<(), BillError> + Send + 'a;

/// Rows on their way.
#[derive(Default)]
struct Batch {
    rows: RowBatch,
    /// What the reader had to say before these rows.
    warnings: Option<Warnings>,
}

/// Hands every row to `row`, on another thread, and the share that is done to `step`, on this one; returns how many rows
/// were dropped. Rows and warnings come in the order of the file.
///
/// # Errors
/// As [`Rows::read`].
pub(super) fn read(
    rows: Rows,
    warnings: &mut Warnings,
    row: &mut WorkRow<'_>,
    step: &mut RowStep<'_>,
) -> Result<u64, BillError> {
    let mut said = warnings.of_same_file();
    let (full, batches) = sync_channel::<Batch>(WAITING);
    let (done, spare) = sync_channel::<Batch>(WAITING + 2);
    std::thread::scope(|threads| {
        let worker = std::thread::Builder::new()
            .name("map rows".to_owned())
            .spawn_scoped(threads, move || work(batches, &done, warnings, row))
            .map_err(|source| BillError::Thread { source })?;
        let read = fill(rows, &mut said, &full, &spare, step);
        drop(full);
        let worked = match worker.join() {
            Ok(worked) => worked,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        // Where the worker stopped, the reader only knows that nobody takes its rows.
        worked.and(read)
    })
}

/// The reading thread.
fn fill(
    rows: Rows,
    said: &mut Warnings,
    full: &SyncSender<Batch>,
    spare: &Receiver<Batch>,
    step: &mut RowStep<'_>,
) -> Result<u64, BillError> {
    let mut batch = Batch::default();
    let mut heard = 0;
    let hand_over = |batch: &mut Batch| {
        let next = spare.try_recv().unwrap_or_default();
        full.send(std::mem::replace(batch, next)).map_err(|_stopped| BillError::Cancelled)
    };
    let read = rows.read(
        said,
        &mut |cells, place, said| {
            if !said.is_empty() && (heard < EXACT || batch.rows.is_empty()) {
                if !batch.rows.is_empty() {
                    hand_over(&mut batch)?;
                }
                heard += 1;
                let none = said.of_same_file();
                batch.warnings = Some(std::mem::replace(said, none));
            }
            batch.rows.push(cells, place);
            if batch.rows.bytes() >= BATCH_BYTES {
                hand_over(&mut batch)?;
            }
            Ok(())
        },
        step,
    );
    // What was read before the file broke off is worth its warnings.
    hand_over(&mut batch)?;
    batch.warnings = Some(std::mem::replace(said, said.of_same_file()));
    hand_over(&mut batch)?;
    read
}

/// The working thread; takes the receiver, which is gone when it stops.
fn work(
    batches: Receiver<Batch>,
    done: &SyncSender<Batch>,
    warnings: &mut Warnings,
    row: &mut WorkRow<'_>,
) -> Result<(), BillError> {
    for mut batch in batches {
        if let Some(said) = batch.warnings.take() {
            warnings.absorb(said);
        }
        // Of this batch's text, so it cannot outlive it.
        let mut cells = Vec::new();
        for (number, place) in batch.rows.places().iter().enumerate() {
            batch.rows.row(number, &mut cells);
            row(&cells, *place, warnings)?;
        }
        batch.rows.clear();
        // The reader takes it when it needs one.
        let _ = done.try_send(batch);
    }
    Ok(())
}
