//! The direction of imports and the other rules of the house, as tests.
