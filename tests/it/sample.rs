//! The sample data says what its numbers file says.
