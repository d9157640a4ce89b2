//! SQL over objects of the lake, on the embedded DataFusion.
//!
//! It promises: a table is exactly the objects that it was given, with its partition values as typed columns, and has its
//! schema though there is none; memory is bounded, what does not fit goes to disk; nothing that SQL says can write,
//! read a file of this machine, or ask the clock. What is wrong with a statement is said with the nearest name.

mod joins;
mod objects;
mod refusal;
mod session;

pub use objects::{Objects, Partitions, value};
pub use refusal::refusal;
pub use session::{Engine, Limits, Session};
