//! An answer on its way into the lake, without the rows of people who are forgotten: what is hashed, kept in raw and parsed is
//! what comes out here.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::csv::Csv;
use super::json::Json;
use super::list::Forgotten;
use super::source::Source;
use crate::day::Day;
use crate::error::Result;
use crate::normalise::{MAX_JSON, legacy};

/// Takes forgotten people out of one body.
pub struct Sieve {
    list: Arc<Forgotten>,
    source: Source,
    day: Option<Day>,
    state: State,
    dropped: u64,
    emptied: u64,
}

enum State {
    /// Nothing but blanks has come.
    Start(Vec<u8>),
    Csv(Box<Csv>),
    Json(Vec<u8>),
    /// It is too large for a reader, and is refused by it.
    Passed,
}

impl Sieve {
    /// For a body of `source`. `day` is the day that was asked for, where one was: else its rows say theirs.
    pub fn new(list: &Arc<Forgotten>, source: Source, day: Option<Day>) -> Sieve {
        let state = State::Start(Vec::new());
        Sieve { list: Arc::clone(list), source, day, state, dropped: 0, emptied: 0 }
    }

    /// Takes the next bytes and gives those that may pass.
    pub fn push(&mut self, bytes: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(bytes.len());
        match &mut self.state {
            State::Start(begun) => {
                begun.extend_from_slice(bytes);
                let Some(first) = first(begun) else { return Bytes::new() };
                let begun = std::mem::take(begun);
                if matches!(first, b'{' | b'[') {
                    self.state = State::Json(begun);
                } else {
                    let mut csv = Csv::new(Arc::clone(&self.list), self.source, self.day, b',');
                    csv.push(&begun, &mut out);
                    self.state = State::Csv(Box::new(csv));
                }
            }
            State::Csv(csv) => csv.push(bytes, &mut out),
            State::Json(body) => {
                body.extend_from_slice(bytes);
                if body.len() > MAX_JSON {
                    out.append(body);
                    self.state = State::Passed;
                }
            }
            State::Passed => out.extend_from_slice(bytes),
        }
        out.into()
    }

    /// Ends the body and gives the last bytes.
    pub fn finish(&mut self) -> Bytes {
        let mut out = Vec::new();
        match std::mem::replace(&mut self.state, State::Passed) {
            State::Start(begun) => out = begun,
            State::Csv(mut csv) => {
                csv.finish(&mut out);
                (self.dropped, self.emptied) = (csv.dropped, csv.emptied);
            }
            State::Json(body) => out = self.documents(body),
            State::Passed => {}
        }
        out.into()
    }

    /// Rows that were taken out.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether something was taken out.
    pub(super) fn changed(&self) -> bool {
        self.dropped + self.emptied > 0
    }

    /// A body of one document, or of one in each line, as lists are kept. What is no JSON is passed on: its reader says so.
    fn documents(&mut self, body: Vec<u8>) -> Vec<u8> {
        let all: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&body).into_iter().collect();
        let Ok(mut all) = all else { return body };
        let mut json = Json::new(&self.list, self.source, self.day);
        all.iter_mut().for_each(|document| json.document(document));
        (self.dropped, self.emptied) = (json.dropped, json.emptied);
        if !self.changed() {
            return body;
        }
        let lines = all.len() > 1 || body.ends_with(b"\n");
        let mut out = Vec::with_capacity(body.len());
        for document in &all {
            out.extend(serde_json::to_vec(document).unwrap_or_default());
            if lines {
                out.push(b'\n');
            }
        }
        out
    }

    /// Takes people out of a whole body.
    pub fn whole(&mut self, body: &[u8]) -> Result<Bytes> {
        if let Source::Legacy(_) = self.source {
            return self.export(body);
        }
        let mut out = self.push(body).to_vec();
        out.extend_from_slice(&self.finish());
        Ok(out.into())
    }

    /// Takes people out of an export of the retired app, which may have other delimiters, and be UTF-16.
    fn export(&mut self, body: &[u8]) -> Result<Bytes> {
        let (text, delimiter) = legacy::decoded(body)?;
        let mut csv = Csv::new(Arc::clone(&self.list), self.source, self.day, delimiter);
        let mut out = Vec::new();
        csv.push(text.as_bytes(), &mut out);
        csv.finish(&mut out);
        (self.dropped, self.emptied) = (csv.dropped, csv.emptied);
        Ok(if self.changed() { out.into() } else { Bytes::copy_from_slice(body) })
    }

    /// Takes people out of a page of a list. Gives addresses of theirs that the list has with somebody else.
    pub fn page(&mut self, page: &mut Value) -> Vec<String> {
        let mut json = Json::new(&self.list, self.source, self.day);
        json.document(page);
        self.dropped += json.dropped;
        self.emptied += json.emptied;
        json.given_away
    }
}

/// The first byte that says of what form a body is.
fn first(begun: &[u8]) -> Option<u8> {
    let mark = [&b"\xef\xbb\xbf"[..], "\u{ef}\u{bb}\u{bf}".as_bytes()];
    let begins = mark.iter().find(|m| begun.starts_with(m)).map_or(0, |m| m.len());
    begun[begins..].iter().find(|b| !b.is_ascii_whitespace()).copied()
}
