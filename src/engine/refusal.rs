//! What is wrong with a statement, for people: DataFusion's own words as the cause, and the nearest name as the hint.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::error::{Error, Kind, nearest};

/// An error of `kind` for a statement that could not be planned or answered. `tables` are those that there are.
pub fn refusal(kind: Kind, e: DataFusionError, tables: &[String]) -> Error {
    let hint = hint(&e, tables);
    // A join that runs out of memory may end in a panic of DataFusion's own, which comes as the end of a task.
    let full = matches!(e.find_root(), DataFusionError::ResourcesExhausted(_) | DataFusionError::ExecutionJoin(_));
    let what = if full { "the SQL needs more memory than it may use" } else { "the SQL cannot be answered" };
    let error = Error::new(kind, what).because(Plain(said(&e)));
    match hint {
        Some(hint) => error.hint(hint),
        None if full => error.hint("give it more with `memory_mib` under `[marts]`, or fewer `threads`"),
        None => error,
    }
}

fn hint(e: &DataFusionError, tables: &[String]) -> Option<String> {
    match e.find_root() {
        DataFusionError::SchemaError(e, _) => match &**e {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let mut names: Vec<&str> = valid_fields.iter().map(|c| c.name.as_str()).collect();
                match nearest(&field.name, names.iter().copied()) {
                    Some(near) => Some(format!("the nearest column to `{}` is `{near}`", field.name)),
                    None => {
                        names.truncate(12);
                        (!names.is_empty()).then(|| format!("columns here: {}", names.join(", ")))
                    }
                }
            }
            SchemaError::AmbiguousReference { field } => {
                Some(format!("say whose `{}` is meant: `table.{}`", field.name, field.name))
            }
            _ => None,
        },
        DataFusionError::Plan(text) if text.contains("not supported") => {
            Some("write one statement that reads: a SELECT, `SHOW TABLES` or `DESCRIBE table`".to_string())
        }
        DataFusionError::Plan(text) => {
            let name = text.split("table '").nth(1)?.split('\'').next()?;
            let bare = name.rsplit('.').next().unwrap_or(name);
            let near = nearest(bare, tables.iter().map(String::as_str))
                .or_else(|| tables.iter().map(String::as_str).find(|t| t.contains(bare)));
            Some(match near {
                Some(near) => format!("the nearest table to `{bare}` is `{near}`"),
                None => "`SHOW TABLES` lists what there is".to_string(),
            })
        }
        _ => None,
    }
}

/// The message without what the hint says better, and without the name of the engine's one catalog. What DataFusion holds
/// for a mistake of its own is kept whole.
fn said(e: &DataFusionError) -> String {
    let whole = e.strip_backtrace();
    let mut text = whole.as_str();
    if !matches!(e.find_root(), DataFusionError::Internal(_)) {
        for tail in ["\n", ". Did you mean", " Valid fields are"] {
            text = text.split(tail).next().unwrap_or(text);
        }
    }
    text.trim().trim_end_matches('.').replace("usagelake.lake.", "")
}

#[derive(Debug)]
struct Plain(String);

impl std::fmt::Display for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Plain {}
