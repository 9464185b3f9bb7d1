//! The project file survives.
