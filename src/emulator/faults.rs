//! What goes wrong, scripted: rules that say which request meets which fault.
//!
//! A rule file holds `[[rules]]`. Each has a matcher and one fault:
//!
//! ```toml
//! [[rules]]
//! function = "getEmailActivityUserDetail"   # or a directory collection (`users`), or `*`, the default
//! window = "date=2026-11-18"                # or `period=D7`, `present`, `date`, `period`; all by default
//! leg = "graph"                             # graph | download | token | directory; each fault has a natural one
//! nth = 2                                   # the first matching request that meets it, 1 by default
//! times = 3                                 # how many meet it; all from then on by default
//! fault.status = { code = 429, retry_after = "2.5" }
//! ```
//!
//! Unknown keys are errors. Nothing random is in it.

use std::path::Path;

use serde::Deserialize;

use crate::day::{Day, Window};
use crate::error::{Error, Kind, Result};

/// The rules, in the order in which they are tried.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// The rules.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// Which requests meet a fault.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The report function, or the directory collection; `*` is any.
    #[serde(default = "any")]
    pub function: String,
    /// A window as the lake names it, or the kind of one.
    #[serde(default)]
    pub window: Option<String>,
    /// The leg, where it is not the fault's natural one.
    #[serde(default)]
    pub leg: Option<Leg>,
    /// The first matching request that meets the fault, counted from 1.
    #[serde(default = "one")]
    pub nth: u64,
    /// How many requests meet it; all where nothing is said.
    #[serde(default)]
    pub times: Option<u64>,
    /// The fault.
    pub fault: Fault,
}

fn any() -> String {
    "*".to_owned()
}

fn one() -> u64 {
    1
}

fn ok() -> u16 {
    200
}

fn hundred() -> usize {
    100
}

fn third() -> u32 {
    33
}

/// Where on the way of an answer a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leg {
    /// The call of a report function.
    Graph,
    /// The download of its file, and every body that comes without one.
    Download,
    /// The token endpoint.
    Token,
    /// Users, groups, licences, settings.
    Directory,
}

/// What goes wrong.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// An error status.
    Status {
        /// The status: 429, 500, 503, 504.
        code: u16,
        /// `Retry-After`, word for word: whole or fractional seconds, or an HTTP date.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// The connection ends after some bytes of the body.
    Cut {
        /// Bytes sent.
        after: usize,
        /// Whether the body is chunked and has no length.
        #[serde(default)]
        chunked: bool,
    },
    /// The body is well-formed HTTP and too short.
    Truncated {
        /// Bytes sent.
        after: usize,
    },
    /// The body comes in drops.
    Slow {
        /// Bytes at a time.
        bytes: usize,
        /// Milliseconds between them.
        millis: u64,
    },
    /// Only the header row.
    Empty {},
    /// The day is not there until some days later: refused, or empty.
    Late {
        /// The day.
        day: Day,
        /// Days after it on which it is there.
        days: u32,
        /// Whether it is refused until then, and not empty.
        #[serde(default)]
        refused: bool,
    },
    /// Some people's data of a day come only on a later today.
    Restated {
        /// The day.
        day: Day,
        /// The first today that sees everything.
        from: Day,
        /// How many of a hundred people are missing before.
        #[serde(default = "third")]
        percent: u32,
    },
    /// One more column, at the end.
    ColumnAdded {
        /// Its header.
        header: String,
        /// Its value in every row.
        value: String,
    },
    /// A column under another header.
    ColumnRenamed {
        /// Its header.
        header: String,
        /// The new one.
        to: String,
    },
    /// One column less.
    ColumnDropped {
        /// Its header.
        header: String,
    },
    /// Names are concealed.
    Concealed {
        /// The first today on which they are.
        from: Day,
    },
    /// Only the first rows.
    FirstRows {
        /// How many.
        #[serde(default = "hundred")]
        rows: usize,
    },
    /// Every row twice.
    Doubled {},
    /// The answer of some days before, for periods and the present state: some machine has not refreshed.
    Stale {
        /// How many days.
        days: u32,
    },
    /// The answer for another window than the one asked for.
    OtherWindow {
        /// The window.
        window: Window,
    },
    /// An HTML page.
    Html {
        /// Its status.
        #[serde(default = "ok")]
        status: u16,
    },
    /// The body of an error with status 200.
    JsonError {},
    /// The reporting service does not know the tenant.
    UnknownTenant {
        /// Whether that stands as JSON inside the message of another error.
        #[serde(default)]
        nested: bool,
    },
    /// A permission is missing.
    Permission {},
    /// The download link is not valid any more.
    ExpiredLink {},
}

impl Fault {
    /// The leg on which it strikes where the rule names none; none for what is wrong with the data.
    pub fn leg(&self) -> Option<Leg> {
        match self {
            Fault::Status { .. } | Fault::UnknownTenant { .. } | Fault::Permission {} => Some(Leg::Graph),
            Fault::Cut { .. } | Fault::Truncated { .. } | Fault::Slow { .. } => Some(Leg::Download),
            Fault::Html { .. } | Fault::JsonError {} | Fault::ExpiredLink {} => Some(Leg::Download),
            _ => None,
        }
    }
}

