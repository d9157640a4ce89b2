//! Proof that the lake is what the ledger says: every object that it names is there, with the size, the bytes, the rows and
//! the columns that it should have, and no other object is.
//!
//! Nothing is written and nothing is locked. Objects are read side by side and in pieces, so that memory does not grow with
//! the lake. What is expected comes from the ledger; the manifest and the state of the marts are held against it.

mod expected;
mod object;

use std::collections::BTreeSet;

use futures::StreamExt;
use serde::Serialize;

use self::expected::{Expected, Told, expected};
use crate::config::RawPolicy;
use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::lake::{Lake, Layout, Listed};
use crate::marts::Models;

/// Objects that are read side by side.
const READING: usize = 16;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrong {
    /// An object that should be there is not.
    Missing,
    /// It has another size: it was cut, or something else was put.
    Size,
    /// It has other bytes.
    Hash,
    /// It has other rows than it should.
    Rows,
    /// It has other columns than its table.
    Schema,
    /// It is no file of its kind.
    Unreadable,
    /// An object that nothing names.
    Foreign,
    /// The beginning of an object, left by a run that was killed.
    HalfWritten,
    /// A line of ledger, manifest or state that cannot be, or contradicts another.
    Ledger,
    /// A run has begun and not ended, or is under way.
    Interrupted,
}

/// Something that is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The object's key.
    pub object: String,
    /// What is wrong.
    pub wrong: Wrong,
    /// What was found and what was expected.
    pub message: String,
}

impl Finding {
    fn new(object: &str, wrong: Wrong, message: impl Into<String>) -> Finding {
        Finding { object: object.to_string(), wrong, message: message.into() }
    }
}

/// Something that is as it should be, and that who reads an object should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// The object's key.
    pub object: String,
    /// What it is.
    pub message: String,
}

/// What was proven of a tenant.
#[derive(Debug, Clone, Serialize)]
pub struct Proof {
    /// The tenant.
    pub tenant: String,
    /// Objects that were read whole.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows of tables and marts.
    pub rows: u64,
    /// All that is wrong, by object.
    pub findings: Vec<Finding>,
    /// What is no damage and should be known, by object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// Proves what the lake has of a tenant. `raw` is how long raw is kept, as far as that is known: what was deleted in its
/// time is not missing.
pub async fn verify(lake: &Lake, tenant: &str, models: &Models, raw: RawPolicy, today: Day) -> Result<Proof> {
    let layout = Layout::new(tenant);
    let before = lake.read(&layout.manifest()).await?.map(|f| f.bytes);
    let Told { all: mut expected, doomed, mut findings, notes } = expected(lake, &layout, models).await?;
    let listed: Vec<Listed> = lake.listing("").await?.into_iter().filter(|o| layout.may_be_ours(&o.key)).collect();
    let there: BTreeSet<&str> = listed.iter().map(|o| o.key.as_str()).collect();
    for object in listed.iter().filter(|o| !expected.contains_key(&o.key) && !layout.keeps(&o.key)) {
        let message = match layout.received(&object.key) {
            Some(day) => format!("an answer of {day} that is in no ledger: a run was killed before it was published"),
            None => format!("{} bytes that neither ledger, manifest nor marts name", object.size),
        };
        findings.push(Finding::new(&object.key, Wrong::Foreign, message));
    }
    expected
        .retain(|key, _| there.contains(key.as_str()) || !(doomed.contains(key) || outlived(&layout, key, raw, today)));
    let sizes: std::collections::BTreeMap<&str, u64> = listed.iter().map(|o| (o.key.as_str(), o.size)).collect();
    let checks = expected.into_iter().map(|(key, expected)| {
        let (lake, size) = (lake.clone(), sizes.get(key.as_str()).copied());
        let task = async move { check(&lake, &key, &expected, size).await };
        async move {
            tokio::spawn(task).await.unwrap_or_else(|e| Err(Error::new(Kind::Lake, "a check has stopped").because(e)))
        }
    });
    let mut checks = futures::stream::iter(checks).buffer_unordered(READING);
    let mut proof = Proof { tenant: tenant.to_string(), objects: 0, bytes: 0, rows: 0, findings, notes };
    while let Some(checked) = checks.next().await {
        let Checked { bytes, rows, finding } = checked?;
        proof.objects += 1;
        proof.bytes += bytes;
        proof.rows += rows;
        proof.findings.extend(finding);
    }
    for key in lake.half_written(tenant).await {
        proof.findings.push(Finding::new(
            &key,
            Wrong::HalfWritten,
            "a run that did not end left it; the next run deletes it",
        ));
    }
    if lake.read(&layout.manifest()).await?.map(|f| f.bytes) != before {
        return Err(Error::new(Kind::Locked, "a run has changed the lake meanwhile")
            .with("tenant", tenant)
            .hint("verify again when it has ended"));
    }
    proof.findings.sort();
    Ok(proof)
}

/// Whether an answer is gone because its time was over.
fn outlived(layout: &Layout, key: &str, raw: RawPolicy, today: Day) -> bool {
    let RawPolicy::Days(days) = raw else { return false };
    let received = layout.received(key);
    received.is_some_and(|day| today.since(day) > i32::try_from(days).unwrap_or(i32::MAX))
}

/// What a look at one object came to.
struct Checked {
    bytes: u64,
    rows: u64,
    finding: Option<Finding>,
}

async fn check(lake: &Lake, key: &str, expected: &Expected, size: Option<u64>) -> Result<Checked> {
    let none =
        |wrong, message: String| Ok(Checked { bytes: 0, rows: 0, finding: Some(Finding::new(key, wrong, message)) });
    let Some(size) = size else {
        return none(Wrong::Missing, format!("it should have {} bytes and is not there", expected.size));
    };
    if size != expected.size {
        return none(Wrong::Size, format!("it has {size} bytes and should have {}", expected.size));
    }
    let Some(seen) = object::read(lake, key, size).await? else {
        return none(Wrong::Missing, "it has vanished".to_string());
    };
    if seen.sha256 != expected.sha256 {
        let message = format!("its SHA-256 is {} and should be {}", seen.sha256, expected.sha256);
        return none(Wrong::Hash, message);
    }
    let finding = expected.form.as_ref().and_then(|form| object::differs(&seen, form, expected.rows));
    let finding = finding.map(|(wrong, message)| Finding::new(key, wrong, message));
    let rows = if expected.form.is_some() { expected.rows } else { 0 };
    Ok(Checked { bytes: size, rows, finding })
}
