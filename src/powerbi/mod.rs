//! The Power BI project.

pub mod report;
