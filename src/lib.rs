//! usagelake: Microsoft 365 usage reports from Microsoft Graph to partitioned Parquet.
//!
//! The modules stand in the order in which data flows, and a module uses only what stands above it (a test holds this).
//! ARCHITECTURE.md has the picture and the invariants.

pub mod catalog;
pub mod config;
pub mod day;
pub mod error;
pub mod normalise;
pub mod tables;
