//! The marts: SQL models over the tables of a lake, each with a contract.
//!
//! They promise: a published file has exactly the columns of its contract, sorted by its key, each key once; the same
//! tables give the same bytes; a night builds only months whose inputs have changed, and what depends on them. What a
//! model reads is said in its contract and turned into a set of objects before its SQL runs. They know no model by name.

mod build;
mod built_in;
mod contract;
mod coverage;
mod frozen;
mod models;
mod offer;
mod readings;
pub mod reference;
mod rows;
mod scope;
mod shared;
mod sources;
mod state;
mod views;

pub use build::{Job, ModelRecord, Problem, Record, build};
pub use contract::{Column, ColumnType, Contract, Input, LeftOut, ModelKind, Partition, Whom};
pub use frozen::{Erase, Frozen, Renewed, Without};
pub use models::{Model, Models};
pub use offer::{offer, offer_shared};
pub use readings::{Book, LedgerTable};
pub use scope::Scope;
pub use shared::{Shared, shared_of, step};
pub use sources::{Sources, schema_of};
pub use state::State;
pub use views::{Dialect, views};

#[cfg(test)]
mod tests;
