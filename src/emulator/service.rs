//! What all requests share: the history, the clock, the faults, links that were given out, and the log.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::faults::{Fault, FaultBook, Faults, Leg};
use super::history::{History, lock};
use super::options::Options;
use super::pace::Pace;
use super::reports::Order;
use super::token::Mint;
use crate::day::{Clock, Day};

/// How long a download link holds.
const LINK_LIFE: Duration = Duration::from_secs(300);

/// One request as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLog {
    /// `GET`, `POST`.
    pub method: String,
    /// Path and query, as they were sent.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// Whether the request carried an `Authorization`.
    pub had_authorization: bool,
    /// Whether it came to the download origin.
    pub download: bool,
}

/// What all requests share.
pub struct Service {
    /// The history.
    pub history: Arc<History>,
    /// How the emulator was started.
    pub options: Options,
    /// Origin of Graph and of the token endpoint.
    pub graph_url: String,
    /// Origin of downloads.
    pub download_url: String,
    /// Issues and checks tokens.
    pub mint: Mint,
    /// Counts requests.
    pub pace: Mutex<Pace>,
    today: AtomicI32,
    faults: Mutex<FaultBook>,
    links: Mutex<Links>,
    log: Mutex<Vec<RequestLog>>,
}

/// Links that were given out, the oldest first, and what is behind them.
#[derive(Default)]
struct Links {
    given: VecDeque<(Instant, String)>,
    orders: HashMap<String, (Order, Instant)>,
}

impl Service {
    /// A service that has not been asked anything.
    pub fn new(history: Arc<History>, options: Options, graph_url: String, download_url: String) -> Service {
        Service {
            mint: Mint::new(options.secret.clone(), options.token_seconds, history.tenant_id.clone()),
            today: AtomicI32::new(options.today.min(options.end).epoch()),
            faults: Mutex::new(FaultBook::new(options.faults.clone())),
            pace: Mutex::default(),
            links: Mutex::default(),
            log: Mutex::default(),
            history,
            options,
            graph_url,
            download_url,
        }
    }

    /// The day on which the emulator stands.
    pub fn today(&self) -> Day {
        Day::from_epoch(self.today.load(Ordering::Relaxed))
    }

    /// Moves it, to the end of the history at the latest.
    pub fn set_today(&self, day: Day) {
        self.today.store(day.min(self.options.end).epoch(), Ordering::Relaxed);
    }

    /// The last day that period reports speak of.
    pub fn refresh(&self) -> Day {
        self.today().plus(-i32::try_from(self.options.lag_days).unwrap_or(0))
    }

    /// Now, on the emulator's day.
    pub fn now(&self) -> DateTime<Utc> {
        Clock::on(self.today()).now()
    }

    /// Replaces the faults; counting begins anew.
    pub fn set_faults(&self, faults: Faults) {
        *lock(&self.faults) = FaultBook::new(faults);
    }

    /// The faults that a request meets.
    pub fn meet(&self, function: &str, window: &str, leg: Option<Leg>) -> Vec<Fault> {
        lock(&self.faults).meet(function, window, leg)
    }

    /// Whether names are concealed today.
    pub fn concealed(&self) -> bool {
        lock(&self.faults).concealed(self.today())
    }

    /// Keeps an order behind a new link and gives the link out.
    pub fn link(&self, order: Order) -> String {
        let token: String = (0..6).map(|_| format!("{:016x}", fastrand::u64(..))).collect();
        let mut links = lock(&self.links);
        while let Some((at, _)) = links.given.front()
            && at.elapsed() >= LINK_LIFE
            && let Some((_, old)) = links.given.pop_front()
        {
            links.orders.remove(&old);
        }
        links.given.push_back((Instant::now(), token.clone()));
        links.orders.insert(token.clone(), (order, Instant::now()));
        format!("{}/data/download/{token}", self.download_url)
    }

    /// The order behind a link that still holds.
    pub fn linked(&self, token: &str) -> Option<Order> {
        let links = lock(&self.links);
        links.orders.get(token).filter(|(_, at)| at.elapsed() < LINK_LIFE).map(|(order, _)| order.clone())
    }

    /// Writes down a request.
    pub fn record(&self, entry: RequestLog) {
        lock(&self.log).push(entry);
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<RequestLog> {
        lock(&self.log).clone()
    }
}
