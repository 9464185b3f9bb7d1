//! `inferometer bill --rate EUR=1.08 --in USD`: shows the sums of bills in one currency.

use anyhow::{Context, anyhow};
use clap::Args;

use super::session::Session;
use crate::app::Command;
use crate::bill::rates::{Rate, Rates, currency};

/// Rates between currencies, and the one that sums are shown in. With `--project` and no file they are kept there.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Currencies")]
pub struct RateArgs {
    /// Show sums in this currency; `own` shows each row's own again
    #[arg(long = "in", value_name = "CURRENCY")]
    pub shown_in: Option<String>,
    /// What one unit of a currency is worth in the one of --in, such as EUR=1.08; may be repeated. Kept in the project where
    /// no files are named
    #[arg(long = "rate", value_name = "CURRENCY=RATE")]
    pub rates: Vec<String>,
    /// Where the rates come from, such as "ECB"
    #[arg(long = "rate-source", value_name = "TEXT", requires = "rates")]
    pub source: Option<String>,
    /// The day the rates are of
    #[arg(long = "rate-day", value_name = "DAY", requires = "rates")]
    pub day: Option<String>,
}

impl RateArgs {
    /// Sets what is asked for; nothing when nothing is.
    pub(super) fn apply(&self, session: &mut Session) -> anyhow::Result<()> {
        let changed = self.changed(session.app.state().rates.clone())?;
        session.run(Command::SetRates(Box::new(changed)))
    }

    fn changed(&self, mut rates: Rates) -> anyhow::Result<Rates> {
        if let Some(name) = &self.shown_in {
            rates.display = if name == "own" {
                None
            } else {
                Some(currency(name).map_err(|why| anyhow!("--in: {why}"))?)
            };
        }
        for text in &self.rates {
            let (from, rate) = text.split_once('=').with_context(|| {
                format!("--rate: `{text}` is no rate; write CURRENCY=RATE, such as EUR=1.08")
            })?;
            let to = rates.display.clone().with_context(|| {
                format!("--rate {text}: say which currency that is worth, such as --in USD")
            })?;
            let day = self.day.as_deref().unwrap_or_default();
            let source = self.source.as_deref().unwrap_or_default();
            rates.put(Rate::new(from, &to, rate, day, source).map_err(|why| anyhow!("--rate: {why}"))?);
        }
        Ok(rates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(shown_in: Option<&str>, rates: &[&str]) -> RateArgs {
        RateArgs {
            shown_in: shown_in.map(str::to_owned),
            rates: rates.iter().map(|rate| (*rate).to_owned()).collect(),
            source: Some("ECB".to_owned()),
            day: None,
        }
    }

    #[test]
    fn rates_are_added_to_those_that_are_known_and_own_shows_each_row_as_billed() {
        let first = args(Some("usd"), &["EUR=1.08", "GBP=1.27"]).changed(Rates::default()).unwrap();
        assert_eq!(first.find("EUR").unwrap().to_string(), "1 EUR = 1.08 USD (ECB)");
        let second = args(None, &["EUR=1.1"]).changed(first).unwrap();
        assert_eq!((second.list.len(), second.find("EUR").unwrap().rate.to_string()), (2, "1.1".to_owned()));
        let own = args(Some("own"), &[]).changed(second).unwrap();
        assert_eq!((own.display, own.list.len()), (None, 2));
    }

    #[test]
    fn a_rate_without_its_other_currency_says_what_to_add() {
        let refused = |args: RateArgs| format!("{:#}", args.changed(Rates::default()).unwrap_err());
        assert!(refused(args(None, &["EUR=1.08"])).contains("--in USD"));
        assert!(refused(args(Some("USD"), &["EUR"])).contains("CURRENCY=RATE"));
        assert!(refused(args(Some("USD"), &["EUR=1,08"])).contains("not a plain decimal number"));
        assert!(refused(args(Some("$"), &[])).contains("no currency"));
    }
}
