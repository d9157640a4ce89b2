//! Judges a refusal of the sign-in service: AADSTS code → what it means and what the operator can do.
//!
//! The service's own description is shown only where the code is unknown, and never a secret in it.

use serde_json::Value;

use super::text::clean;
use crate::error::{Error, Kind};

/// AADSTS codes, what they mean here, and what to do. Source: Microsoft Entra authentication error codes.
const CODES: &[(&[u32], &str, &str)] = &[
    (
        &[7_000_215],
        "the client secret is wrong",
        "copy the secret's value, not its id, from the application's page in Entra; make a new one if it is lost",
    ),
    (
        &[7_000_222],
        "the client secret has expired",
        "make a new client secret for the application in Entra and put it where `auth.secret` points",
    ),
    (
        &[90_002, 900_023],
        "the tenant is not known to this cloud",
        "check the tenant's `id` (its GUID or one of its domains) and its `cloud`",
    ),
    (
        &[700_016],
        "the application is not known in this tenant",
        "check `client_id` and the tenant's `id`, and that an administrator has consented to the application there",
    ),
    (
        &[7_000_229, 650_051, 650_052],
        "the application has no service principal in this tenant",
        "let an administrator of the tenant consent to the application",
    ),
    (
        &[65_001, 500_011, 70_011, 1_002_012],
        "the application has no consent for Microsoft Graph in this tenant",
        "grant admin consent for its application permissions in Entra, and check that `cloud` is the tenant's",
    ),
    (
        &[700_027, 50_012],
        "the certificate is not accepted",
        "upload the certificate to the application in Entra, and check that neither has expired",
    ),
    (
        &[700_024, 500_133],
        "the assertion is outside its time",
        "set this machine's clock, or let the token file be written anew",
    ),
    (
        &[70_021, 700_211, 700_212, 700_213],
        "no federated credential of the application matches the token file",
        "compare issuer, subject and audience of the application's federated credential in Entra with the token's",
    ),
    (&[7_000_112], "the application is disabled", "enable it under enterprise applications in Entra"),
    (
        &[7_000_218],
        "the application must prove who it is",
        "check `auth` of the tenant: the sign-in service received neither a secret nor an assertion",
    ),
    (
        &[53_003, 530_004],
        "a conditional access policy forbids the sign-in",
        "exempt the application, or run from a place that the policy allows",
    ),
    (
        &[900_382, 900_384, 900_432],
        "the application or the tenant lives in another cloud",
        "set `cloud` to the tenant's",
    ),
];

/// What a refusal of the sign-in service means.
pub(super) fn judge(status: u16, body: &[u8]) -> Error {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| said.get(key).and_then(Value::as_str).unwrap_or_default();
    let description = text("error_description");
    let code = code(description)
        .or_else(|| said.get("error_codes")?.as_array()?.first()?.as_u64().and_then(|n| u32::try_from(n).ok()));
    let known = code.and_then(|n| CODES.iter().find(|(codes, ..)| codes.contains(&n)));
    let mut error = match (known, status, text("error")) {
        (Some((_, says, hint)), ..) => Error::new(Kind::SignIn, *says).hint(*hint),
        (None, 429, _) => Error::new(Kind::Throttled, "the sign-in service received too many requests"),
        (None, 408 | 500.., _) | (None, _, "temporarily_unavailable") => {
            Error::new(Kind::Unavailable, "the sign-in service is not available")
        }
        _ => Error::new(Kind::SignIn, "the sign-in service refuses the application").hint(
            "check the tenant's `id`, `cloud` and `auth`; the AADSTS code, where there is one, is explained at \
             `https://login.microsoftonline.com/error`",
        ),
    };
    error = error.with("status", status);
    if let Some(code) = code {
        error = error.with("code", format!("AADSTS{code}"));
    }
    if known.is_none() && !description.is_empty() {
        error = error.with("message", clean(first_sentence(description)));
    } else if known.is_none() && !text("error").is_empty() {
        error = error.with("error", clean(text("error")));
    }
    match text("trace_id") {
        "" => error,
        id => error.with("trace-id", clean(id)),
    }
}

/// The number in `AADSTS7000215: …`.
fn code(description: &str) -> Option<u32> {
    let (_, rest) = description.split_once("AADSTS")?;
    rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse().ok()
}

/// The description up to its first full stop, where the ids of the request begin.
fn first_sentence(description: &str) -> &str {
    let line = description.lines().next().unwrap_or_default();
    line.split(". ").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(code: u32, text: &str) -> Vec<u8> {
        serde_json::json!({
            "error": "invalid_client",
            "error_description": format!("AADSTS{code}: {text}. Trace ID: 1\r\nCorrelation ID: 2"),
            "error_codes": [code],
            "trace_id": "00000000-1111",
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn known_codes_have_words_and_a_hint() {
        let e = judge(401, &refusal(7_000_215, "Invalid client secret provided"));
        assert_eq!(e.kind(), Kind::SignIn);
        assert_eq!(
            e.to_string(),
            "the client secret is wrong (status `401`, code `AADSTS7000215`, trace-id `00000000-1111`)"
        );
        for (codes, ..) in CODES {
            for code in *codes {
                let e = judge(400, &refusal(*code, "x"));
                assert!(e.kind() == Kind::SignIn && e.hint_text().is_some(), "AADSTS{code}");
            }
        }
    }

    #[test]
    fn unknown_codes_show_the_first_sentence() {
        let e = judge(400, &refusal(424_242, "Something anna@contoso.com did"));
        assert_eq!(
            e.to_string(),
            "the sign-in service refuses the application (status `400`, code `AADSTS424242`, message `AADSTS424242: \
             Something … did`, trace-id `00000000-1111`)"
        );
    }

    #[test]
    fn failures_of_the_service_are_temporary() {
        assert_eq!(judge(503, b"<html>").kind(), Kind::Unavailable);
        assert_eq!(judge(429, b"").kind(), Kind::Throttled);
        assert_eq!(judge(404, b"").kind(), Kind::SignIn);
    }

    proptest! {
        #[test]
        fn never_panics(status: u16, body: Vec<u8>, description in "(AADSTS|[0-9]|\\PC){0,20}") {
            judge(status, &body);
            judge(status, serde_json::json!({"error_description": description}).to_string().as_bytes());
        }
    }
}
