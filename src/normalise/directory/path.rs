//! Where a value is in the JSON of an entity: `manager.id`, `verifiedDomains[isDefault].name`.

use serde_json::Value;

/// A path, step by step.
#[derive(Debug)]
pub(super) struct Path(Vec<Step>);

/// A property; where it is an array, the first element whose flag is true.
#[derive(Debug)]
struct Step {
    property: String,
    flag: Option<String>,
}

impl Path {
    /// Reads a path. What cannot be one finds nothing.
    pub fn new(text: &str) -> Path {
        let step = |part: &str| match part.split_once('[') {
            Some((property, flag)) => {
                Step { property: property.to_string(), flag: Some(flag.trim_end_matches(']').to_string()) }
            }
            None => Step { property: part.to_string(), flag: None },
        };
        Path(text.split('.').map(step).collect())
    }

    /// The first property.
    pub fn first(&self) -> Option<&str> {
        self.0.first().map(|s| s.property.as_str())
    }

    /// The value at the path; none where a property is missing on the way. Null is a value.
    pub fn find<'a>(&self, from: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(from, |value, step| {
            // Nothing is inside of nothing, and that is known.
            if value.is_null() {
                return Some(value);
            }
            let found = value.get(&step.property)?;
            match (&step.flag, found) {
                (Some(flag), Value::Array(all)) => {
                    all.iter().find(|e| e.get(flag) == Some(&Value::Bool(true))).or(Some(&Value::Null))
                }
                _ => Some(found),
            }
        })
    }
}
