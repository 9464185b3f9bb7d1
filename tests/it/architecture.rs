//! The rules of the house, as tests: who may import whom, who stays pure, who alone may use a library.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each module and the modules it may import, besides itself. The order of ARCHITECTURE.md; never turned round.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("model", &["units"]),
    ("hardware", &["units"]),
    ("chart", &["units"]),
    ("measure", &["units", "model", "hardware", "chart"]),
    ("bill", &["units", "model", "hardware", "chart"]),
    ("demand", &["units", "model", "hardware", "chart", "bill"]),
    ("plan", &["units", "model", "hardware", "chart", "measure", "bill", "demand"]),
    ("app", &["units", "model", "hardware", "chart", "measure", "bill", "demand", "plan"]),
    ("plot", &["chart", "units"]),
    ("report", &["units", "model", "hardware", "chart", "measure", "bill", "demand", "plan", "app", "plot"]),
    (
        "ui",
        &[
            "units", "model", "hardware", "chart", "measure", "bill", "demand", "plan", "app", "plot",
            "report",
        ],
    ),
    (
        "cli",
        &[
            "units", "model", "hardware", "chart", "measure", "bill", "demand", "plan", "app", "plot",
            "report",
        ],
    ),
];

/// Libraries that only some modules may use.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("polars", &["bill"]),
    ("polars_parquet", &["bill"]),
    ("adbc_core", &["bill"]),
    ("adbc_driver_manager", &["bill"]),
    ("arrow_array", &["bill"]),
    ("arrow_schema", &["bill"]),
    ("ort", &["measure"]),
    ("rusqlite", &["app"]),
    ("nvml_wrapper", &["hardware"]),
    ("eframe", &["ui"]),
    ("rfd", &["ui"]),
    ("egui_tiles", &["ui"]),
    ("egui_extras", &["ui"]),
    ("egui_plot", &["plot"]),
    ("egui", &["plot", "report", "ui"]),
    ("resvg", &["report"]),
    ("usvg", &["report"]),
    ("clap", &["cli"]),
];

/// Modules without a clock, a disk, a process or an environment.
const PURE: &[&str] = &["units", "model", "chart", "plan"];
const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::process",
    "std::net",
    "SystemTime",
    "Instant::now",
    "File::open",
    "Utc::now",
];

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Every source line outside comments and outside tests, by module: `(file, line number, text)`.
fn lines() -> BTreeMap<String, Vec<(PathBuf, usize, String)>> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for file in rust_files(&src) {
        let within = file.strip_prefix(&src).unwrap();
        let module = within.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            if line.starts_with("#[cfg(test)]") {
                break;
            }
            let code = line.split("//").next().unwrap_or_default();
            modules.entry(module.clone()).or_default().push((file.clone(), number + 1, code.to_owned()));
        }
    }
    modules
}

/// Whether `word` stands in `code` as a path of its own: not as a part of a longer name.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + word.len()..];
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') && after.starts_with("::")
    })
}

/// The modules that a source names by `crate::…`: paths and (nested, many-line) `use` groups.
fn crate_names(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in source.match_indices("crate::") {
        if source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = source[at + "crate::".len()..].trim_start();
        let ident = |text: &str| -> String {
            text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        let Some(group) = rest.strip_prefix('{') else {
            names.push(ident(rest));
            continue;
        };
        let mut depth = 0;
        let mut item = String::new();
        for letter in group.chars() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => names.push(ident(std::mem::take(&mut item).trim())),
                _ if depth == 0 => item.push(letter),
                _ => {}
            }
        }
        names.push(ident(item.trim()));
    }
    names
}

#[test]
fn the_checker_sees_every_way_to_name_a_module() {
    let source = "use crate::ui;\nuse crate::{\n    app::{self, App},\n    units,\n};\nlet x = crate::plan::answer();\n";
    assert_eq!(crate_names(source), ["ui", "app", "units", "", "plan"]);
}

#[test]
fn imports_only_point_up_the_list() {
    let lines = lines();
    let known: Vec<&str> = MAY_IMPORT.iter().map(|(module, _)| *module).collect();
    let mut wrong = Vec::new();
    for (module, allowed) in MAY_IMPORT {
        let mut files: BTreeMap<&PathBuf, String> = BTreeMap::new();
        for (file, _, code) in lines.get(*module).unwrap_or_else(|| panic!("no module {module}")) {
            let source = files.entry(file).or_default();
            source.push_str(code);
            source.push('\n');
        }
        for (file, source) in files {
            for other in crate_names(&source) {
                let is_module = known.contains(&other.as_str());
                if is_module && other != *module && !allowed.contains(&other.as_str()) {
                    wrong.push(format!("{}: {module} imports {other}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let strange: Vec<&String> = lines
        .keys()
        .filter(|module| !known.contains(&module.as_str()) && !["lib", "main"].contains(&module.as_str()))
        .collect();
    assert!(strange.is_empty(), "give these a place in the list: {strange:?}");
}

#[test]
fn each_library_is_used_only_where_it_belongs() {
    let mut wrong = Vec::new();
    for (module, lines) in lines() {
        for (file, number, code) in lines {
            for (library, allowed) in ONLY_IN {
                if names(&code, library) && !allowed.contains(&module.as_str()) {
                    wrong.push(format!("{}:{number}: {module} uses {library}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_modules_have_no_clock_and_no_disk() {
    let mut wrong = Vec::new();
    for (module, lines) in lines() {
        if PURE.contains(&module.as_str()) {
            for (file, number, code) in lines {
                for word in IMPURE.iter().filter(|word| code.contains(**word)) {
                    wrong.push(format!("{}:{number}: {word}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_and_holds_one_idea() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in rust_files(&src) {
        let text = std::fs::read_to_string(&file).unwrap();
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not start with what it is (//!)", file.display()));
        }
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().lines().count();
        if code > 600 {
            wrong.push(format!("{} has {code} lines without its tests; split it", file.display()));
        }
    }
    let main = std::fs::read_to_string(src.join("main.rs")).unwrap().lines().count();
    if main >= 80 {
        wrong.push(format!("main.rs has {main} lines; it only parses and dispatches"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_stands_in_one_file() {
    let mut wrong = Vec::new();
    for lines in lines().into_values() {
        for (file, number, code) in lines {
            let allowed = file.ends_with("measure/native.rs");
            if !allowed && (code.contains("unsafe {") || code.contains("allow(unsafe_code")) {
                wrong.push(format!("{}:{number}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
