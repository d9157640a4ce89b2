//! `usagelake completions`

use clap::{Args, CommandFactory};

use super::{Cli, Exit};
use crate::error::Result;

/// The shell.
#[derive(Args)]
pub(super) struct Completions {
    /// The shell to complete in
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<Exit> {
        clap_complete::generate(self.shell, &mut Cli::command(), "usagelake", &mut std::io::stdout());
        Ok(Exit::Done)
    }
}
