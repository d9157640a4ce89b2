//! How often and how long one answer is asked for: the policy ([`Retry`]) and what is left of it ([`Budget`]).
//!
//! A budget counts attempts and time, and says both when it gives up. Waiting for one's turn (see `pace`) is no failure
//! and does not count against the time. What is not temporary is never asked again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::sent::Sent;
use crate::error::{Error, Kind, Result};

/// Requests for one answer, the first included. More only delays the night's verdict.
pub const ATTEMPTS: u32 = 6;
/// Time for one answer, waits for one's turn left out. It spans the ten minutes of Graph's own window.
pub const BUDGET: Duration = Duration::from_secs(15 * 60);
/// The first wait after a failure; each further one is twice as long.
pub const BASE: Duration = Duration::from_secs(1);
/// The first wait after a 429 that does not say how long: doubling five times, it spans Graph's window of ten minutes.
pub const THROTTLED_BASE: Duration = Duration::from_secs(20);
/// The longest wait that doubling leads to.
pub const CAP: Duration = Duration::from_secs(300);

/// How often, how long and with which waits one answer is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Requests, the first included.
    pub attempts: u32,
    /// Time, waits for one's turn left out.
    pub budget: Duration,
    /// The first wait after a failure.
    pub base: Duration,
    /// The first wait after a 429 without `Retry-After`.
    pub throttled_base: Duration,
    /// The longest wait of the backoff. A wait that the service names may be longer.
    pub cap: Duration,
    /// A number from 0 to 1, new at each call, that spreads the waits.
    pub jitter: fn() -> f64,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            attempts: ATTEMPTS,
            budget: BUDGET,
            base: BASE,
            throttled_base: THROTTLED_BASE,
            cap: CAP,
            jitter: fastrand::f64,
        }
    }
}

impl Retry {
    /// The wait after the `n`th failure (from 1): doubling from `base`, held under the cap, spread over its upper half.
    fn backoff(&self, base: Duration, n: u32) -> Duration {
        let whole =
            base.saturating_mul(1u32.checked_shl(n.saturating_sub(1).min(31)).unwrap_or(u32::MAX)).min(self.cap);
        whole.mul_f64(0.5 + 0.5 * (self.jitter)().clamp(0.0, 1.0))
    }
}

/// What is left of a [`Retry`] for one answer, and what was spent.
#[derive(Debug)]
pub struct Budget {
    retry: Retry,
    started: Instant,
    attempts: u32,
    failures: u32,
    paced: Duration,
    slept: Duration,
    asked: Option<Duration>,
    sent: Vec<Sent>,
    /// Whether it was given up: who asks again hears the same error.
    over: bool,
    /// What a request passes before it is sent, and holds until it is repeated or the budget ends.
    gate: Option<Arc<Semaphore>>,
    pass: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// A budget that nothing was spent of.
    pub fn new(retry: Retry) -> Budget {
        Budget {
            retry,
            started: Instant::now(),
            attempts: 0,
            failures: 0,
            paced: Duration::ZERO,
            slept: Duration::ZERO,
            asked: None,
            sent: Vec::new(),
            over: false,
            gate: None,
            pass: None,
        }
    }

    /// Lets no more answers be under way at once than `gate` has permits: each of its requests takes one when its turn has
    /// come, and gives it back where it must be repeated, or when the budget is dropped. What bounds the memory of those who
    /// read bodies must be waited for before a body is there, or its connection dies of waiting.
    pub fn through(mut self, gate: Arc<Semaphore>) -> Budget {
        self.gate = Some(gate);
        self
    }

    /// Requests sent so far.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Time spent waiting for one's turn.
    pub fn waited_for_pace(&self) -> Duration {
        self.paced
    }

    /// Time spent waiting after failures.
    pub fn waited_for_retries(&self) -> Duration {
        self.slept
    }

    /// Time spent waiting, for whatever reason.
    pub fn waited(&self) -> Duration {
        self.paced + self.slept
    }

    /// The requests to Graph and to downloads since this was asked for the last time, in the order in which they were sent.
    pub fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// Decides what follows `error`: waits, and returns how long, where another attempt is due; fails with the error
    /// itself where asking again cannot help; fails with how often and how long was tried where nothing is left.
    pub async fn again(&mut self, error: Error) -> Result<Duration> {
        let what = error.to_string();
        self.pass = None;
        let wait = self.decide(error, Instant::now())?;
        tracing::info!("{what}: attempt {} follows in {}", self.attempts + 1, words(wait));
        tokio::time::sleep(wait).await;
        self.slept += wait;
        Ok(wait)
    }

    /// Counts a request that is about to be sent. The time runs from the first.
    pub(super) fn begin(&mut self) {
        if self.attempts == 0 {
            self.started = Instant::now();
        }
        self.attempts += 1;
        self.asked = None;
        self.pass = None;
    }

    /// Passes the gate, once the request's turn has come.
    pub(super) async fn enter(&mut self) {
        let Some(gate) = &self.gate else { return };
        let begun = Instant::now();
        // A gate that is closed holds nobody up: the run is ending, and its requests with it.
        self.pass = Arc::clone(gate).acquire_owned().await.ok();
        self.paced += begun.elapsed();
    }

    /// Adds a wait for one's turn.
    pub(super) fn paced(&mut self, waited: Duration) {
        self.paced += waited;
    }

    /// Keeps what became of a request.
    pub(super) fn sent(&mut self, sent: Sent) {
        self.sent.push(sent);
    }

    /// Keeps the wait that a reply asked for, for [`Budget::again`].
    pub(super) fn asked_to_wait(&mut self, wait: Option<Duration>) {
        self.asked = wait;
    }

