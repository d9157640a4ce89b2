//! How an emulator is started.

use chrono::Utc;

use super::faults::Faults;
use crate::day::Day;

/// Whom `date=` details list. Microsoft's pages say that the parameter is for seeing "the users who performed any
/// activity" on the day, which is why that is the default; answers that list everyone have been seen too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum DateLists {
    /// Those who were active on the day.
    #[default]
    Active,
    /// Everyone who is licensed or was deleted not long before.
    Everyone,
}

/// As of when `date=` details say the last activity. The pages leave it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LastActivity {
    /// As of the day asked for, like everything else in the row.
    #[default]
    Asked,
    /// As of the latest day that there is.
    Today,
}

/// How an emulator is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Members of the tenant over all days; guests come on top, one for 25.
    pub users: u32,
    /// Days that can be lived through up to `end`; the 210 days before them are filled too.
    pub days: u32,
    /// The seed of everything.
    pub seed: u64,
    /// The last day of the history.
    pub end: Day,
    /// The day on which the emulator stands, `end` at the latest.
    pub today: Day,
    /// The port of the Graph and login origin; 0 takes a free one. The download origin always takes a free one.
    pub port: u16,
    /// Whether too many requests are refused, as Graph does.
    pub pace: bool,
    /// Whom `date=` details list.
    pub date_lists: DateLists,
    /// As of when they say the last activity.
    pub last_activity: LastActivity,
    /// Days by which data lag behind today.
    pub lag_days: u32,
    /// The client secret that is accepted.
    pub secret: String,
    /// Seconds for which a token is valid.
    pub token_seconds: u64,
    /// Whether both origins speak TLS with certificates of the emulator's own CA.
    pub tls: bool,
    /// What goes wrong.
    pub faults: Faults,
    /// Whether the tenant ran its two campaigns.
    pub campaigns: bool,
    /// A day on which a third of the people join at once, as after a merger; otherwise they join one by one.
    pub wave: Option<Day>,
}

impl Default for Options {
    fn default() -> Options {
        let today = Day::of(Utc::now());
        Options {
            users: 300,
            days: 400,
            seed: 1,
            end: today,
            today,
            port: 0,
            pace: true,
            date_lists: DateLists::default(),
            last_activity: LastActivity::default(),
            lag_days: 2,
            secret: "secret".to_owned(),
            token_seconds: 3_599,
            tls: false,
            faults: Faults::default(),
            campaigns: true,
            wave: None,
        }
    }
}
