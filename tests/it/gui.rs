//! Pages of the window, without a screen.
