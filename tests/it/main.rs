//! Behaviour through the public surface: the built binary, the emulator, real object stores.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod architecture;
mod directory;
mod stores;
