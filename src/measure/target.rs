//! A machine to measure on that is not this one: the command prefix that reaches it.
//!
//! A prefix is written as in a shell (`ssh user@host`, `kubectl exec -i pod --`, `srun -n 1`) and is run without
//! one: words are split and quotes taken off, nothing is expanded. The program and `worker` follow it. Must not know
//! what is measured there, nor where targets are kept.

use serde::{Deserialize, Serialize};

/// Another machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What people call it; one name, one target.
    pub name: String,
    /// The command prefix, a word each.
    pub command: Vec<String>,
    /// Inferometer on the other side, as one would type it there: `inferometer`, `~/bin/inferometer`,
    /// `env INFEROMETER_HOME=/data inferometer`. `ssh` hands it to the other side's shell as it is; for every other
    /// prefix it is split into words like the prefix.
    #[serde(default = "usual_program")]
    pub program: String,
}

/// The program where nobody says otherwise.
pub const USUAL_PROGRAM: &str = "inferometer";

fn usual_program() -> String {
    USUAL_PROGRAM.to_owned()
}

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing to run.
    #[error("the command that reaches the machine is empty; write one such as ssh user@host")]
    Empty,
    /// A quote is not closed, or a text ends in a backslash.
    #[error("the quotes do not match; close each one that is opened: {0}")]
    Quotes(String),
    /// `ssh` alone.
    #[error("`{0}` names no host; write one such as ssh user@host")]
    NoHost(String),
    /// A zero byte, which no command line can hold.
    #[error("a command line cannot hold a zero byte")]
    ZeroByte,
}

/// What is added to `ssh` where the user set nothing else: never ask for a password or to trust a key (nobody could
/// answer), and notice within a minute that a connection is dead.
const SSH_OPTIONS: [(&str, &str); 4] = [
    ("BatchMode", "yes"),
    ("ConnectTimeout", "20"),
    ("ServerAliveInterval", "15"),
    ("ServerAliveCountMax", "3"),
];

impl Target {
    /// A target from what was typed. Without a `name` it is called like its command, without a `program` that is
    /// [`USUAL_PROGRAM`].
    pub fn parse(name: &str, command: &str, program: &str) -> Result<Self, TargetError> {
        let words = split(command)?;
        let Some(first) = words.first() else { return Err(TargetError::Empty) };
        if is_ssh(first) && words.len() == 1 {
            return Err(TargetError::NoHost(first.clone()));
        }
        let program = if program.trim().is_empty() { USUAL_PROGRAM } else { program.trim() };
        split(program)?;
        let name = if name.trim().is_empty() { command.trim() } else { name.trim() };
        Ok(Self { name: name.to_owned(), command: words, program: program.to_owned() })
    }

    /// The command prefix as one would type it.
    pub fn prefix(&self) -> String {
        // `parse` lets no zero byte in, which alone cannot be quoted; a settings file edited by hand may.
        shlex::try_join(self.command.iter().map(String::as_str))
            .unwrap_or_else(|_zero_byte| self.command.join(" "))
    }

    /// Whether the prefix is `ssh` itself, whose options and exit codes are known.
    pub fn is_ssh(&self) -> bool {
        self.command.first().is_some_and(|first| is_ssh(first))
    }

    /// Every word of the command line that starts Inferometer there, but for its own arguments.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = self.command.clone();
        if self.is_ssh() {
            let missing = SSH_OPTIONS.iter().filter(|(key, _)| !sets(&self.command, key));
            let options = missing.flat_map(|(key, value)| ["-o".to_owned(), format!("{key}={value}")]);
            words.splice(1..1, options);
            words.push(self.program.clone());
        } else {
            words.extend(split(&self.program).unwrap_or_else(|_unclosed| vec![self.program.clone()]));
        }
        words
    }
}

fn split(text: &str) -> Result<Vec<String>, TargetError> {
    if text.contains('\0') {
        return Err(TargetError::ZeroByte);
    }
    shlex::split(text).ok_or_else(|| TargetError::Quotes(text.trim().to_owned()))
}

/// `ssh`, `/usr/bin/ssh`, `C:\…\ssh.exe`.
fn is_ssh(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word).to_ascii_lowercase();
    name == "ssh" || name == "ssh.exe"
}

/// Whether an `ssh` command line sets an option: `-o Key=value`, `-oKey=value`, `-o "Key value"`.
fn sets(command: &[String], key: &str) -> bool {
    command.iter().enumerate().any(|(place, word)| {
        let option = match word.strip_prefix("-o") {
            Some("") => command.get(place + 1).map(String::as_str),
            other => other,
        };
        option.is_some_and(|option| {
            let name = option.trim_start().split(['=', ' ', '\t']).next().unwrap_or_default();
            name.eq_ignore_ascii_case(key)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &str, program: &str) -> Vec<String> {
        Target::parse("", command, program).unwrap().words()
    }

    #[test]
    fn a_prefix_is_split_as_a_shell_would_and_comes_back_as_typed() {
        let target = Target::parse("lab", r#"srun --comment="two words" -n 1"#, "").unwrap();
        assert_eq!(target.command, ["srun", "--comment=two words", "-n", "1"]);
        assert_eq!(Target::parse("lab", &target.prefix(), "").unwrap(), target);
        assert_eq!(target.words().last().unwrap(), "inferometer");
        assert_eq!(Target::parse(" ", " kubectl exec -i p -- ", "").unwrap().name, "kubectl exec -i p --");
    }

    #[test]
    fn what_is_no_command_is_said() {
        assert_eq!(Target::parse("x", "  ", ""), Err(TargetError::Empty));
        assert_eq!(Target::parse("x", "ssh", ""), Err(TargetError::NoHost("ssh".to_owned())));
        assert!(matches!(Target::parse("x", "ssh 'host", ""), Err(TargetError::Quotes(_))));
        assert!(matches!(Target::parse("x", "ssh host", "'a"), Err(TargetError::Quotes(_))));
        assert_eq!(Target::parse("x", "a\0b", ""), Err(TargetError::ZeroByte));
    }

    #[test]
    fn ssh_never_asks_and_what_the_user_set_stays() {
        let plain = words("ssh user@host", "~/bin/inferometer");
        assert_eq!(plain[..3], ["ssh", "-o", "BatchMode=yes"]);
        assert_eq!(plain[plain.len() - 2..], ["user@host", "~/bin/inferometer"]);
        let own = words("/usr/bin/ssh -obatchmode=no -o 'ConnectTimeout 5' host", "");
        assert!(!own.iter().any(|word| word == "BatchMode=yes" || word.starts_with("ConnectTimeout=")));
        assert!(own.iter().any(|word| word == "ServerAliveInterval=15"), "{own:?}");
        assert!(!words("sshpass -e ssh host", "").iter().any(|word| word == "BatchMode=yes"));
    }

    #[test]
    fn the_program_is_words_of_its_own_but_for_a_shell_on_the_other_side() {
        assert_eq!(
            words("docker exec -i c", "env A='b c' inferometer")[4..],
            ["env", "A=b c", "inferometer"]
        );
        assert_eq!(words("ssh h", "A='b c' inferometer").last().unwrap(), "A='b c' inferometer");
    }
}
