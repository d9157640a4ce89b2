//! The command line: the only place that prints. Data goes to stdout, everything else to stderr.

mod completions;
mod dashboard;
mod demo;
mod emulate;
mod forget;
mod import;
mod marts;
mod migrate;
mod output;
mod pipeline;
mod plan;
mod powerbi;
mod query;
mod refresh;
mod release;
mod replay;
mod reports;
mod run;
mod sql;
mod status;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::day::Day;
use crate::error::{Error, Kind, Result};

/// Microsoft 365 usage reports from Microsoft Graph to partitioned Parquet, every night, for ever.
#[derive(Parser)]
#[command(name = "usagelake", version, about, max_term_width = 110, propagate_version = true)]
struct Cli {
    /// Print one machine-readable document on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Say more on stderr (`-vv` for every request)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole pipeline on an embedded Graph emulator: no account, no configuration
    Demo(demo::Demo),
    /// Say what a run would ask for, why, and how long it takes
    Plan(plan::Plan),
    /// Extract what is due, land it, publish it: the nightly job
    Run(run::Run),
    /// Land CSV or JSON that was saved earlier
    Import(import::Import),
    /// Build the marts from the tables of the lake
    Marts(marts::Marts),
    /// Write the Power BI project: a semantic model over the marts, and a report on it
    Powerbi(powerbi::Powerbi),
    /// Write the report as one HTML file
    Dashboard(dashboard::Dashboard),
    /// Ask the tables and marts of a tenant in SQL
    Query(query::Query),
    /// Print statements that make every table and mart a view in another engine
    Sql(sql::Sql),
    /// Print the report catalog, or one report of it
    Reports(reports::Reports),
    /// Show what is covered, report by day, and what will expire next
    Status(status::Status),
    /// Publish what a guard holds, after a look; or list it, or forget it
    Release(release::Release),
    /// Prove that the lake is what its ledger says, object by object
    Verify(verify::Verify),
    /// Rebuild tables from raw, without asking Graph
    Replay(replay::Replay),
    /// Bring a lake that an earlier version wrote to today's form, partition by partition
    Migrate(migrate::Migrate),
    /// Take a person out of the lake, prove it, and keep the person from coming back
    Forget(forget::Forget),
    /// Serve Microsoft Graph's usage reports for an emulated tenant
    Emulate(emulate::Emulate),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

/// Where the lake is and whose.
#[derive(Args, Clone)]
struct LakeArgs {
    /// The lake: a path, or `az://`, `abfss://`, `s3://`, `gs://`
    #[arg(long, value_name = "URL", env = "USAGELAKE_LAKE")]
    lake: Option<String>,
    /// The tenant's name: its table of the pipeline file, and the partition value in the lake
    #[arg(long, value_name = "NAME", value_parser = tenant_name)]
    tenant: Option<String>,
}

/// A tenant's name becomes a part of paths: whatever is none is refused before it is one.
fn tenant_name(text: &str) -> std::result::Result<String, String> {
    crate::config::check_tenant(text).map(|()| text.to_string()).map_err(|e| match e.hint_text() {
        Some(hint) => format!("{e}: {hint}"),
        None => e.to_string(),
    })
}

/// The pipeline file.
#[derive(Args, Clone)]
struct ConfigArgs {
    /// The pipeline file
    #[arg(long, value_name = "FILE", env = "USAGELAKE_CONFIG", default_value = "usagelake.toml")]
    config: PathBuf,
}

/// Which answers of a report.
#[derive(Args, Clone)]
struct WindowArgs {
    /// The day of the answer: the one asked for with `date=`, else the refresh date
    #[arg(long, value_name = "DAY")]
    day: Option<Day>,
    /// The days of the answer's period: 7, 30, 90, 180; 1 for the answer of one day, 0 for the present state
    #[arg(long, value_name = "N")]
    period: Option<u16>,
}

/// How a command ended. Schedulers read the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Done, nothing new included.
    Done = 0,
    /// Failed; nothing was published.
    Failed = 1,
    /// The command line or the pipeline file is wrong.
    Usage = 2,
    /// Something was published, something else failed, is held back or incomplete.
    Partial = 3,
}

impl Exit {
    fn of(e: &Error) -> Exit {
        match e.kind() {
            Kind::Usage | Kind::Config => Exit::Usage,
            _ => Exit::Failed,
        }
    }
}

/// Stack of a worker thread. SQL is planned by recursion, and plans of large statements are deep.
const STACK: usize = 8 << 20;

/// Parses, runs, prints, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    output::logging(cli.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build() {
        Ok(runtime) => runtime,
        Err(e) => {
            output::error(&Error::new(Kind::File, "cannot start").because(e));
            return ExitCode::from(Exit::Failed as u8);
        }
    };
    let exit = runtime.block_on(dispatch(cli.command, cli.json)).unwrap_or_else(|e| {
        output::error(&e);
        Exit::of(&e)
    });
    // Uploads and parsers that were abandoned must not keep the process. Nor are their threads let go one by one: glibc may
    // fail a `pthread_detach` of a thread that is just ending (its bug 19951), once in thousands of runs, with a fault at exit.
    std::mem::forget(runtime);
    ExitCode::from(exit as u8)
}

async fn dispatch(command: Command, json: bool) -> Result<Exit> {
    match command {
        Command::Demo(demo) => demo.run(json).await,
        Command::Plan(plan) => plan.run(json).await,
        Command::Run(run) => run.run(json).await,
        Command::Import(import) => import.run(json).await,
        Command::Marts(marts) => marts.run(json).await,
        Command::Powerbi(powerbi) => powerbi.run(json).await,
        Command::Dashboard(dashboard) => dashboard.run(json).await,
        Command::Query(query) => query.run(json).await,
        Command::Sql(sql) => sql.run().await,
        Command::Reports(reports) => reports.run(json),
        Command::Status(status) => status.run(json).await,
        Command::Release(release) => release.run(json).await,
        Command::Verify(verify) => verify.run(json).await,
        Command::Replay(replay) => replay.run(json).await,
        Command::Migrate(migrate) => migrate.run(json).await,
        Command::Forget(forget) => forget.run(json).await,
        Command::Emulate(emulate) => emulate.run(json).await,
        Command::Completions(completions) => completions.run(),
    }
}
