//! The binary: parse the arguments, then open the window or run one command. Errors are printed once, whole chain.

use std::process::ExitCode;

use inferometer::{cli, ui};

fn main() -> ExitCode {
    let arguments = cli::parse();
    cli::start_log(&arguments);
    let done = if arguments.wants_window() {
        cli::window_app(&arguments).and_then(|(app, files)| ui::run(app, files))
    } else {
        cli::run(&arguments)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli::print_error(&error);
            cli::exit_code(&error)
        }
    }
}
