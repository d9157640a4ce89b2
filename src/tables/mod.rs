//! Record batches → the objects of a table.

pub mod encode;
