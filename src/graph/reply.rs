//! Judges a refusal of Graph: status, code and message → what it means and what the operator can do.
//!
//! The judgement is a table. Bodies may be nested JSON, HTML, empty or anything else: it never panics, and shows of
//! them only what is fit to be shown.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::text::clean;
use crate::error::{Error, Kind};

/// How deep a message may hold another error as JSON text.
const DEPTH: usize = 6;

/// What is known of a request when its refusal is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Permissions, any one of which suffices.
    pub permissions: &'a [String],
    /// Whether Graph is that of a national cloud.
    pub national: bool,
}

/// One line of the table: matches where the status is listed (or none is) and a code or a text is (or none is).
struct Rule {
    status: &'static [RangeInclusive<u16>],
    codes: &'static [&'static str],
    texts: &'static [&'static str],
    national: bool,
    kind: Kind,
    says: &'static str,
    hint: &'static str,
}

const ANY: Rule =
    Rule { status: &[], codes: &[], texts: &[], national: false, kind: Kind::Refused, says: "", hint: "" };

/// Graph's refusals, the first match counts. `{permission}` stands for the permissions of what was asked.
const RULES: &[Rule] = &[
    Rule { status: &[429..=429], kind: Kind::Throttled, says: "Graph received too many requests", ..ANY },
    Rule {
        codes: &["UnknownTenantId"],
        texts: &["we do not recognize this tenant id"],
        kind: Kind::NotReady,
        says: "the reporting service does not know the tenant yet",
        hint: "wait: a new tenant, or one that nobody uses, becomes known after some days of use",
        ..ANY
    },
    Rule {
        texts: &["past 28 days", "invalid date value specified"],
        kind: Kind::OutsideWindow,
        says: "Graph has no data for that day: it is older than 28 days, or too recent",
        hint: "ask for one of the last 28 days that is at least two days old",
        ..ANY
    },
    Rule {
        texts: &["tenant is not enabled for this report type"],
        kind: Kind::NotEnabled,
        says: "the tenant is not enabled for this report",
        hint: "enable the report for the tenant in its admin center, or leave it out with `exclude`",
        ..ANY
    },
    Rule {
        status: &[403..=403],
        codes: &["MissingCredentials"],
        kind: Kind::Unavailable,
        says: "Graph lost the credentials of the request on its way",
        hint: "see the service health of the Microsoft 365 admin center: this is a fault on Microsoft's side",
        ..ANY
    },
    Rule {
        status: &[403..=403],
        codes: &["S2SUnauthorized", "Authorization_RequestDenied", "Forbidden", "AccessDenied", "ErrorAccessDenied"],
        texts: &["invalid permission", "invalid scope claims", "insufficient privileges", "does not have permission"],
        kind: Kind::Permission,
        says: "the application lacks a permission",
        hint: "add the application permission {permission} in Entra and grant admin consent for it, then wait a few \
               minutes: it must be of the type application, not delegated",
        ..ANY
    },
    Rule {
        status: &[401..=401],
        kind: Kind::SignIn,
        says: "Graph does not accept the token",
        hint: "check that `cloud` is the tenant's, that this machine's clock is right, and that the application is \
               enabled",
        ..ANY
    },
    Rule {
        texts: &["json format is not supported"],
        says: "Graph does not give this report in the format that was asked for",
        hint: "ask for CSV",
        ..ANY
    },
    Rule {
        status: &[404..=404],
        national: true,
        kind: Kind::NotEnabled,
        says: "this cloud does not have it",
        hint: "leave it out with `exclude`: national clouds do not serve every report",
        ..ANY
    },
    Rule {
        status: &[400..=400],
        texts: &["resource not found for the segment"],
        national: true,
        kind: Kind::NotEnabled,
        says: "this cloud does not have it",
        hint: "leave it out with `exclude`: national clouds do not serve every report",
        ..ANY
    },
    Rule {
        status: &[407..=407],
        says: "a proxy on the way wants a sign-in",
        hint: "let this machine through the proxy without one, or name the proxy with its user in `HTTPS_PROXY`",
        ..ANY
    },
    Rule { status: &[501..=501], says: "Graph does not do what was asked", ..ANY },
    Rule { status: &[408..=408, 500..=500, 502..=599], kind: Kind::Unavailable, says: "Graph is not available", ..ANY },
    Rule { says: "Graph refused the request", ..ANY },
];

