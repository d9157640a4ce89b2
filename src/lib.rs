//! usagelake: Microsoft 365 usage reports from Microsoft Graph to partitioned Parquet.
//!
//! The modules stand in the order in which data flows, and a module uses only what stands above it (a test holds this).
//! ARCHITECTURE.md has the picture and the invariants.

pub mod error;
pub mod day;
pub mod catalog;
pub mod config;
pub mod lake;
pub mod ledger;
pub mod plan;
pub mod graph;
pub mod normalise;
pub mod guard;
pub mod tables;
pub mod engine;
pub mod marts;
pub mod powerbi;
pub mod verify;
pub mod forget;
pub mod night;
pub mod telemetry;
pub mod emulator;
pub mod dashboard;
pub mod cli;
