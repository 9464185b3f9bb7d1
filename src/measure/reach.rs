//! What the end of a command that reaches another machine means: not reached, lost, or ended there.
//!
//! Only exit codes and last words tell. `ssh` ends with 255 when it cannot connect, when the connection breaks, and
//! when a signal ended the program there; shells end with 126 and 127 where a program cannot be run or is not there
//! (`ssh(1)`, "Exit status"; POSIX Shell, 2.8.2).

use super::launcher::WorkerError;
use super::target::Target;

/// How a command ended.
#[derive(Debug, Clone, Default)]
pub(super) struct End {
    /// Its exit code; `None` when a signal ended it, or when it did not end.
    pub code: Option<i32>,
    /// In words: `ended with exit code 3`, `was killed by SIGKILL`.
    pub how: String,
    /// The last lines of its standard error.
    pub stderr: Vec<String>,
}

/// `ssh`'s exit code for everything of its own.
const SSH_FAILED: i32 = 255;

/// What `ssh` says when a connection that was there breaks.
const BROKEN: [&str; 8] = [
    "closed by remote host",
    "Connection reset",
    "Connection timed out",
    "Broken pipe",
    "not responding",
    "disconnect",
    "Network is unreachable",
    "lost connection",
];

/// Why no worker greeted from `target`.
pub(super) fn not_reached(target: &Target, end: End) -> WorkerError {
    let End { code, how, stderr } = end;
    let said = |words: &str| stderr.iter().any(|line| line.contains(words));
    let program = &target.program;
    let (how, hint) = match code {
        Some(126 | 127) => (
            format!("`{program}` is not there or cannot be run (it {how})"),
            "install the same version of Inferometer there, or give the program's path",
        ),
        Some(SSH_FAILED) if target.is_ssh() => (
            "ssh could not connect".to_owned(),
            if said("Host key verification failed") {
                "connect once by hand to check and accept the host's key"
            } else if said("Permission denied") || said("Too many authentication failures") {
                "ssh must get in without asking: set up a key or an agent"
            } else {
                "try the same command by hand"
            },
        ),
        _ => (format!("the command {how} before a worker greeted"), "try the same command by hand"),
    };
    WorkerError::Unreachable { target: target.prefix(), how, hint, stderr }
}

/// Why a worker on `target` that had greeted gave no answer.
pub(super) fn lost(target: &Target, end: End) -> WorkerError {
    let End { code, how, stderr } = end;
    let broken = stderr.iter().any(|line| BROKEN.iter().any(|words| line.contains(words)));
    let name = target.prefix();
    match code {
        // The command that reached it is gone, whatever became of the worker.
        None => WorkerError::Lost { target: name, how: format!("its command {how}"), stderr },
        Some(_) if broken => WorkerError::Lost { target: name, how: format!("its command {how}"), stderr },
        Some(SSH_FAILED) if target.is_ssh() => WorkerError::Crashed {
            how: format!(
                "on `{name}` was killed there (ssh ended with exit code 255 and nothing to say of it)"
            ),
            stderr,
        },
        Some(_) => WorkerError::Crashed { how: format!("on `{name}` {how}"), stderr },
    }
}

/// Nobody greeted in time.
pub(super) fn no_greeting(target: &Target, seconds: u64, stderr: Vec<String>) -> WorkerError {
    WorkerError::Unreachable {
        target: target.prefix(),
        how: format!("no worker greeted within {seconds} s"),
        hint: "where the command waits for a password or for a machine to be free, make it start at once",
        stderr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(code: Option<i32>, stderr: &str) -> End {
        let how = code.map_or_else(
            || "was killed by SIGKILL".to_owned(),
            |code| format!("ended with exit code {code}"),
        );
        End { code, how, stderr: vec![stderr.to_owned()] }
    }

    /// The words of OpenSSH 9.2 and of dash.
    #[test]
    fn each_way_to_fail_says_what_to_do() {
        let ssh = Target::parse("", "ssh user@host", "").unwrap();
        for (code, stderr, words) in [
            (255, "user@host: Permission denied (publickey).", "set up a key"),
            (255, "Host key verification failed.", "accept the host's key"),
            (255, "ssh: connect to host host port 22: Connection refused", "ssh could not connect"),
            (127, "sh: 1: inferometer: not found", "`inferometer` is not there"),
            (1, "", "before a worker greeted"),
        ] {
            let error = not_reached(&ssh, end(Some(code), stderr));
            let text = error.to_string();
            assert!(
                text.contains(words) && text.contains(stderr) && text.contains("ssh user@host"),
                "{text}"
            );
            assert!(error.is_connection());
        }
    }

    #[test]
    fn a_broken_connection_is_told_from_a_killed_worker() {
        let ssh = Target::parse("", "ssh user@host", "").unwrap();
        let broken = lost(&ssh, end(Some(255), "Connection to host closed by remote host."));
        assert!(broken.is_connection(), "{broken}");
        assert!(broken.to_string().contains("the connection to `ssh user@host` was lost"), "{broken}");
        let killed = lost(&ssh, End { stderr: Vec::new(), ..end(Some(255), "") });
        assert!(!killed.is_connection() && killed.to_string().contains("was killed there"), "{killed}");
        assert!(lost(&ssh, end(None, "")).is_connection());
        let pod = Target::parse("", "kubectl exec -i pod --", "").unwrap();
        let ended = lost(&pod, end(Some(137), "command terminated with exit code 137"));
        assert!(!ended.is_connection() && ended.to_string().contains("exit code 137"), "{ended}");
    }
}
