//! Hardware profiles as a CSV file people keep in a spreadsheet.
//!
//! Columns are found by name, in any order and case. `name`, `price_per_hour` and `vcpu` are needed; a row that
//! cannot be used is left out and said with its line, the others are kept.

use std::collections::HashSet;
use std::io::{Read, Write};

use super::{Profile, Purchase};
use crate::units::Money;

/// Every column, in the order they are written.
const COLUMNS: [&str; 15] = [
    "id",
    "name",
    "provider",
    "instance",
    "region",
    "purchase",
    "price_per_hour",
    "currency",
    "vcpu",
    "memory_gib",
    "accelerator",
    "accelerator_count",
    "speed_factor",
    "is_measured_machine",
    "source",
];
const NEEDED: [&str; 3] = ["name", "price_per_hour", "vcpu"];

/// Why a whole file of profiles cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProfileCsvError {
    /// The file is not CSV, not UTF-8, or cannot be read or written.
    #[error("hardware profiles as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A column that is needed is not there.
    #[error(
        "the header of the hardware profiles has no column `{missing}`; found `{found}`; \
         name, price_per_hour and vcpu are needed"
    )]
    MissingColumn {
        /// The column.
        missing: &'static str,
        /// The header found.
        found: String,
    },
    /// Two columns with one name.
    #[error("the header of the hardware profiles has the column `{0}` twice; remove one")]
    ColumnTwice(String),
}

/// A line of the file that was left out, or a column that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line of the file, the header being 1.
    pub line: u64,
    /// What is wrong and what to do.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// What a file of profiles held.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Import {
    /// The usable profiles, in the file's order; each passes [`Profile::check`], no two have the same id.
    pub profiles: Vec<Profile>,
    /// What was left out, in the file's order.
    pub problems: Vec<Problem>,
}

/// Writes profiles as CSV with a header; numbers exact, an unknown one as an empty cell.
pub fn write_csv(output: impl Write, profiles: &[Profile]) -> Result<(), ProfileCsvError> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(COLUMNS)?;
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for profile in profiles {
        writer.write_record([
            profile.id.as_str(),
            &profile.name,
            &profile.provider,
            &profile.instance,
            &profile.region,
            profile.purchase.key(),
            &profile.price_per_hour.to_string(),
            &profile.currency,
            &profile.vcpu.to_string(),
            &number(profile.memory_gib),
            profile.accelerator.as_deref().unwrap_or_default(),
            &profile.accelerator_count.to_string(),
            &number(profile.speed_factor),
            if profile.is_measured_machine { "true" } else { "false" },
            &profile.source,
        ])?;
    }
    writer.flush().map_err(csv::Error::from)?;
    Ok(())
}

/// Reads profiles from CSV. `source` is what profiles without a source of their own say: the file's name.
pub fn read_csv(input: impl Read, source: &str) -> Result<Import, ProfileCsvError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(input);
    let header: Vec<String> = reader
        .headers()?
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_ascii_lowercase())
        .collect();
    let mut seen = HashSet::new();
    if let Some(twice) = header.iter().find(|name| !name.is_empty() && !seen.insert(name.as_str())) {
        return Err(ProfileCsvError::ColumnTwice(twice.clone()));
    }
    if let Some(missing) = NEEDED.into_iter().find(|name| !seen.contains(name)) {
        return Err(ProfileCsvError::MissingColumn { missing, found: header.join(",") });
    }
    let mut import = Import::default();
    for name in header.iter().filter(|name| !name.is_empty() && !COLUMNS.contains(&name.as_str())) {
        import
            .problems
            .push(Problem { line: 1, message: format!("the column `{name}` is not known and was left out") });
    }
    let mut ids = HashSet::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row { header: &header, record: &record };
        if record.iter().all(str::is_empty) {
            continue;
        }
        let profile = row.profile(source).and_then(|profile| {
            profile.check().map_err(|error| error.to_string())?;
            if !ids.insert(profile.id.clone()) {
                return Err(format!(
                    "the id `{}` was used in an earlier line; give each its own",
                    profile.id
                ));
            }
            Ok(profile)
        });
        match profile {
            Ok(profile) => import.profiles.push(profile),
            Err(message) => {
                import.problems.push(Problem { line, message: format!("{message}; the line was left out") });
            }
        }
    }
    Ok(import)
}

struct Row<'a> {
    header: &'a [String],
    record: &'a csv::StringRecord,
}

