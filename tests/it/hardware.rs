//! Machines and prices.
