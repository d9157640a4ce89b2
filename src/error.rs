//! One error type for the whole program: what happened, to what, why, and what to do about it.
//!
//! It prints in one line; its causes and its hint are printed by the command line, which is also the only place that
//! turns a [`Kind`] into an exit code. A secret, a pre-authenticated URL or a person's name never enters an error.

use std::fmt;

/// What went wrong, in the terms in which the program decides what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The command line asks for something that cannot be.
    Usage,
    /// The pipeline file is wrong.
    Config,
    /// Another run holds the tenant.
    Locked,
    /// The lake cannot be read or written.
    Lake,
    /// The token endpoint refused the credentials.
    SignIn,
    /// Graph says that a permission is missing.
    Permission,
    /// Graph does not serve this report to this tenant, and says so.
    NotEnabled,
    /// The tenant is not (yet) known to the reporting service.
    NotReady,
    /// The day asked for lies outside the window that Graph keeps.
    OutsideWindow,
    /// Graph asks to be left alone for a while (429).
    Throttled,
    /// Graph or the way to it failed: 5xx, a cut connection, a timeout.
    Unavailable,
    /// A pre-authenticated download URL is no longer valid.
    LinkExpired,
    /// The answer is not the report that was asked for, or not whole.
    NotAReport,
    /// The header of an answer has lost the column that tells its rows apart.
    KeyLost,
    /// The columns of an answer are not those that the contract of its table allows.
    Contract,
    /// A file on this machine cannot be read or written.
    File,
    /// Graph refused the request in a way that is not known.
    Refused,
    /// A model of the marts, or its contract, is wrong; or its rows are not what the contract says.
    Model,
}

impl Kind {
    /// Whether asking again later, with nothing changed, may succeed.
    pub fn is_temporary(self) -> bool {
        matches!(self, Kind::Throttled | Kind::Unavailable | Kind::LinkExpired)
    }

    /// What the operator can do where an error of this kind has no hint of its own.
    pub fn advice(self) -> &'static str {
        match self {
            Kind::Usage => "look at the command line: `usagelake --help`",
            Kind::Config => "mend the pipeline file; `pipelines/nightly.toml` shows every key",
            Kind::Locked => "wait until the other run has ended, then run again",
            Kind::Lake => "look whether the lake's store is there and may be written to, then run again",
            Kind::SignIn => "check the tenant's `id` and `auth`; docs/permissions.md says what the application needs",
            Kind::Permission => "grant the permission, with an administrator's consent; docs/permissions.md says how",
            Kind::NotEnabled | Kind::NotReady => {
                "nothing, unless the tenant should have it: it is asked for again every week"
            }
            Kind::OutsideWindow => "nothing: Graph does not have that day",
            Kind::Throttled | Kind::Unavailable | Kind::LinkExpired => {
                "run again later; what has landed stays, and only what is missing is asked for"
            }
            Kind::NotAReport | Kind::KeyLost | Kind::Refused => {
                "run again; if it stays so, look at what Graph answers, and update usagelake"
            }
            Kind::Contract => "look at the columns, then let the table evolve under `[contracts]`, or update usagelake",
            Kind::File => "look whether the file is there and may be read",
            Kind::Model => "mend the model or its contract; the error says which",
        }
    }

    /// Whether this is a lasting state of a report in a tenant, probed weekly, and no failure.
    pub fn is_state(self) -> bool {
        matches!(self, Kind::NotEnabled | Kind::NotReady)
    }
}

/// An error with its kind, the operation that failed, what it was done to, and its cause.
pub struct Error {
    kind: Kind,
    message: String,
    context: Vec<(&'static str, String)>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`. `message` is one sentence without a full stop: what failed, with literals in backticks.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), context: Vec::new(), hint: None, source: None }
    }

    /// Adds what it happened to: a report, a window, a path.
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.context.push((key, value.to_string()));
        self
    }

    /// Says in the imperative what the operator can do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Keeps the cause. Use [`Error::with`] for facts, never fold a cause into the message.
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the operator can do, where something is known.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether asking again later may succeed.
    pub fn is_temporary(&self) -> bool {
        self.kind.is_temporary()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (i, (key, value)) in self.context.iter().enumerate() {
            write!(f, "{}{key} `{value}`", if i == 0 { " (" } else { ", " })?;
        }
        if self.context.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)?;
        let mut cause = std::error::Error::source(self);
        while let Some(c) = cause {
            write!(f, "\n  caused by: {c}")?;
            cause = c.source();
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn std::error::Error + 'static))
    }
}

/// The candidate nearest to `word`, for "did you mean" hints: at most a third of its letters differ.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (edits(&word.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(d, c)| *d <= c.chars().count().max(word.chars().count()).div_ceil(3))
        .min_by_key(|(d, c)| (*d, c.len()))
        .map(|(_, c)| c)
}

/// Levenshtein distance in characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (above + 1).min(row[j] + 1).min(diagonal + usize::from(ca != *cb));
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_in_one_line_with_context() {
        let e = Error::new(Kind::Lake, "cannot write the partition").with("path", "tables/x").with("store", "az");
        assert_eq!(e.to_string(), "cannot write the partition (path `tables/x`, store `az`)");
    }

    #[test]
    fn nearest_finds_typos_and_nothing_far() {
        assert_eq!(nearest("lakee", ["lake", "format", "raw"]), Some("lake"));
        assert_eq!(nearest("reread_day", ["reread_days", "raw"]), Some("reread_days"));
        assert_eq!(nearest("zebra", ["lake", "format"]), None);
    }
}
