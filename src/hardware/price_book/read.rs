//! Reading the price table, with every cell checked: a table that is wrong is refused with its line.

use std::collections::HashMap;
use std::io::Read;
use std::num::NonZeroI64;

use flate2::read::GzDecoder;
use serde::Deserialize;

use super::{Machine, Offer, PriceBook, Source};
use crate::units::{Money, MoneyError};

/// Why a price table cannot be read. A line is counted from 1, the header's line included.
#[derive(Debug, thiserror::Error)]
pub enum PriceBookError {
    /// Not CSV, or not gzip around it.
    #[error("reading the price table: {0}")]
    Csv(#[from] csv::Error),
    /// The description beside the table.
    #[error("reading the description of the price table: {0}")]
    About(#[from] serde_json::Error),
    /// Another column order or other columns.
    #[error("the price table's columns are `{found}`; expected `{COLUMNS}`")]
    Columns {
        /// The header line found.
        found: String,
    },
    /// A cell that is not what its column holds.
    #[error("line {line} of the price table: `{found}` is not a {column}")]
    Cell {
        /// Line of the table.
        line: u64,
        /// What the column holds.
        column: &'static str,
        /// The cell.
        found: String,
    },
    /// A price that is not a positive amount.
    #[error("line {line} of the price table: price `{found}`: {why}")]
    Price {
        /// Line of the table.
        line: u64,
        /// The cell.
        found: String,
        /// What is wrong with it.
        why: String,
    },
    /// Rows out of order or twice; look-ups rely on the order.
    #[error("line {line} of the price table: {provider} {instance} in {region} is twice or out of order")]
    Order {
        /// Line of the table.
        line: u64,
        /// The row's provider.
        provider: String,
        /// The row's instance type.
        instance: String,
        /// The row's region.
        region: String,
    },
    /// A row with no machine, no source, or a table of another size than described.
    #[error("the price table does not fit its description: {0}")]
    Description(String),
}

const COLUMNS: &str = "provider,instance,vcpu,memory_gib,accelerator,accelerator_count,region,on_demand,spot,committed_1y,committed_3y";

#[derive(Debug, Deserialize)]
struct About {
    currency: String,
    rows: usize,
    machines: usize,
    sources: Vec<Source>,
}

impl PriceBook {
    /// Reads a table (gzip-compressed CSV with the columns of `COLUMNS`, one machine's cells written only in its
    /// first row) and the JSON that describes it.
    pub fn read(table_gz: &[u8], about: &str) -> Result<Self, PriceBookError> {
        let About { currency, rows, machines, sources } = serde_json::from_str(about)?;
        let mut book = Self {
            currency,
            sources,
            regions: Vec::new(),
            machines: Vec::new(),
            offers: Vec::with_capacity(rows.min(1 << 20)),
        };
        // Decompressing in one go is much faster than through the CSV reader's small buffer.
        let mut text = Vec::new();
        GzDecoder::new(table_gz).read_to_end(&mut text).map_err(csv::Error::from)?;
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let found = reader.headers()?.iter().collect::<Vec<_>>().join(",");
        if found != COLUMNS {
            return Err(PriceBookError::Columns { found });
        }
        let mut region_ids = vec![HashMap::new(); book.sources.len()];
        let mut row = csv::StringRecord::new();
        while reader.read_record(&mut row)? {
            let line = row.position().map_or(0, csv::Position::line);
            book.push(line, &row, &mut region_ids)?;
        }
        if (book.offers.len(), book.machines.len()) != (rows, machines) {
            return Err(PriceBookError::Description(format!(
                "it has {} rows and {} machines where {rows} and {machines} are described",
                book.offers.len(),
                book.machines.len()
            )));
        }
        Ok(book)
    }

    fn push(
        &mut self,
        line: u64,
        row: &csv::StringRecord,
        region_ids: &mut [HashMap<String, u16>],
    ) -> Result<(), PriceBookError> {
        let cell = |index: usize| row.get(index).unwrap_or_default();
        if !cell(0).is_empty() {
            self.push_machine(line, row)?;
        }
        let Some(machine) = self.machines.last() else {
            return Err(PriceBookError::Description(format!("line {line} has no machine above it")));
        };
        let (provider, region) = (machine.provider, cell(6));
        let region_ids = &mut region_ids[usize::from(provider)];
        let region_id = if let Some(id) = region_ids.get(region) {
            *id
        } else {
            let id = u16::try_from(self.regions.len())
                .map_err(|_ignored| PriceBookError::Description("more than 65,535 regions".to_owned()))?;
            self.regions.push((provider, region.to_owned()));
            region_ids.insert(region.to_owned(), id);
            id
        };
        let machine_id = self.machines.len() - 1;
        let before = &self.offers[machine.first_offer as usize..];
        if before.last().is_some_and(|offer| self.regions[usize::from(offer.region)].1.as_str() >= region) {
            return Err(PriceBookError::Order {
                line,
                provider: self.sources[usize::from(provider)].provider.clone(),
                instance: machine.instance.clone(),
                region: region.to_owned(),
            });
        }
        let mut prices = [None; 4];
        for (price, index) in prices.iter_mut().zip(7..) {
            *price = parse_price(line, cell(index))?;
        }
        self.offers.push(Offer { machine: machine_id as u32, region: region_id, prices });
        Ok(())
    }

    fn push_machine(&mut self, line: u64, row: &csv::StringRecord) -> Result<(), PriceBookError> {
        let cell = |index: usize| row.get(index).unwrap_or_default();
        let (provider_name, instance) = (cell(0), cell(1));
        let Some(provider) = self.sources.iter().position(|source| source.provider == provider_name) else {
            return Err(PriceBookError::Description(format!(
                "`{provider_name}` (line {line}) has no source"
            )));
        };
        let provider = provider as u16;
        if self
            .machines
            .last()
            .is_some_and(|last| (last.provider, last.instance.as_str()) >= (provider, instance))
        {
            return Err(PriceBookError::Order {
                line,
                provider: provider_name.to_owned(),
                instance: instance.to_owned(),
                region: cell(6).to_owned(),
            });
        }
        let accelerator = (!cell(4).is_empty()).then(|| cell(4).to_owned());
        let mut haystack =
            format!("{provider_name} {instance} {}", accelerator.as_deref().unwrap_or_default());
        haystack.make_ascii_lowercase();
        self.machines.push(Machine {
            provider,
            instance: instance.to_owned(),
            vcpu: parse_positive(line, "number of virtual CPUs", cell(2))?,
            memory_gib: parse_positive(line, "memory size", cell(3))?,
            accelerator,
            accelerator_count: parse_positive(line, "number of accelerators", cell(5))?,
            haystack,
            first_offer: self.offers.len() as u32,
        });
        Ok(())
    }
}

fn parse_price(line: u64, cell: &str) -> Result<Option<NonZeroI64>, PriceBookError> {
    if cell.is_empty() {
        return Ok(None);
    }
    let bad = |why: String| PriceBookError::Price { line, found: cell.to_owned(), why };
    let money: Money = cell.parse().map_err(|error: MoneyError| bad(error.to_string()))?;
    if money <= Money::ZERO {
        return Err(bad("a price is more than 0; leave the cell empty where it is not known".to_owned()));
    }
    let scaled = i64::try_from(money.scaled()).map_err(|_ignored| bad("it is too large".to_owned()))?;
    Ok(NonZeroI64::new(scaled))
}

fn parse_positive(line: u64, column: &'static str, cell: &str) -> Result<Option<f64>, PriceBookError> {
    if cell.is_empty() {
        return Ok(None);
    }
    match cell.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(Some(value)),
        _ => Err(PriceBookError::Cell { line, column, found: cell.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::hardware::Purchase;

    const ABOUT: &str = r#"{"currency":"USD","rows":3,"machines":2,"sources":[
        {"provider":"A","source":"s","repository":"r","revision":"1","licence":"MIT","date":"2026-01-02","prices":"p","rows":3}]}"#;

    fn read(body: &str) -> Result<PriceBook, PriceBookError> {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        write!(gz, "{COLUMNS}\n{body}").unwrap();
        PriceBook::read(&gz.finish().unwrap(), ABOUT)
    }

    #[test]
    fn a_machine_is_written_once_and_its_rows_follow() {
        let book = read("A,m1,2,4,,,r1,0.5,,,\n,,,,,,r2,0.25,0.125,,\nA,m2,1,,X,8,r1,1,,,0.75\n").unwrap();
        let entry = book.find("a", "m1", "r2").unwrap();
        assert_eq!(entry.vcpu(), Some(2.0));
        assert_eq!(entry.price(Purchase::Spot).unwrap().to_string(), "0.125");
        assert_eq!(entry.price(Purchase::Committed1y), None);
        let profile = book.find("A", "m2", "r1").unwrap().profile(Purchase::Committed3y).unwrap();
        assert_eq!((profile.accelerator.as_deref(), profile.accelerator_count), (Some("X"), 8));
        assert_eq!(
            (profile.id.as_str(), profile.source.as_str()),
            ("a/m2/r1/committed_3y", "s 1, 2026-01-02")
        );
        assert!(book.find("A", "m2", "r2").is_none());
    }

    #[test]
    fn a_table_that_is_wrong_is_refused_with_the_line() {
        for (body, expected) in [
            (",,,,,,r1,0.5,,,\n", "line 2 has no machine"),
            ("B,m1,2,4,,,r1,0.5,,,\n", "`B` (line 2) has no source"),
            ("A,m1,2,4,,,r1,0,,,\n", "line 2 of the price table: price `0`"),
            ("A,m1,2,4,,,r1,1,-1,,\n", "price `-1`"),
            ("A,m1,2,4,,,r1,1,x,,\n", "`x` is not a decimal number"),
            ("A,m1,two,4,,,r1,1,,,\n", "`two` is not a number of virtual CPUs"),
            ("A,m1,2,4,,,r1,1,,,\n,,,,,,r1,1,,,\n", "line 3 of the price table: A m1 in r1 is twice"),
            ("A,m2,2,4,,,r1,1,,,\nA,m1,2,4,,,r1,1,,,\n", "A m1 in r1 is twice or out of order"),
            ("A,m1,2,4,,,r1,1,,,\n", "1 rows and 1 machines where 3 and 2"),
            ("A,m1,2,4\n", "reading the price table"),
        ] {
            let error = read(body).unwrap_err().to_string();
            assert!(error.contains(expected), "{body:?} gave {error:?}");
        }
    }

    #[test]
    fn the_shipped_table_is_the_one_its_description_names() {
        let about: serde_json::Value =
            serde_json::from_str(include_str!("../../../assets/price-book.json")).unwrap();
        let mut table = Vec::new();
        GzDecoder::new(&include_bytes!("../../../assets/price-book.csv.gz")[..])
            .read_to_end(&mut table)
            .unwrap();
        let hash =
            Sha256::digest(&table).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        assert_eq!(about["sha256"], hash);
    }
}
