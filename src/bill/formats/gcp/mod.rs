//! Google Cloud: the export of billing data to BigQuery (standard and detailed), and the tables of its console.

pub mod console;
pub mod export;

mod services;

pub(in crate::bill) use services::service_words;

#[cfg(test)]
mod tests;
