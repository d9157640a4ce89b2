//! Statements by certificate.
