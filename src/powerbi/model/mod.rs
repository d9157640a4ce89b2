//! The semantic model: a star of marts around a calendar, products, places, organisations and people.
//!
//! Promises: every text is what Microsoft's serializer writes back; an identifier depends on names only; a change of one
//! contract changes one table's file. What it is made of stands in `schemas/powerbi/` and `schemas/marts/`.

mod dax;
mod files;
mod mashup;
mod resolve;
mod rows;
mod stale;
mod table;
mod text;

pub use dax::{Reference, references};
pub(super) use files::files;
pub(super) use mashup::Lake;
pub use mashup::Source;
pub use resolve::Model;
pub use table::{Column, Content, Table};
