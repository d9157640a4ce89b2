//! `usagelake`: parse, run, print, exit. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    usagelake::cli::main()
}
