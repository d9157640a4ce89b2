//! `usagelake emulate`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{Exit, output};
use crate::day::{Clock, Day};
use crate::emulator::{DateLists, Emulator, Faults, LastActivity, Options};
use crate::error::{Error, Kind, Result};

/// What to serve.
#[derive(Args)]
pub(super) struct Emulate {
    /// The port of Graph and of the sign-in service, on loopback; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 4010)]
    port: u16,
    /// People in the tenant
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    users: u32,
    /// Days of history up to today
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// The same seed makes the same tenant
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Take this day for today (UTC)
    #[arg(long, value_name = "DAY")]
    today: Option<Day>,
    /// The last day of the history, where it goes on after today
    #[arg(long, value_name = "DAY")]
    end: Option<Day>,
    /// Whether too many requests are refused with 429, as Graph does
    #[arg(long, value_enum, default_value = "on")]
    pace: Switch,
    /// Whom `date=` details list
    #[arg(long, value_enum, default_value = "active")]
    date_lists: Lists,
    /// As of when `date=` details say the last activity
    #[arg(long, value_enum, default_value = "asked")]
    last_activity: AsOf,
    /// Days by which data lag behind today
    #[arg(long, value_name = "N", default_value_t = 2)]
    lag_days: u32,
    /// The client secret that is accepted
    #[arg(long, default_value = "secret")]
    secret: String,
    /// Seconds for which a token is valid
    #[arg(long, value_name = "N", default_value_t = 3599)]
    token_seconds: u64,
    /// What goes wrong: a TOML file of rules
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Write what really happened into this folder, as CSV
    #[arg(long, value_name = "DIR")]
    truth: Option<PathBuf>,
    /// Serve https with a certificate authority of its own, and write its certificate to this file
    #[arg(long, value_name = "CA.PEM", num_args = 0..=1, default_missing_value = "usagelake-emulator-ca.pem")]
    tls: Option<PathBuf>,
    /// Whether the tenant ran its two campaigns
    #[arg(long, value_enum, default_value = "on")]
    campaigns: Switch,
    /// A day on which a third of the people join at once, as after a merger
    #[arg(long, value_name = "DAY")]
    wave: Option<Day>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, ValueEnum)]
enum Lists {
    Active,
    Everyone,
}

#[derive(Clone, Copy, ValueEnum)]
enum AsOf {
    Asked,
    Today,
}

#[derive(Serialize)]
struct Serving {
    url: String,
    tenant: String,
    today: Day,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<PathBuf>,
}

impl Emulate {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let today = self.today.unwrap_or_else(|| Clock::default().today());
        let end = self.end.unwrap_or(today);
        if end < today {
            return Err(Error::new(Kind::Usage, format!("`--end {end}` is before today, {today}")));
        }
        let options = Options {
            users: self.users,
            days: self.days,
            seed: self.seed,
            end,
            today,
            port: self.port,
            pace: self.pace == Switch::On,
            date_lists: match self.date_lists {
                Lists::Active => DateLists::Active,
                Lists::Everyone => DateLists::Everyone,
            },
            last_activity: match self.last_activity {
                AsOf::Asked => LastActivity::Asked,
                AsOf::Today => LastActivity::Today,
            },
            lag_days: self.lag_days,
            secret: self.secret,
            token_seconds: self.token_seconds,
            tls: self.tls.is_some(),
            faults: self.faults.as_deref().map(Faults::read).transpose()?.unwrap_or_default(),
            campaigns: self.campaigns == Switch::On,
            wave: self.wave,
        };
        let emulator = Emulator::start(options).await?;
        if let (Some(path), Some(pem)) = (&self.tls, emulator.ca_pem()) {
            std::fs::write(path, pem).map_err(|e| {
                Error::new(Kind::File, "cannot write the certificate authority").with("file", path.display()).because(e)
            })?;
        }
        if let Some(folder) = &self.truth {
            emulator.write_truth(folder)?;
        }
        let serving = Serving {
            url: emulator.url().to_string(),
            tenant: emulator.tenant_id().to_string(),
            today,
            ca: self.tls.clone(),
        };
        if json {
            output::document(&serving);
        } else {
            output::print(&serving.url);
            output::say(&format!(
                "Microsoft Graph of an emulated tenant, {today}; tenant `{}`, any client id, the secret you named\nstop it with Ctrl-C",
                serving.tenant
            ));
        }
        let _ = tokio::signal::ctrl_c().await;
        emulator.stop().await;
        Ok(Exit::Done)
    }
}
