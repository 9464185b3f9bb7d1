//! Charts, vector export, reports.