impl<'a> Row<'a> {
    /// The cell of a column; empty when the column or the cell is not there.
    fn text(&self, column: &str) -> &'a str {
        let place = self.header.iter().position(|name| name == column);
        place.and_then(|place| self.record.get(place)).unwrap_or_default()
    }

    fn number(&self, column: &str) -> Result<Option<f64>, String> {
        match self.text(column) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_ignored| {
                format!("`{text}` in column {column} is not a number; write 1.5, without separators")
            }),
        }
    }

    fn profile(&self, file: &str) -> Result<Profile, String> {
        if self.record.len() > self.header.len() {
            let (cells, columns) = (self.record.len(), self.header.len());
            return Err(format!(
                "it has {cells} cells under {columns} columns; quote cells that hold a comma"
            ));
        }
        let or = |column: &str, default: &str| match self.text(column) {
            "" => default.to_owned(),
            text => text.to_owned(),
        };
        let name = self.text("name").to_owned();
        let price = self.text("price_per_hour");
        let price_per_hour: Money =
            price.parse().map_err(|error| format!("column price_per_hour: {error}"))?;
        let purchase = match self.text("purchase") {
            "" => Purchase::OnDemand,
            text => text.parse::<Purchase>().map_err(|error| format!("column purchase: {error}"))?,
        };
        let vcpu =
            self.number("vcpu")?.ok_or("the column vcpu is empty; write the number of virtual CPUs")?;
        let accelerator = Some(self.text("accelerator").to_owned()).filter(|name| !name.is_empty());
        let accelerator_count = match self.text("accelerator_count") {
            "" => 0,
            text => text
                .parse()
                .map_err(|_ignored| format!("`{text}` in column accelerator_count is not a whole number"))?,
        };
        let is_measured_machine = match self.text("is_measured_machine").to_ascii_lowercase().as_str() {
            "" | "false" => false,
            "true" => true,
            other => {
                return Err(format!("`{other}` in column is_measured_machine is neither true nor false"));
            }
        };
        let (provider, instance, region) =
            (self.text("provider"), or("instance", &name), self.text("region"));
        let made_up = [provider, &instance, region, purchase.key()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("/");
        Ok(Profile {
            id: or("id", &made_up),
            name,
            provider: provider.to_owned(),
            instance,
            region: region.to_owned(),
            purchase,
            price_per_hour,
            currency: or("currency", "USD"),
            vcpu,
            memory_gib: self.number("memory_gib")?,
            accelerator,
            accelerator_count,
            speed_factor: self.number("speed_factor")?,
            is_measured_machine,
            source: or("source", file),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::{Fingerprint, defaults};

    #[test]
    fn profiles_come_back_from_csv_as_they_were() {
        let fingerprint =
            Fingerprint { cpu: "A, \"quoted\" CPU".to_owned(), logical_cpus: 3, ..Fingerprint::default() };
        let mut profiles = defaults(&fingerprint);
        profiles.push(Profile::this_machine(&fingerprint, "0.0123456789".parse().unwrap(), "EUR"));
        let mut file = Vec::new();
        write_csv(&mut file, &profiles).unwrap();
        let import = read_csv(file.as_slice(), "unused.csv").unwrap();
        assert_eq!(import.problems, []);
        assert_eq!(import.profiles, profiles);
    }

    #[test]
    fn a_short_file_gets_defaults_and_its_own_name_as_the_source() {
        let file = "\u{feff}Name , price_per_hour,VCPU\r\nRack 4,0.31,16\r\n\r\n";
        let import = read_csv(file.as_bytes(), "racks.csv").unwrap();
        assert_eq!(import.problems, []);
        let [profile] = import.profiles.as_slice() else { panic!("{import:?}") };
        assert_eq!((profile.name.as_str(), profile.vcpu, profile.currency.as_str()), ("Rack 4", 16.0, "USD"));
        assert_eq!((profile.id.as_str(), profile.source.as_str()), ("Rack 4/on_demand", "racks.csv"));
        assert_eq!((profile.memory_gib, profile.speed_factor), (None, None));
    }

    #[test]
    fn bad_lines_are_named_and_the_good_ones_kept() {
        let file = "name,price_per_hour,vcpu,purchase,colour\n\
                    A,0.5,2,spot,red\n\
                    B,\"1,5\",2,,\n\
                    C,0.5,two,,\n\
                    D,0.5,2,leased,\n\
                    E,0,2,,\n\
                    ,0.5,2,,\n\
                    A,0.5,2,spot,\n\
                    F,0.5,,,\n\
                    G,,2,,\n\
                    H,0.5,2,,,9\n\
                    I,0.25,4\n";
        let import = read_csv(file.as_bytes(), "f.csv").unwrap();
        assert_eq!(import.profiles.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["A", "I"]);
        let said: Vec<String> = import.problems.iter().map(ToString::to_string).collect();
        let expected = [
            "line 1: the column `colour` is not known",
            "line 3: column price_per_hour: `1,5` is not a decimal number",
            "line 4: `two` in column vcpu is not a number",
            "line 5: column purchase: `leased` is no way of buying",
            "line 6: the price per hour of `E` is 0",
            "line 7: the hardware profile",
            "line 8: the id `A/spot` was used in an earlier line",
            "line 9: the column vcpu is empty",
            "line 10: column price_per_hour: the cell is empty",
            "line 11: it has 6 cells under 5 columns",
        ];
        assert_eq!(said.len(), expected.len(), "{said:#?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected), "{said:?} does not start with {expected:?}");
        }
    }

    #[test]
    fn a_header_without_the_needed_columns_is_refused() {
        let error = read_csv("name,vcpu\nA,2\n".as_bytes(), "f.csv").unwrap_err().to_string();
        assert!(error.contains("no column `price_per_hour`; found `name,vcpu`"), "{error}");
        let error = read_csv("name,vcpu,VCPU,price_per_hour\n".as_bytes(), "f.csv").unwrap_err().to_string();
        assert!(error.contains("`vcpu` twice"), "{error}");
        assert!(read_csv(&b"name,price_per_hour,vcpu\n\xff\xfe,1,2\n"[..], "f.csv").is_err());
    }
}
