//! Holds each report function to the number of requests that Graph allows in a sliding window.
//!
//! Every request counts, repeated ones too, as Graph counts them. Functions do not wait for each other. It never lets
//! more requests through than the window allows: a waiter that is dropped has used its turn.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::retry::words;

/// The part of the window that is added to it: requests may reach Graph closer together than they were sent.
const MARGIN: u32 = 200;

/// The turns of all report functions of one tenant.
#[derive(Debug)]
pub(super) struct Pace {
    requests: usize,
    window: Duration,
    lanes: Mutex<HashMap<String, Lane>>,
}

/// The turns of one function: as many of the last ones as a window holds, in order, and until when Graph asked to be
/// left alone.
#[derive(Debug, Default)]
struct Lane {
    turns: VecDeque<Instant>,
    blocked: Option<Instant>,
}

impl Pace {
    /// `requests` in each window of `per`, for each function.
    pub(super) fn new((requests, per): (u32, Duration)) -> Pace {
        Pace { requests: requests.max(1) as usize, window: per + per / MARGIN, lanes: Mutex::default() }
    }

    /// Waits for `function`'s turn and returns how long.
    pub(super) async fn acquire(&self, function: &str) -> Duration {
        let start = Instant::now();
        let mut turn = self.reserve(function, start);
        if turn > start {
            tracing::debug!("`{function}` waits {} for its turn", words(turn - start));
        }
        loop {
            if turn > Instant::now() {
                tokio::time::sleep_until(turn).await;
            }
            match self.again(function, turn, Instant::now()) {
                Some(later) => turn = later,
                None => return start.elapsed(),
            }
        }
    }

    /// Lets nobody ask `function` for `wait`, as Graph asked.
    pub(super) fn block(&self, function: &str, wait: Duration) {
        self.block_until(function, Instant::now() + wait);
    }

    fn block_until(&self, function: &str, until: Instant) {
        let mut lanes = self.lanes();
        let lane = lanes.entry(function.to_string()).or_default();
        lane.blocked = Some(lane.blocked.map_or(until, |b| b.max(until)));
    }

    /// Takes the next turn of `function` at or after `now`.
    fn reserve(&self, function: &str, now: Instant) -> Instant {
        let mut lanes = self.lanes();
        let lane = lanes.entry(function.to_string()).or_default();
        let free = match lane.turns.len().checked_sub(self.requests) {
            Some(i) => lane.turns.get(i).map_or(now, |t| *t + self.window),
            None => now,
        };
        let turn = [Some(now), Some(free), lane.blocked, lane.turns.back().copied()].into_iter().flatten().max();
        let turn = turn.unwrap_or(now);
        lane.turns.push_back(turn);
        while lane.turns.len() > self.requests {
            lane.turns.pop_front();
        }
        turn
    }

    /// Another turn instead of `turn`, where the function was blocked meanwhile.
    fn again(&self, function: &str, turn: Instant, now: Instant) -> Option<Instant> {
        {
            let mut lanes = self.lanes();
            let lane = lanes.get_mut(function)?;
            lane.blocked.filter(|b| *b > now)?;
            if let Some(i) = lane.turns.iter().position(|t| *t == turn) {
                lane.turns.remove(i);
            }
        }
        Some(self.reserve(function, now))
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<String, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES: u64 = 60;

    /// Seconds after `now` of each turn.
    fn turns(pace: &Pace, function: &str, now: Instant, n: usize) -> Vec<u64> {
        (0..n).map(|_| (pace.reserve(function, now) - now).as_secs()).collect()
    }

    #[test]
    fn fourteen_in_ten_minutes_then_wait() {
        let pace = Pace::new((14, Duration::from_secs(10 * MINUTES)));
        let now = Instant::now();
        let given = turns(&pace, "a", now, 29);
        assert_eq!(given[..14], [0; 14]);
        assert_eq!(given[14..28], [603; 14]);
        assert_eq!(given[28], 1206);
        assert_eq!(turns(&pace, "b", now, 1), [0], "another function does not wait");
    }

    #[test]
    fn the_window_slides() {
        let pace = Pace::new((2, Duration::from_secs(200)));
        let t0 = Instant::now();
        let at = |s| t0 + Duration::from_secs(s);
        assert_eq!(pace.reserve("a", at(0)), at(0));
        assert_eq!(pace.reserve("a", at(150)), at(150));
        assert_eq!(pace.reserve("a", at(151)), at(201), "the first is a window old");
        assert_eq!(pace.reserve("a", at(202)), at(351), "the second is");
        assert_eq!(pace.reserve("a", at(1000)), at(1000));
    }

    #[test]
    fn no_window_ever_holds_more() {
        let pace = Pace::new((5, Duration::from_secs(100)));
        let t0 = Instant::now();
        let mut given = Vec::new();
        let mut now = t0;
        for i in 0..200u64 {
            now += Duration::from_secs(i * 7919 % 23);
            given.push(pace.reserve("a", now));
            if i % 31 == 0 {
                pace.block_until("a", now + Duration::from_secs(i));
            }
        }
        for pair in given.windows(6) {
            assert!(pair[5] - pair[0] >= Duration::from_secs(100), "six within a window");
        }
    }

    #[test]
    fn a_block_moves_those_who_wait() {
        let pace = Pace::new((14, Duration::from_secs(600)));
        let t0 = Instant::now();
        let turn = pace.reserve("a", t0);
        let until = t0 + Duration::from_secs(90);
        pace.block_until("a", until);
        pace.block_until("a", t0 + Duration::from_secs(30));
        assert_eq!(pace.again("a", turn, t0), Some(until));
        assert_eq!(pace.again("a", until, until), None);
        assert_eq!(pace.reserve("b", t0), t0, "another function is not blocked");
    }

    #[tokio::test]
    async fn acquire_waits_for_real() {
        let pace = Pace::new((1, Duration::from_millis(60)));
        assert!(pace.acquire("a").await < Duration::from_millis(30));
        assert!(pace.acquire("a").await >= Duration::from_millis(50));
    }
}
