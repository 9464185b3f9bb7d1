//! Where Linux tells about the machine: `/proc` and `/sys` below a root folder, which a test may write itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The root of `/proc` and `/sys`. On systems without them every question has the answer `None`.
#[derive(Debug, Clone)]
pub struct Root(Option<PathBuf>);

impl Root {
    /// This system's own.
    pub fn system() -> Self {
        Self(cfg!(target_os = "linux").then(|| PathBuf::from("/")))
    }

    /// A folder that holds `proc` and `sys`.
    pub fn at(folder: &Path) -> Self {
        Self(Some(folder.to_owned()))
    }

    /// Whether this is the running system's own root.
    pub fn is_system(&self) -> bool {
        self.0.as_deref() == Some(Path::new("/"))
    }

    /// Whether this system has such files at all.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Where `path` (`proc/stat`) lies; `None` on a system without such files.
    pub fn path(&self, path: &str) -> Option<PathBuf> {
        self.0.as_ref().map(|root| root.join(path))
    }

    /// The text of a file without the white space around it; `None` when it is empty, absent or unreadable.
    pub fn text(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.path(path)?).ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The number that is all of a file.
    pub fn number<T: FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// Names in a folder, sorted; none when it is absent or unreadable.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = self.path(folder).and_then(|folder| fs::read_dir(folder).ok());
        let mut names: Vec<String> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// The numbers N of the names `prefixN` in a folder, ascending.
    pub fn numbered(&self, folder: &str, prefix: &str) -> Vec<u32> {
        let mut numbers: Vec<u32> =
            self.names(folder).iter().filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Numbers of the logical CPUs that are switched on, ascending.
    pub fn online_cpus(&self) -> Vec<u32> {
        self.text("sys/devices/system/cpu/online")
            .and_then(|list| cpu_list(&list))
            .unwrap_or_else(|| self.numbered("sys/devices/system/cpu", "cpu"))
    }

    /// Numbers of the CPUs this process may run on (`Cpus_allowed_list`: cpuset and affinity), ascending.
    pub fn allowed_cpus(&self) -> Option<Vec<u32>> {
        cpu_list(&self.field("proc/self/status", "Cpus_allowed_list")?)
    }

    /// `key:  value` of a file of such lines.
    pub fn field(&self, path: &str, key: &str) -> Option<String> {
        field(&self.text(path)?, key)
    }
}

/// The value of the first line `key : value`.
pub fn field(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim_end() == key && !value.trim().is_empty()).then(|| value.trim().to_owned())
    })
}

/// `VmRSS:  5124 kB` → bytes, in a file of such lines.
pub fn kilobytes(text: &str, key: &str) -> Option<u64> {
    field(text, key)?.strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
}

/// `0-3,8` → 0, 1, 2, 3, 8 (kernel documentation: the list format of `cpuset(7)`).
pub fn cpu_list(text: &str) -> Option<Vec<u32>> {
    /// More than any kernel is built for (`NR_CPUS`); a larger number is no list of CPUs.
    const MOST: u32 = 1 << 16;
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A root folder with these files, `(path, text)`.
    pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            write(root.path(), path, text);
        }
        root
    }

    /// Writes one file of a root folder.
    pub(crate) fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn lists_of_cpus() {
        assert_eq!(cpu_list("0-3,8\n"), Some(vec![0, 1, 2, 3, 8]));
        assert_eq!(cpu_list("5"), Some(vec![5]));
        for not_a_list in ["", "x", "3-1", "1,,2", "0-4294967295"] {
            assert_eq!(cpu_list(not_a_list), None, "{not_a_list}");
        }
    }

    #[test]
    fn fields_of_status_files() {
        let status = "Name:\tx\nVmHWM:\t 9000 kB\nVmRSS:\t    5124 kB\nThreads:\t3\nEmpty:\n";
        assert_eq!(kilobytes(status, "VmRSS"), Some(5124 * 1024));
        assert_eq!(kilobytes(status, "Threads"), None);
        assert_eq!(field(status, "Threads").as_deref(), Some("3"));
        assert_eq!(field(status, "Empty"), None);
        assert_eq!(
            field("model name\t: A CPU: the fast one\n", "model name").as_deref(),
            Some("A CPU: the fast one")
        );
    }

    #[test]
    fn what_cannot_be_read_is_none() {
        let root =
            folder(&[("sys/empty", "\n"), ("sys/word", "off\n"), ("sys/n", " 12 \n"), ("sys/cpu10/a", "1")]);
        let root = Root::at(root.path());
        assert_eq!(root.text("sys/empty"), None);
        assert_eq!(root.number::<u64>("sys/word"), None);
        assert_eq!(root.number::<u64>("sys/n"), Some(12));
        assert_eq!(root.number::<u64>("sys/absent"), None);
        assert_eq!(root.numbered("sys", "cpu"), [10]);
        assert_eq!(Root(None).text("proc/stat"), None);
        assert!(Root(None).names("sys").is_empty());
    }
}
