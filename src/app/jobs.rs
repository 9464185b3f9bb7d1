//! Long work: on its own thread, with progress, an estimate of the time left, and cancel. What is finished is kept
//! as it comes; a panic inside becomes a message.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::measure::cancel::Cancel;

/// A job's number, unique in a process.
pub type JobId = u64;

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Done, in [0, 1]; `None` when that is not known.
    pub fraction: Option<f64>,
    /// What it is doing now.
    pub doing: String,
    /// Estimated seconds left.
    pub seconds_left: Option<f64>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All of it.
    Done,
    /// Stopped by the user; what was finished has been kept.
    Cancelled,
    /// With a message for the user.
    Failed(String),
}

/// A job that runs or has run.
#[derive(Debug)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// What it does, for people: `Measure 3 models`.
    pub title: String,
    /// How far it is.
    pub progress: Progress,
    /// How it ended; `None` while it runs.
    pub end: Option<End>,
    started: Instant,
    cancel: Cancel,
}

impl Job {
    /// Time since it started.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Asks it to stop; it ends by itself soon after.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

/// What a job sends while it runs. `E` is what it found.
enum Message<E> {
    Progress(Progress),
    Found(E),
    End(End),
}

/// A job's side of the line.
pub struct Link<E> {
    id: JobId,
    sender: Sender<(JobId, Message<E>)>,
    waker: Arc<dyn Fn() + Send + Sync>,
    /// Becomes cancelled when the user asks.
    pub cancel: Cancel,
}

impl<E> Link<E> {
    /// Tells how far it is.
    pub fn progress(&self, progress: Progress) {
        self.send(Message::Progress(progress));
    }

    /// Hands over something finished; it is kept at once.
    pub fn found(&self, found: E) {
        self.send(Message::Found(found));
    }

    fn send(&self, message: Message<E>) {
        // The receiver is gone only when the application is closing; nothing is left to tell then.
        let _ = self.sender.send((self.id, message));
        (self.waker)();
    }
}

/// All jobs of the application.
pub struct Jobs<E> {
    list: Vec<Job>,
    next: JobId,
    sender: Sender<(JobId, Message<E>)>,
    receiver: Receiver<(JobId, Message<E>)>,
    waker: Arc<dyn Fn() + Send + Sync>,
}

impl<E: Send + 'static> Jobs<E> {
    /// No jobs yet. `waker` is called from job threads whenever there is news.
    pub fn new(waker: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (sender, receiver) = channel();
        Self { list: Vec::new(), next: 1, sender, receiver, waker }
    }

    /// Sets what is called when there is news.
    pub fn set_waker(&mut self, waker: Arc<dyn Fn() + Send + Sync>) {
        self.waker = waker;
    }

    /// Starts `work` on a thread of its own.
    pub fn start(
        &mut self,
        title: String,
        work: impl FnOnce(&Link<E>) -> Result<(), String> + Send + 'static,
    ) -> JobId {
        let id = self.next;
        self.next += 1;
        let cancel = Cancel::default();
        let link =
            Link { id, sender: self.sender.clone(), waker: Arc::clone(&self.waker), cancel: cancel.clone() };
        let job =
            Job { id, title, progress: Progress::default(), end: None, started: Instant::now(), cancel };
        let name = format!("job-{id}");
        let spawned = std::thread::Builder::new().name(name).spawn(move || {
            let end = match guard(|| work(&link)) {
                Err(panic) => End::Failed(panic),
                Ok(_) if link.cancel.is_cancelled() => End::Cancelled,
                Ok(Ok(())) => End::Done,
                Ok(Err(message)) => End::Failed(message),
            };
            link.send(Message::End(end));
        });
        let mut job = job;
        if let Err(error) = spawned {
            job.end = Some(End::Failed(format!("the system refused another thread: {error}")));
        }
        self.list.push(job);
        id
    }

    /// Takes what has arrived: progress and ends are noted here, findings are returned in order.
    pub fn poll(&mut self) -> (Vec<E>, Vec<JobId>) {
        let (mut found, mut ended) = (Vec::new(), Vec::new());
        while let Ok((id, message)) = self.receiver.try_recv() {
            let Some(job) = self.list.iter_mut().find(|job| job.id == id) else { continue };
            match message {
                Message::Progress(progress) => job.progress = progress,
                Message::Found(what) => found.push(what),
                Message::End(end) => {
                    job.end = Some(end);
                    ended.push(id);
                }
            }
        }
        (found, ended)
    }

    /// Every job, oldest first.
    pub fn all(&self) -> &[Job] {
        &self.list
    }

    /// One job.
    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.list.iter().find(|job| job.id == id)
    }

    /// Jobs that have not ended.
    pub fn running(&self) -> impl Iterator<Item = &Job> {
        self.list.iter().filter(|job| job.end.is_none())
    }

    /// Forgets the jobs that `which` names.
    pub fn forget(&mut self, which: impl Fn(&Job) -> bool) {
        self.list.retain(|job| !which(job));
    }

    /// Stops everything and forgets it; what these jobs still find reaches nobody.
    pub fn restart(&mut self) {
        for job in self.running() {
            job.cancel();
        }
        (self.sender, self.receiver) = channel();
        self.list.clear();
    }
}

/// Runs something; a panic inside becomes a message.
///
/// # Errors
/// The message, when it panicked.
pub fn guard<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        format!(
            "an error in Inferometer itself stopped this work; nothing finished was lost ({})",
            panic_text(panic.as_ref())
        )
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until_ended(jobs: &mut Jobs<u32>, id: JobId) -> Vec<u32> {
        let mut all = Vec::new();
        while jobs.get(id).unwrap().end.is_none() {
            let (id, message) = jobs.receiver.recv_timeout(Duration::from_secs(20)).unwrap();
            jobs.sender.send((id, message)).unwrap();
            all.extend(jobs.poll().0);
        }
        all
    }

    #[test]
    fn a_panic_becomes_a_message_and_what_was_found_before_it_is_kept() {
        let mut jobs = Jobs::new(Arc::new(|| {}));
        let id = jobs.start("t".into(), |link| {
            link.found(7);
            panic!("boom");
        });
        assert_eq!(until_ended(&mut jobs, id), [7]);
        let Some(End::Failed(message)) = &jobs.get(id).unwrap().end else { panic!() };
        assert!(message.contains("boom"), "{message}");
    }

    #[test]
    fn a_cancelled_job_ends_as_cancelled() {
        let mut jobs = Jobs::new(Arc::new(|| {}));
        let id = jobs.start("t".into(), |link: &Link<u32>| {
            while !link.cancel.is_cancelled() {
                std::thread::yield_now();
            }
            Err("stopped half way".into())
        });
        jobs.get(id).unwrap().cancel();
        until_ended(&mut jobs, id);
        assert_eq!(jobs.get(id).unwrap().end, Some(End::Cancelled));
    }
}