    fn decide(&mut self, error: Error, now: Instant) -> Result<Duration> {
        if self.over || !error.is_temporary() {
            return Err(error);
        }
        self.failures += 1;
        let spent = now.saturating_duration_since(self.started).saturating_sub(self.paced);
        let kind = error.kind();
        let give_up = |message: String| Error::new(kind, message);
        let tried = format!("{} attempt{} in {}", self.attempts, plural(self.attempts), words(spent));
        if self.attempts >= self.retry.attempts {
            self.over = true;
            return Err(give_up(format!("gave up after {tried}"))
                .because(error)
                .hint("run again later; what has landed stays, and only what is missing is asked for"));
        }
        let asked = self.asked.take();
        let wait = match (asked, kind) {
            // The service's word counts. Where it keeps saying a second while it keeps refusing, the backoff is longer.
            (Some(asked), _) if self.failures == 1 => asked,
            (Some(asked), _) => asked.max(self.retry.backoff(self.retry.base, self.failures - 1)),
            (None, Kind::Throttled) => self.retry.backoff(self.retry.throttled_base, self.failures),
            (None, _) => self.retry.backoff(self.retry.base, self.failures),
        };
        if spent.saturating_add(wait) <= self.retry.budget {
            return Ok(wait);
        }
        self.over = true;
        let left = words(self.retry.budget.saturating_sub(spent));
        let mut message = format!("gave up after {tried}");
        if asked.is_some() {
            message += &format!(": the service asks to wait {}, and {left} were left", words(wait));
        }
        Err(give_up(message).because(error).hint(format!("run again in {} or later", words(wait))))
    }
}

fn plural(n: u32) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// A length of time for people: `250 ms`, `31 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn words(time: Duration) -> String {
    let s = time.as_secs();
    let two = |a: u64, unit_a: &str, b: u64, unit_b: &str| match b {
        0 => format!("{a} {unit_a}"),
        b => format!("{a} {unit_a} {b} {unit_b}"),
    };
    match s {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{s} s"),
        60..3600 => two(s / 60, "min", s % 60, "s"),
        3600..86_400 => two(s / 3600, "h", s % 3600 / 60, "min"),
        _ => two(s / 86_400, "d", s % 86_400 / 3600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Retry {
        Retry { jitter: || 1.0, ..Retry::default() }
    }

    fn unavailable() -> Error {
        Error::new(Kind::Unavailable, "no answer")
    }

    #[test]
    fn waits_double_and_are_capped() {
        let p = policy();
        let waits: Vec<u64> = (1..=10).map(|n| p.backoff(p.base, n).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(p.backoff(p.base, u32::MAX), p.cap);
        assert_eq!(Retry { jitter: || 0.0, ..p }.backoff(p.base, 2), Duration::from_secs(1));
        let throttled: u64 = (1..ATTEMPTS).map(|n| p.backoff(p.throttled_base, n).as_secs()).sum();
        assert!((600..=BUDGET.as_secs()).contains(&throttled), "{throttled}");
    }

    #[test]
    fn gives_up_with_count_and_time() {
        let mut b = Budget::new(policy());
        for _ in 0..6 {
            b.begin();
        }
        let e = b.decide(unavailable(), b.started + Duration::from_secs(250)).unwrap_err();
        assert_eq!(e.to_string(), "gave up after 6 attempts in 4 min 10 s");
        assert_eq!(e.kind(), Kind::Unavailable);
        assert!(format!("{e:?}").contains("caused by: no answer"));
    }

    #[test]
    fn a_wait_beyond_the_budget_gives_up_at_once() {
        let mut b = Budget::new(policy());
        b.begin();
        b.asked_to_wait(Some(Duration::from_secs(7200)));
        let e = b.decide(Error::new(Kind::Throttled, "too many requests"), b.started + Duration::from_secs(60));
        let e = e.unwrap_err();
        assert_eq!(
            e.to_string(),
            "gave up after 1 attempt in 1 min: the service asks to wait 2 h, and 14 min were left"
        );
        assert_eq!(e.hint_text(), Some("run again in 2 h or later"));
        let same = b.decide(e, b.started + Duration::from_secs(60)).unwrap_err();
        assert!(same.to_string().starts_with("gave up after 1 attempt"), "what was given up is not taken up again");
        assert!(std::error::Error::source(&same).is_some_and(|c| c.to_string() == "too many requests"));
    }

    #[test]
    fn the_services_word_counts_and_pace_does_not() {
        let mut b = Budget::new(policy());
        b.begin();
        b.paced(Duration::from_secs(3600));
        b.asked_to_wait(Some(Duration::from_millis(2128)));
        let later = b.started + Duration::from_secs(3601);
        assert_eq!(b.decide(unavailable(), later).unwrap(), Duration::from_millis(2128));
        b.begin();
        b.asked_to_wait(Some(Duration::ZERO));
        assert_eq!(b.decide(unavailable(), later).unwrap(), Duration::from_secs(1));
        b.begin();
        b.asked_to_wait(Some(Duration::ZERO));
        assert_eq!(b.decide(unavailable(), later).unwrap(), Duration::from_secs(2), "told `now` again and again");
    }

    #[test]
    fn what_is_not_temporary_is_not_asked_again() {
        let mut b = Budget::new(policy());
        b.begin();
        let e = b.decide(Error::new(Kind::Permission, "no"), b.started).unwrap_err();
        assert_eq!(e.to_string(), "no");
    }

    #[test]
    fn time_in_words() {
        for (s, text) in [(59, "59 s"), (60, "1 min"), (250, "4 min 10 s"), (7500, "2 h 5 min"), (273_600, "3 d 4 h")] {
            assert_eq!(words(Duration::from_secs(s)), text);
        }
        assert_eq!(words(Duration::from_millis(250)), "250 ms");
    }
}
