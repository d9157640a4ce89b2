//! Behaviour through the public surface: the built binary, the emulator, real object stores.

mod stores;
