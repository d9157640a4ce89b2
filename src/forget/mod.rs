//! People who are forgotten: who they are as keyed hashes, what takes their rows out of an answer before anything is kept of it,
//! what takes them out of a lake, and the proof that they are gone.
//!
//! It promises: what the list names is in no row that is landed from then on, raw included; a row goes only where it is about the
//! person, and where it mentions the person only that cell does; the same rows give the same bytes whether a person was taken
//! out on the way in or later. It must never write a name, an address or an id of a forgotten person anywhere.

mod csv;
mod erase;
mod json;
mod list;
mod mark;
mod model;
mod parquet;
mod proof;
mod resolve;
mod row;
mod sieve;
mod source;
#[cfg(test)]
mod tests;

pub use erase::{Erased, Eraser, UnderWay};
pub use list::{Forgotten, given_away};
pub use mark::{Kind, Mark, Name};
pub use proof::{Left, Proof, prove};
pub use resolve::{Person, resolve};
pub use sieve::Sieve;
pub use source::Source;
