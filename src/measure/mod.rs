//! Run and time models: the worker process, the ONNX Runtime it loads, sweeps, statistics, agreement of outputs.
//!
//! - [`runtime`] finds ONNX Runtime libraries and [`install`] fetches one; [`launcher`] starts a [`worker`] and
//!   speaks [`protocol`] with it; inside the worker, [`engine`] is the only user of ONNX Runtime
//! - a [`Point`] is a measurement: several [`Run`]s of one [`Config`]; a [`Scenario`] says how [`load`] is made
//! - [`sweep`] measures many configurations, each run in a fresh worker; [`Summary`] says what the samples say
//! - [`duel`] runs two models in turn and says which is faster
//! - [`agreement`] compares two models' outputs and counts right answers; [`inputs`] reads `.npy` and `.npz`
//! - [`breakdown`] says where the time of an inference goes: ONNX Runtime's own [`profile`] below this machine's [`roof`]
//! - a [`Target`] is another machine: the same worker there, started by a command; [`survey`] asks what it is and
//!   [`transfer`] brings files to it
//!
//! Must not know the project file, the window or the command line: callers get events and values.

pub mod agreement;
mod batches;
mod bench;
pub mod breakdown;
pub mod cancel;
pub mod duel;
pub mod engine;
mod exchange;
pub mod import;
pub mod inputs;
pub mod install;
pub mod launcher;
pub mod load;
pub mod model_file;
pub mod monitor;
mod native;
mod over_time;
mod own_folders;
mod point;
mod probe;
pub mod profile;
pub mod protocol;
mod reach;
mod resources;
pub mod roof;
pub mod runtime;
pub mod scenario;
pub mod scenario_text;
pub mod shapes;
pub mod stats;
mod summary;
pub mod survey;
pub mod sweep;
mod tally;
mod target;
pub mod transfer;
pub mod worker;

pub use point::{Config, Ended, Measured, Point, Run, Series, Trial};
pub use scenario::{Arrivals, Batcher, Optimisation, Rate, Scenario};
pub use summary::{Estimate, Summary};
pub use survey::Survey;
pub use target::{Target, TargetError, USUAL_PROGRAM};
