//! Files appear whole or not at all, and nothing is overwritten unasked.

use std::io::Write as _;
use std::path::Path;

use super::ExportError;

/// Whether a file that is already there may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// An existing file is an error.
    No,
    /// An existing file is replaced once the new one is complete.
    Yes,
}

/// Writes beside the target and renames, so that no reader ever sees half a file.
pub fn write_file(path: &Path, bytes: &[u8], overwrite: Overwrite) -> Result<(), ExportError> {
    let io = |doing| move |source| ExportError::Io { doing, path: path.to_owned(), source };
    let exists = || ExportError::Exists { path: path.to_owned() };
    if overwrite == Overwrite::No && path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(ExportError::NoFolder { folder: folder.to_owned(), path: path.to_owned() });
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".inferometer-").suffix(".part");
    // Temporary files are private by default; an export is as readable as any file the user makes.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(io("make a file in the folder of"))?;
    file.write_all(bytes).map_err(io("write"))?;
    file.as_file().sync_all().map_err(io("write"))?;
    match overwrite {
        Overwrite::Yes => file.persist(path).map_err(|error| io("write")(error.error))?,
        // Checked again by the file system: another program may have made the file meanwhile.
        Overwrite::No => file.persist_noclobber(path).map_err(|error| {
            if error.error.kind() == std::io::ErrorKind::AlreadyExists {
                exists()
            } else {
                io("write")(error.error)
            }
        })?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_is_kept_unless_told_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chart.svg");
        write_file(&path, b"first", Overwrite::No).unwrap();
        let error = write_file(&path, b"second", Overwrite::No).unwrap_err();
        assert!(matches!(error, ExportError::Exists { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        write_file(&path, b"second", Overwrite::Yes).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "a temporary file was left behind");
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/such/folder/chart.svg");
        let error = write_file(&path, b"x", Overwrite::No).unwrap_err().to_string();
        assert!(error.contains("there is no folder") && error.ends_with("chart.svg"), "{error}");
    }
}