impl Rule {
    fn matches(&self, status: u16, said: &Said, national: bool) -> bool {
        let status = self.status.is_empty() || self.status.iter().any(|r| r.contains(&status));
        let cloud = !self.national || national;
        let unnamed = self.codes.is_empty() && self.texts.is_empty();
        let text = said.message.to_ascii_lowercase();
        let named = self.codes.iter().any(|c| said.codes.iter().any(|s| s.eq_ignore_ascii_case(c)))
            || self.texts.iter().any(|t| text.contains(t));
        status && cloud && (unnamed || named)
    }
}

/// What a refusal means. `body` is as much of it as was read.
pub(super) fn judge(status: u16, body: &[u8], request_id: Option<&str>, asked: &Asked<'_>) -> Error {
    let said = Said::read(body);
    let found = RULES.iter().find(|r| r.matches(status, &said, asked.national)).unwrap_or(&ANY);
    let mut error = Error::new(found.kind, found.says).with("status", status);
    if let Some(code) = said.codes.last() {
        error = error.with("code", clean(code));
    }
    if !said.message.is_empty() {
        error = error.with("message", clean(&said.message));
    }
    if let Some(id) = request_id.or(said.request_id.as_deref()) {
        error = error.with("request-id", clean(id));
    }
    match found.hint {
        "" if said.is_page && found.kind == Kind::Refused => {
            error.hint("it came as a web page: find out whether a proxy answers in Microsoft's place")
        }
        "" => error,
        hint => error.hint(hint.replace("{permission}", &names(asked.permissions))),
    }
}

/// Permissions in words.
fn names(permissions: &[String]) -> String {
    match permissions {
        [] => "of this request".to_string(),
        all => all.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(" or "),
    }
}

/// What the body of a refusal says.
#[derive(Debug, Default)]
struct Said {
    /// Codes from the outermost to the innermost; empty ones and `UnknownError` are left out.
    codes: Vec<String>,
    /// The innermost message.
    message: String,
    request_id: Option<String>,
    /// Whether it is a web page.
    is_page: bool,
}

impl Said {
    fn read(body: &[u8]) -> Said {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        let mut said = Said::default();
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(o)) => said.object(&Value::Object(o), DEPTH),
            Ok(Value::String(s)) => said.text(&s, DEPTH),
            Ok(_) => {}
            Err(_) => {
                said.is_page = text.starts_with('<');
                said.message = html_title(text).unwrap_or(text).chars().take(2000).collect();
            }
        }
        said
    }

    /// An error, or an object that holds one under `error`.
    fn object(&mut self, value: &Value, depth: usize) {
        let inner = match field(value, "error") {
            Some(e @ Value::Object(_)) => e,
            _ => value,
        };
        if let Some(code) = field(inner, "code").and_then(Value::as_str) {
            self.code(code);
        }
        if let Some(more) = field(inner, "innererror") {
            if let Some(code) = field(more, "code").and_then(Value::as_str) {
                self.code(code);
            }
            if let Some(id) = field(more, "request-id").and_then(Value::as_str) {
                self.request_id.get_or_insert_with(|| id.to_string());
            }
        }
        match field(inner, "message") {
            Some(Value::String(s)) => self.text(s, depth),
            Some(o @ Value::Object(_)) if depth > 0 => match field(o, "value") {
                Some(Value::String(s)) => self.text(s, depth),
                _ => self.object(o, depth - 1),
            },
            _ => {}
        }
    }

    /// A message, which may be an error in JSON once more.
    fn text(&mut self, text: &str, depth: usize) {
        if depth > 0
            && text.trim_start().starts_with('{')
            && let Ok(value) = serde_json::from_str::<Value>(text)
        {
            return self.object(&value, depth - 1);
        }
        self.message = text.trim().to_string();
    }

    fn code(&mut self, code: &str) {
        let code = code.trim();
        if !code.is_empty() && !code.eq_ignore_ascii_case("UnknownError") {
            self.codes.push(code.to_string());
        }
    }
}

/// A field by its name in any case.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object()?.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v)
}

/// The title of a web page.
fn html_title(text: &str) -> Option<&str> {
    if !text.starts_with('<') {
        return None;
    }
    // ASCII case folding keeps every byte where it is.
    let small = text.to_ascii_lowercase();
    let from = small.find("<title>").map(|i| i + "<title>".len());
    let title = from.and_then(|from| small[from..].find("</title>").map(|to| &text[from..from + to]));
    Some(title.map_or("a web page", str::trim))
}

#[cfg(test)]
#[path = "tests/reply.rs"]
mod tests;
