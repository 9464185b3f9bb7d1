//! Queueing, cost, search.
