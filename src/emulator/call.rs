//! A report call as it stands in the path: the function with its arguments in parentheses, in OData form.

use std::collections::HashMap;

use super::extent::Asked;
use super::problem::Problem;
use crate::catalog::Report;
use crate::day::{Day, Window};

/// A function and its arguments as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The function's name.
    pub function: String,
    /// Names and values, quotes taken off.
    pub arguments: Vec<(String, String)>,
}

/// Undoes percent-encoding. A broken escape stays as it is.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escaped = (bytes[i] == b'%')
            .then(|| bytes.get(i + 1..i + 3).and_then(|h| std::str::from_utf8(h).ok()))
            .flatten()
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(escaped.unwrap_or(bytes[i]));
        i += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The pairs of a query, decoded.
pub fn query(text: Option<&str>) -> HashMap<String, String> {
    url::form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned().collect()
}

impl Call {
    /// Reads a path segment that has been decoded; none where it is malformed.
    pub fn read(segment: &str) -> Option<Call> {
        let Some((function, rest)) = segment.split_once('(') else {
            return Some(Call { function: segment.to_owned(), arguments: Vec::new() });
        };
        let inside = rest.strip_suffix(')')?.trim();
        let mut arguments = Vec::new();
        for part in split(inside) {
            let (name, value) = part.split_once('=')?;
            let value = value.trim();
            let value = match value.strip_prefix('\'') {
                Some(quoted) => quoted.strip_suffix('\'')?.replace("''", "'"),
                None => value.to_owned(),
            };
            arguments.push((name.trim().to_owned(), value));
        }
        Some(Call { function: function.to_owned(), arguments })
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.arguments.iter().position(|(n, _)| n == name)?;
        Some(self.arguments.remove(at).1)
    }

    /// What is asked for, and the further arguments with their defaults; Graph's error where that cannot be.
    pub fn resolve(mut self, report: &Report) -> Result<(Asked, HashMap<String, String>), Problem> {
        let no_such = |text: String| Problem::new(400, "InvalidArgument", text);
        let (period, date) = (self.take("period"), self.take("date"));
        let mut further: HashMap<String, String> =
            report.arguments.iter().filter_map(|a| Some((a.name.clone(), a.default.clone()?))).collect();
        for (name, value) in std::mem::take(&mut self.arguments) {
            let Some(known) = report.arguments.iter().find(|a| a.name == name) else {
                return Err(Problem::no_segment(&report.function));
            };
            if !known.values.is_empty() && !known.values.contains(&value) {
                return Err(no_such(format!("Invalid {name} value specified: {value}.")));
            }
            further.insert(name, value);
        }
        let periods =
            report.arguments.iter().find_map(|a| a.periods.get(further.get(&a.name)?)).unwrap_or(&report.periods);
        let asked = match (period, date) {
            (None, None) if report.takes(Window::Present) => Asked::Window(Window::Present),
            (Some(p), None) if !report.periods.is_empty() => {
                let days = p.strip_prefix('D').and_then(|n| n.parse().ok()).filter(|n| periods.contains(n));
                match days {
                    Some(days) => Asked::Window(Window::Period(days)),
                    None if p == "ALL" && report.period_all => Asked::All,
                    None => return Err(no_such(format!("Invalid period value specified: {p}."))),
                }
            }
            (None, Some(d)) if report.date => match d.parse::<Day>() {
                Ok(day) => Asked::Window(Window::Date(day)),
                Err(_) => return Err(no_such(format!("Invalid date value specified: {d}."))),
            },
            // Graph finds no overload of the function with these parameters.
            _ => return Err(Problem::no_segment(&report.function)),
        };
        Ok((asked, further))
    }
}

/// Splits at commas outside quotes.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (i, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    if !text.is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    fn ask(function: &str, call: &str) -> Result<Asked, Problem> {
        let report = catalog::find(function).unwrap();
        Call::read(&decode(call)).ok_or_else(|| Problem::no_segment(call))?.resolve(report).map(|(asked, _)| asked)
    }

    #[test]
    fn odata_forms_are_read() {
        let f = "getEmailActivityUserDetail";
        let day = Window::Date("2026-11-20".parse().unwrap());
        let period = Asked::Window(Window::Period(7));
        assert_eq!(ask(f, "getEmailActivityUserDetail(period='D7')"), Ok(period));
        assert_eq!(ask(f, "getEmailActivityUserDetail(period=%27D7%27)"), Ok(period));
        assert_eq!(ask(f, "getEmailActivityUserDetail%28period%3D%27D7%27%29"), Ok(period));
        assert_eq!(ask(f, "getEmailActivityUserDetail(date=2026-11-20)"), Ok(Asked::Window(day)));
        assert_eq!(ask(f, "getEmailActivityUserDetail(date='2026-11-20')"), Ok(Asked::Window(day)));
        assert_eq!(
            ask("getOffice365ActivationCounts", "getOffice365ActivationCounts"),
            Ok(Asked::Window(Window::Present))
        );
        let copilot = "getMicrosoft365CopilotUsageUserDetail";
        assert_eq!(
            ask(copilot, &format!("{copilot}(period='D28',version='v2')")),
            Ok(Asked::Window(Window::Period(28)))
        );
        assert_eq!(ask(copilot, &format!("{copilot}(period='ALL')")), Ok(Asked::All));
        assert!(ask(copilot, &format!("{copilot}(period='D28')")).is_err(), "D28 is v2's");
    }

    #[test]
    fn wrong_parameters_are_refused() {
        let f = "getEmailActivityUserDetail";
        for call in [
            "getEmailActivityUserDetail",
            "getEmailActivityUserDetail()",
            "getEmailActivityUserDetail(period='D8')",
            "getEmailActivityUserDetail(period='D7',date=2026-11-20)",
            "getEmailActivityUserDetail(date=20-11-2026)",
            "getEmailActivityUserDetail(period='D7'",
            "getEmailActivityUserDetail(week='1')",
        ] {
            assert!(ask(f, call).is_err(), "{call}");
        }
        assert!(ask("getEmailActivityCounts", "getEmailActivityCounts(date=2026-11-20)").is_err());
        assert!(ask("getOffice365ActivationCounts", "getOffice365ActivationCounts(period='D7')").is_err());
    }
}
