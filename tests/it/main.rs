//! Behaviour through the public surface: the built binary, the emulator, real object stores.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod alarms;
mod answers;
mod architecture;
mod busy;
mod clean;
mod days;
mod directory;
mod files;
mod forget;
mod guards;
mod kill;
mod legacy;
mod marts;
mod migrate;
mod printed;
mod proof;
mod quirks;
mod records;
mod refresh;
mod retention;
mod setup;
mod stores;
mod truth;
mod world;
