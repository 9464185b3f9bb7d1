//! The desktop's own file dialog, behind a trait: it can be missing, hang, or say "nothing" for two reasons, so it
//! runs on a thread of its own and is never the only way to name a file.

use std::path::PathBuf;
use std::sync::mpsc::Sender;

/// The ways the names of files end that are offered first.
const EXTENSIONS: &[&str] = &[
    "onnx",
    "csv",
    "gz",
    "parquet",
    "npz",
    "npy",
    "inferometer",
    "json",
    "jsonl",
    "zip",
    "zst",
    "txt",
    "log",
];

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// Any number of files that exist.
    Open,
    /// A folder that exists.
    Folder,
    /// A name to write to.
    Save {
        /// Proposed file name.
        name: String,
    },
}

/// Something that can ask the user for files.
pub trait FilePicker {
    /// Asks; the answer is sent when there is one, empty when the user chose nothing or nothing could be shown.
    fn ask(&self, what: Pick, answer: Sender<Vec<PathBuf>>, waker: Box<dyn FnOnce() + Send>);
}

/// The desktop's dialog.
#[derive(Debug, Default)]
pub struct Desktop;

impl FilePicker for Desktop {
    fn ask(&self, what: Pick, answer: Sender<Vec<PathBuf>>, waker: Box<dyn FnOnce() + Send>) {
        let thread = std::thread::Builder::new().name("file dialog".to_owned());
        let spawned = thread.spawn(move || {
            let dialog = rfd::FileDialog::new();
            let paths = match what {
                Pick::Open => dialog
                    .set_title("Open files")
                    .add_filter("Models, bills, traces, results, projects", EXTENSIONS)
                    .add_filter("All files", &["*"])
                    .pick_files()
                    .unwrap_or_default(),
                Pick::Folder => dialog.set_title("Open a folder").pick_folder().into_iter().collect(),
                Pick::Save { name } => {
                    dialog.set_title("Save as").set_file_name(name).save_file().into_iter().collect()
                }
            };
            // The window may have been closed while the dialog was open.
            let _ = answer.send(paths);
            waker();
        });
        if let Err(error) = spawned {
            tracing::warn!("no thread for the file dialog: {error}");
        }
    }
}

/// Shows nothing and answers at once: for tests and for systems without a dialog.
#[derive(Debug, Default)]
pub struct NoDialog;

impl FilePicker for NoDialog {
    fn ask(&self, _what: Pick, answer: Sender<Vec<PathBuf>>, waker: Box<dyn FnOnce() + Send>) {
        let _ = answer.send(Vec::new());
        waker();
    }
}
