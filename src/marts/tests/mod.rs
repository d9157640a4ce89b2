//! Models on tiny lakes: toy models for the engine, and the real ones on what their own tests give.

mod contracts;
mod frozen;
mod given;
mod incremental;
mod lakes;
mod shared;
