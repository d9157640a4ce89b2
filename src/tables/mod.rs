//! The tables of the lake: rows to partitions.
//!
//! Details replace a partition whole ([`route`]); counts and summaries are merged into their month ([`merge`],
//! [`publish`]); states of the directory replace their month ([`state`]). All are encoded in one place ([`encode`]), so every file of
//! a table has the same schema and form ([`shape`]); files of an older schema are made such ([`older`]).

pub mod encode;
pub mod older;
pub mod shape;
pub mod route;
pub mod merge;
pub mod publish;
pub mod state;
