//! Reads a file on one thread, maps its rows on a second and builds the table of them on a third, so that unpacking and
//! splitting the next rows overlaps with working up these.
//!
//! Rows and warnings come to the end in the order of the file, however the threads run.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use super::error::BillError;
use super::formats::SourceRow;
use super::import::RowStep;
use super::row_batch::RowBatch;
use super::rows::Rows;
use super::warnings::{Place, Warnings};

/// Batches that may wait between two threads.
const WAITING: usize = 4;
/// Warnings after which their order among the rows is kept by batches only.
const EXACT: u64 = 1_000;

/// Makes rows of the store of a row of the file, on the second thread.
pub(super) type MapRow<'a> =
    dyn FnMut(&SourceRow<'_>, &mut Warnings, &mut Outlet) -> Result<(), BillError> + Send + 'a;
/// Takes rows of the store, on the third thread.
pub(super) type BuildRows<'a> = dyn FnMut(&RowBatch, &mut Warnings) -> Result<(), BillError> + Send + 'a;

/// Rows on their way.
#[derive(Default)]
struct Batch {
    rows: RowBatch,
    /// What there was to say before these rows.
    warnings: Option<Warnings>,
}

/// Where one thread hands rows to the next; batches come back empty.
pub(super) struct Outlet {
    batch: Batch,
    full: SyncSender<Batch>,
    spare: Receiver<Batch>,
    /// Warnings that ended a batch, so that they stand between the right rows.
    heard: u64,
}

/// The other end.
struct Inlet {
    full: Receiver<Batch>,
    spare: SyncSender<Batch>,
}

/// A way from one thread to another.
fn channel() -> (Outlet, Inlet) {
    let (full, batches) = sync_channel(WAITING);
    let (done, spare) = sync_channel(WAITING + 2);
    let outlet = Outlet { batch: Batch::default(), full, spare, heard: 0 };
    (outlet, Inlet { full: batches, spare: done })
}

impl Outlet {
    /// Adds a row; with `changed` it is as the one before but for these columns, if that. What was said by now comes
    /// before it.
    ///
    /// # Errors
    /// The other thread has stopped.
    pub(super) fn push(
        &mut self,
        cells: &[&str],
        changed: Option<&[usize]>,
        place: Place,
        said: &mut Warnings,
    ) -> Result<(), BillError> {
        self.say_before(said)?;
        self.batch.rows.push(cells, changed, place);
        if self.batch.rows.is_full() { self.hand_over() } else { Ok(()) }
    }

    fn say_before(&mut self, said: &mut Warnings) -> Result<(), BillError> {
        if !said.is_empty() && (self.heard < EXACT || self.batch.rows.is_empty()) {
            if !self.batch.rows.is_empty() {
                self.hand_over()?;
            }
            self.heard += 1;
            self.say(said);
        }
        Ok(())
    }

    fn say(&mut self, said: &mut Warnings) {
        let none = said.of_same_file();
        self.batch.warnings = Some(std::mem::replace(said, none));
    }

    /// Where the other thread stopped, this one only knows that nobody takes its rows.
    fn hand_over(&mut self) -> Result<(), BillError> {
        let next = self.spare.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.batch, next);
        self.full.send(full).map_err(|_stopped| BillError::Cancelled)
    }

    /// Hands over what is left, and what was said after it.
    fn end(mut self, said: &mut Warnings) -> Result<(), BillError> {
        self.hand_over()?;
        self.say(said);
        self.hand_over()
    }
}

impl Inlet {
    /// Hands each batch to `work`, after what was said before it; the inlet is gone at the end, so that the other
    /// thread learns of a failure.
    fn each(
        self,
        said: &mut Warnings,
        mut work: impl FnMut(&RowBatch, &mut Warnings) -> Result<(), BillError>,
    ) -> Result<(), BillError> {
        for mut batch in self.full {
            if let Some(before) = batch.warnings.take() {
                said.absorb(before);
            }
            work(&batch.rows, said)?;
            batch.rows.clear();
            // The other thread takes it when it needs one.
            let _ = self.spare.try_send(batch);
        }
        Ok(())
    }
}

/// Reads a file to its end: hands every row to `map`, the rows made of it to `build`, and the share that is done to
/// `step`, which is called on this thread. Returns how many rows were dropped.
///
/// # Errors
/// As [`Rows::read`], `map` and `build`; of several the one that is furthest in the way, which caused the others.
pub(super) fn run(
    rows: Rows,
    warnings: &mut Warnings,
    map: &mut MapRow<'_>,
    build: &mut BuildRows<'_>,
    step: &mut RowStep<'_>,
) -> Result<u64, BillError> {
    let mut heard = warnings.of_same_file();
    let mut said = warnings.of_same_file();
    let (mut to_map, from_reader) = channel();
    let (mut to_build, from_map) = channel();
    std::thread::scope(|threads| {
        let builder = spawn(threads, "build the table", move || {
            from_map.each(warnings, |rows, said| build(rows, said))
        })?;
        let mapper = spawn(threads, "map rows", move || {
            let mapped = from_reader.each(&mut said, |rows, said| {
                let (mut cells, mut changed) = (Vec::new(), Vec::new());
                for (number, place) in rows.places().iter().enumerate() {
                    rows.row(number, &mut cells, &mut changed);
                    // Of the first nobody knows what the row before was.
                    let changed = (number > 0).then_some(changed.as_slice());
                    map(&SourceRow { cells: &cells, place: *place, changed }, said, &mut to_build)?;
                }
                Ok(())
            });
            // What came before the row that failed is worth its warnings.
            to_build.end(&mut said).and(mapped)
        })?;
        let read =
            rows.read(&mut heard, &mut |cells, place, said| to_map.push(cells, None, place, said), step);
        // So is what was read before the file broke off.
        let read = to_map.end(&mut heard).and(read);
        let mapped = join(mapper);
        join(builder).and(mapped).and(read)
    })
}

fn spawn<'s, T: Send + 's>(
    threads: &'s Scope<'s, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 's,
) -> Result<ScopedJoinHandle<'s, T>, BillError> {
    let thread = Builder::new().name(name.to_owned());
    thread.spawn_scoped(threads, work).map_err(|source| BillError::Thread { source })
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
