//! The Power BI project: a semantic model over the marts and a report on it, as files.
//!
//! Promises: the same lake address, tenant and definitions give the same bytes; identifiers are made of names; what a user has
//! added to the project stays. Files are collected without touching anything, and then written in one place.

mod definitions;
mod identity;
mod model;
mod project;
mod reach;
pub mod report;
mod write;

pub use definitions::{
    Audience, Definitions, Hierarchy, KeyColumn, Measure, Months, OwnColumn, Relationship, Role, TableDefinition,
};
pub use identity::identity;
pub use model::{Column, Content, Model, Reference, Source, Table, references};
pub use project::{File, Project};
pub use reach::{SourceKind, reach};
pub use write::{Written, write};

#[cfg(test)]
mod tests;
