//! Bills: fixtures of our own and the public samples.