impl Faults {
    /// Reads a rule file.
    pub fn read(path: &Path) -> Result<Faults> {
        let failed = |kind, message: &str| Error::new(kind, message).with("path", path.display());
        let text =
            std::fs::read_to_string(path).map_err(|e| failed(Kind::File, "cannot read the fault file").because(e))?;
        text.parse::<Faults>().map_err(|e| e.with("path", path.display()))
    }
}

impl std::str::FromStr for Faults {
    type Err = Error;

    fn from_str(text: &str) -> Result<Faults> {
        let faults: Faults =
            toml::from_str(text).map_err(|e| Error::new(Kind::Usage, "the fault file is wrong").because(e))?;
        for rule in &faults.rules {
            let named = rule.function == "*" || crate::catalog::find(&rule.function).is_some();
            if !named && !DIRECTORY.contains(&rule.function.as_str()) {
                return Err(Error::new(Kind::Usage, "a fault rule names no function").with("function", &rule.function));
            }
            if let Some(window) = rule.window.as_deref().filter(|w| !KINDS.contains(w)) {
                window.parse::<Window>().map_err(|e| Error::new(Kind::Usage, e))?;
            }
        }
        Ok(faults)
    }
}

const KINDS: [&str; 3] = ["present", "date", "period"];

/// Collections of the directory that rules can name.
const DIRECTORY: [&str; 6] = ["users", "groups", "organization", "subscribedSkus", "reportSettings", "deletedItems"];

/// Rules with the count of requests that each has seen.
#[derive(Debug, Default)]
pub struct FaultBook {
    rules: Vec<(Rule, u64)>,
}

impl FaultBook {
    /// A book in which nothing has been counted.
    pub fn new(faults: Faults) -> FaultBook {
        FaultBook { rules: faults.rules.into_iter().map(|r| (r, 0)).collect() }
    }

    /// The faults that a request meets on a leg; `None` asks for what is wrong with the data. Each call counts.
    pub fn meet(&mut self, function: &str, window: &str, leg: Option<Leg>) -> Vec<Fault> {
        let mut met = Vec::new();
        for (rule, seen) in &mut self.rules {
            // What is wrong with the data strikes wherever the data are made.
            let rule_leg = if rule.fault.leg().is_none() { None } else { rule.leg.or(rule.fault.leg()) };
            let window_fits = rule
                .window
                .as_deref()
                .is_none_or(|w| w == window || (KINDS.contains(&w) && window.split('=').next() == Some(w)));
            let function_fits = rule.function == "*" || rule.function.eq_ignore_ascii_case(function);
            if rule_leg != leg || !function_fits || !window_fits {
                continue;
            }
            *seen += 1;
            let last = rule.times.map_or(u64::MAX, |t| rule.nth.saturating_add(t).saturating_sub(1));
            if (rule.nth..=last).contains(seen) {
                met.push(rule.fault.clone());
            }
        }
        met
    }

    /// Whether names are concealed on `today` by any rule.
    pub fn concealed(&self, today: Day) -> bool {
        self.rules.iter().any(|(r, _)| matches!(r.fault, Fault::Concealed { from } if from <= today))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(text: &str) -> FaultBook {
        FaultBook::new(text.parse().unwrap())
    }

    #[test]
    fn rules_count_requests() {
        let mut b = book(
            "[[rules]]\nfunction='getEmailActivityUserDetail'\nwindow='date'\nnth=2\ntimes=2\nfault.status={code=429,retry_after='2.5'}",
        );
        let graph = Some(Leg::Graph);
        let mut ask = |f: &str, w: &str| b.meet(f, w, graph).len();
        assert_eq!(ask("getEmailActivityUserDetail", "date=2026-11-18"), 0, "the first goes through");
        assert_eq!(ask("getEmailActivityUserDetail", "period=D7"), 0, "another kind of window");
        assert_eq!(ask("getEmailActivityCounts", "date=2026-11-18"), 0, "another function");
        assert_eq!(ask("getEmailActivityUserDetail", "date=2026-11-17"), 1);
        assert_eq!(ask("getEmailActivityUserDetail", "date=2026-11-18"), 1);
        assert_eq!(ask("getEmailActivityUserDetail", "date=2026-11-18"), 0, "twice only");
    }

    #[test]
    fn legs_are_kept_apart() {
        let mut b = book(
            "[[rules]]\nfault.cut={after=100}\n[[rules]]\nfault.empty={}\n[[rules]]\nleg='token'\nfault.status={code=503}",
        );
        assert!(b.meet("x", "present", Some(Leg::Graph)).is_empty());
        assert!(matches!(b.meet("x", "present", Some(Leg::Download))[..], [Fault::Cut { after: 100, chunked: false }]));
        assert!(matches!(b.meet("x", "present", None)[..], [Fault::Empty {}]));
        assert!(matches!(b.meet("", "", Some(Leg::Token))[..], [Fault::Status { code: 503, .. }]));
    }

    #[test]
    fn unknown_keys_and_names_are_errors() {
        for text in [
            "[[rules]]\nfault.status={code=429}\nmatch='x'",
            "[[rules]]\nfault.status={code=429,after='x'}",
            "[[rules]]\nfault.explode={}",
            "[[rules]]\nfunction='getNothing'\nfault.empty={}",
            "[[rules]]\nwindow='D7'\nfault.empty={}",
            "rule=1",
        ] {
            assert!(text.parse::<Faults>().is_err(), "{text}");
        }
    }
}
