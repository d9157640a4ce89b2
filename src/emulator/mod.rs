//! A Microsoft Graph of one seeded tenant: what `usagelake emulate` and `usagelake demo` serve, and what tests run against.
//!
//! It serves tokens, usage reports, the directory and licences as Graph does, closely enough that a client written for
//! Graph cannot tell, and computes all of them from one history. It knows the catalog and nothing of the client: it must
//! never share code with what it is there to test. Nothing in it names a report; what a report shows is said by the
//! `emulate` keys of the catalog.

mod activity;
mod acts;
mod authority;
mod body;
mod call;
mod campaign;
mod cell;
mod census;
mod devices;
mod dice;
mod directory;
mod extent;
mod facts;
mod faults;
mod field;
mod habits;
mod history;
mod names;
mod options;
mod pace;
mod page;
mod people;
mod person;
mod place;
mod places;
mod problem;
mod product;
mod reports;
mod seats;
mod server;
mod service;
mod skus;
mod start;
mod storage;
mod table;
mod token;
mod truth;
mod uses;
mod words;
mod workspaces;
mod write;

pub use campaign::Campaign;
pub use census::Census;
pub use faults::{Fault, Faults, Leg, Rule};
pub use options::{DateLists, LastActivity, Options};
pub use product::Product;
pub use service::RequestLog;
pub use start::{Emulator, Planted};

#[cfg(test)]
mod tests;
