//! Waits for what was asked of the bills.

use std::time::Duration;

use anyhow::bail;

use super::{App, Command, Query, QueryResult};

impl App {
    /// Waits until everything asked of the bills is answered.
    pub fn wait_for_answers(&mut self) {
        while !self.state.asked.is_empty() && self.jobs.running().next().is_some() {
            self.poll();
            std::thread::sleep(Duration::from_millis(1));
        }
        self.poll();
    }

    /// Asks the bills and waits for the answer.
    ///
    /// # Errors
    /// In words, when the bills cannot answer or changed meanwhile.
    pub fn answer(&mut self, query: &Query) -> anyhow::Result<QueryResult> {
        self.handle(Command::Ask(query.clone()))?;
        self.wait_for_answers();
        match self.state.queries.get(query) {
            Some(Ok(result)) => Ok(result.clone()),
            Some(Err(message)) => bail!("{message}"),
            None => bail!("the bills did not answer, or changed meanwhile; try again"),
        }
    }
}
