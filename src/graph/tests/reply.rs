//! The table of refusals, by the bodies that were seen.

use proptest::prelude::*;

use super::*;

fn asked(national: bool) -> Asked<'static> {
    static PERMISSIONS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| vec!["Reports.Read.All".into()]);
    Asked { permissions: &PERMISSIONS, national }
}

fn kind(status: u16, body: &str) -> Kind {
    judge(status, body.as_bytes(), None, &asked(false)).kind()
}

fn graph(code: &str, message: &str) -> String {
    serde_json::json!({"error": {"code": code, "message": message, "innerError": {"request-id": "0f8d11ce"}}})
        .to_string()
}

#[test]
fn known_refusals() {
    let nested = graph("UnknownError", &graph("UnknownTenantId", "We do not recognize this tenant ID x."));
    let twice = graph("UnknownError", &graph("", &graph("S2SUnauthorized", "Invalid permission.")));
    for (status, body, expected) in [
        (404, graph("UnknownTenantId", "We do not recognize this tenant ID x. Please check."), Kind::NotReady),
        (404, nested, Kind::NotReady),
        (
            400,
            graph(
                "InvalidArgument",
                "Invalid date value specified: 2026-06-03. Only support data for the past 28 days.",
            ),
            Kind::OutsideWindow,
        ),
        (403, graph("S2SUnauthorized", "Invalid permission."), Kind::Permission),
        (403, graph("S2SUnauthorized", "Invalid scope claims/roles."), Kind::Permission),
        (403, twice, Kind::Permission),
        (403, graph("MissingCredentials", "Valid Authorization header is needed."), Kind::Unavailable),
        (403, graph("accessDenied", "Tenant is not enabled for this report type."), Kind::NotEnabled),
        (401, graph("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."), Kind::SignIn),
        (401, graph("UnknownError", r#"{"Message":"GraphTokenValidationFail"}"#), Kind::SignIn),
        (429, graph("TooManyRequests", "x"), Kind::Throttled),
        (429, String::new(), Kind::Throttled),
        (408, String::new(), Kind::Unavailable),
        (500, String::new(), Kind::Unavailable),
        (503, "<html><head><title>Service Unavailable</title></head></html>".into(), Kind::Unavailable),
        (521, String::new(), Kind::Unavailable),
        (501, graph("NotImplemented", "x"), Kind::Refused),
        (400, r#"{"error":{"code":"","message":"JSON format is not supported."}}"#.into(), Kind::Refused),
        (404, graph("ResourceNotFound", "x"), Kind::Refused),
        (403, "<html>blocked by the proxy</html>".into(), Kind::Refused),
        (418, "[1]".into(), Kind::Refused),
    ] {
        assert_eq!(kind(status, &body), expected, "{status} {body}");
    }
}

#[test]
fn national_clouds_lack_reports() {
    let body = graph("BadRequest", "Resource not found for the segment 'getEmailActivityUserDetail'.");
    for (status, body) in [(404, ""), (400, body.as_str())] {
        assert_eq!(judge(status, body.as_bytes(), None, &asked(true)).kind(), Kind::NotEnabled);
        assert_eq!(judge(status, body.as_bytes(), None, &asked(false)).kind(), Kind::Refused);
    }
}

#[test]
fn a_missing_permission_is_named() {
    let e = judge(403, graph("S2SUnauthorized", "Invalid permission.").as_bytes(), None, &asked(false));
    assert!(e.hint_text().unwrap().contains("`Reports.Read.All`"), "{e:?}");
    assert_eq!(
        e.to_string(),
        "the application lacks a permission (status `403`, code `S2SUnauthorized`, message `Invalid permission.`, \
         request-id `0f8d11ce`)"
    );
}

#[test]
fn unknown_refusals_show_code_and_message_without_persons_and_links() {
    let message = format!("anna@contoso.com may not https://host/x?sig=secret {}", "word ".repeat(100));
    let e = judge(400, graph("Odd", &message).as_bytes(), Some("id-of-the-header"), &asked(false)).to_string();
    assert!(e.contains("code `Odd`") && e.contains("request-id `id-of-the-header`"), "{e}");
    assert!(!e.contains("anna") && !e.contains("sig=") && e.chars().count() < 350, "{e}");
}

#[test]
fn an_endless_nesting_ends() {
    let mut body = graph("Inner", "deep");
    for _ in 0..20 {
        body = graph("UnknownError", &body);
        if body.len() > 1 << 20 {
            break;
        }
    }
    assert_eq!(kind(400, &body), Kind::Refused);
}

proptest! {
    #[test]
    fn never_panics_on_bytes(status: u16, body: Vec<u8>) {
        judge(status, &body, None, &asked(true));
    }

    #[test]
    fn never_panics_on_text(status in 100u16..600, body in "(<title>|</TITLE>|\\{|\"error\"|:|\"message\"|é|İ|\\PC){0,40}") {
        judge(status, body.as_bytes(), Some("x"), &asked(false));
        let nested = serde_json::json!({"error": {"message": body, "code": body, "innerError": body}}).to_string();
        judge(status, nested.as_bytes(), None, &asked(false));
    }
}
