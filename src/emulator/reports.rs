//! Report calls: from the path to a redirection, to CSV or to a page of JSON.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use serde_json::json;

use super::body::deliver;
use super::call::Call;
use super::extent::{Asked, Extent};
use super::faults::{Fault, Leg};
use super::history::lock;
use super::problem::{Problem, answer};
use super::service::Service;
use super::table::{Circumstances, Sheet, table};
use super::token::Caller;
use super::words::Rows;
use super::write;
use crate::catalog::{self, Report, Version};
use crate::day::{Day, Window};

/// The oldest day that can be asked for, in days before today.
const LOOK_BACK: i32 = 28;
/// Elements on a page of JSON where no number is asked for.
const PAGE: usize = 200;
/// Elements on a page at most.
const PAGE_MOST: usize = 10_000;

/// Everything that a report's content depends on, beside the history and the faults of the moment.
#[derive(Debug, Clone)]
pub struct Order {
    report: &'static Report,
    version: Version,
    asked: Asked,
    arguments: HashMap<String, String>,
    today: Day,
    json: bool,
    /// What is wrong with the data, as it was when the order was taken.
    faults: Vec<Fault>,
}

impl Order {
    fn window(&self) -> String {
        match self.asked {
            Asked::Window(window) => window.to_string(),
            Asked::All => "period=ALL".to_owned(),
        }
    }
}

/// Answers a report call. `root` is the path between version and function.
pub async fn call(
    service: &Arc<Service>,
    caller: &Caller,
    version: Version,
    root: &str,
    segment: &str,
    query: &HashMap<String, String>,
) -> Result<Response<Body>, Problem> {
    let call = Call::read(segment).ok_or_else(|| Problem::no_segment(segment))?;
    let report = catalog::all().iter().find(|r| r.function == call.function && serves(r, version, root));
    let report = report.ok_or_else(|| Problem::no_segment(&call.function))?;
    let sheet = Sheet::of(report).map_err(internal)?;
    let (asked, arguments) = call.resolve(report)?;
    let json = wants_json(sheet, version, query)?;
    let today = service.today();
    let mut order = Order { report, version, asked, arguments, today, json, faults: Vec::new() };
    if let Some(fault) = service.meet(&report.function, &order.window(), Some(Leg::Graph)).first() {
        return strike(service, fault);
    }
    if service.options.pace {
        let allowed = lock(&service.pace).allow(&report.function, &caller.app, &caller.tenant, json, Instant::now());
        allowed.map_err(|wait| Problem {
            retry_after: Some((wait.as_secs() + 1).to_string()),
            ..Problem::new(429, "TooManyRequests", "Too many requests. Please try again later.")
        })?;
    }
    order.faults = service.meet(&report.function, &order.window(), None);
    in_window(service, &order)?;
    if json {
        return page(service, sheet, order, query).await;
    }
    if sheet.shape.direct {
        let window = order.window();
        let Some(bytes) = content(service, sheet, order).await? else { return Ok(answer(204, "text/csv", "")) };
        let faults = service.meet(&report.function, &window, Some(Leg::Download));
        return Ok(deliver(service, bytes, "text/csv", faults));
    }
    let link = service.link(order);
    let mut redirection = answer(302, "text/plain", "");
    let location = HeaderValue::from_str(&link).map_err(internal)?;
    redirection.headers_mut().insert(header::LOCATION, location);
    Ok(redirection)
}

/// Answers the download of an order.
pub async fn download(service: &Arc<Service>, order: Order) -> Result<Response<Body>, Problem> {
    let faults = service.meet(&order.report.function, &order.window(), Some(Leg::Download));
    if faults.iter().any(|f| matches!(f, Fault::ExpiredLink {})) {
        return Ok(expired());
    }
    let sheet = Sheet::of(order.report).map_err(internal)?;
    let name = format!("{}{}.csv", &order.report.function[3..], order.today.date().format("%-m_%-d_%Y"));
    let bytes = content(service, sheet, order).await?.unwrap_or_default();
    let mut file = deliver(service, bytes, "application/octet-stream", faults);
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        file.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(file)
}

/// What a link says that does not hold any more.
pub fn expired() -> Response<Body> {
    let body = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate the request. Signature not valid in the specified time frame.</Message></Error>";
    answer(403, "application/xml", body)
}

/// Whether a report stands under this version and root. The Copilot reports' old place is `/beta/reports`.
fn serves(report: &Report, version: Version, root: &str) -> bool {
    let old_place = root == "reports" && version == Version::Beta;
    report.versions.contains(&version) && (report.root == root || old_place)
}

fn wants_json(sheet: &Sheet, version: Version, query: &HashMap<String, String>) -> Result<bool, Problem> {
    let format = query.get("$format").map(|f| f.to_lowercase());
    let asked = match format.as_deref() {
        None => version == Version::Beta && sheet.shape.beta_json,
        Some("application/json" | "json") => true,
        Some("text/csv" | "csv") => false,
        Some(other) => {
            return Err(Problem::new(400, "BadRequest", format!("The format '{other}' is not supported.")));
        }
    };
    match (asked, version) {
        (true, Version::V1) if sheet.shape.v1_json => Ok(true),
        // The pages of the Copilot reports ask v1.0 for JSON and show CSV.
        (true, Version::V1) if sheet.shape.beta_json => Ok(false),
        (true, Version::V1) => Err(Problem::new(400, "UnknownError", r#"{"Message":"JSON format is not supported."}"#)),
        (asked, _) => Ok(asked),
    }
}

/// Refuses days before and after those that are kept.
fn in_window(service: &Service, order: &Order) -> Result<(), Problem> {
    let Asked::Window(Window::Date(day)) = order.asked else { return Ok(()) };
    let late = order.faults.iter().any(
        |f| matches!(f, Fault::Late { day: d, days, refused: true } if *d == day && order.today < d.plus(*days as i32)),
    );
    if late || day < order.today.plus(-LOOK_BACK) || day > service.refresh() {
        let message = format!("Invalid date value specified: {day}. Only support data for the past {LOOK_BACK} days.");
        return Err(Problem::new(400, "InvalidArgument", message));
    }
    Ok(())
}

/// The CSV of an order; none where a report that comes directly has no rows.
async fn content(service: &Arc<Service>, sheet: &'static Sheet, order: Order) -> Result<Option<Vec<u8>>, Problem> {
    let with = circumstances(service, &order);
    let service = Arc::clone(service);
    let work = move || -> Result<Option<Vec<u8>>, String> {
        let table = table(&service.history, sheet, &with)?;
        let none = table.rows.is_empty() && sheet.shape.rows == Rows::Api;
        Ok(if none { None } else { Some(write::csv(&table)?) })
    };
    tokio::task::spawn_blocking(work).await.map_err(internal)?.map_err(internal)
}

async fn page(
    service: &Arc<Service>,
    sheet: &'static Sheet,
    order: Order,
    query: &HashMap<String, String>,
) -> Result<Response<Body>, Problem> {
    let number = |name: &str| query.get(name).and_then(|t| t.parse::<usize>().ok());
    let top = number("$top").unwrap_or(PAGE).clamp(1, PAGE_MOST);
    let skip = query.iter().find(|(k, _)| k.eq_ignore_ascii_case("$skiptoken"));
    let skip = match skip {
        Some((_, token)) => u64::from_str_radix(token, 36)
            .map_err(|_| Problem::new(400, "BadRequest", "The skip token is not valid."))?
            as usize,
        None => 0,
    };
    let with = circumstances(service, &order);
    let history = Arc::clone(&service.history);
    let nest = sheet.shape.nest.as_ref();
    let work = move || table(&history, sheet, &with).map(|t| write::json(&t, nest));
    let elements = tokio::task::spawn_blocking(work).await.map_err(internal)?.map_err(internal)?;
    let function = &order.report.function;
    let body = if sheet.shape.rows == Rows::Api {
        let mut elements = elements.into_iter();
        json!({"summary": elements.next(), "details": elements.collect::<Vec<_>>()})
    } else {
        let kind = function.strip_prefix("get").unwrap_or(function);
        let base = format!("{}/{}", service.graph_url, order.version.as_str());
        let mut body = json!({
            "@odata.context": format!("{base}/$metadata#Collection(microsoft.graph.{kind})"),
            "value": elements.iter().skip(skip).take(top).collect::<Vec<_>>(),
        });
        if elements.len() > skip + top {
            body["@odata.nextLink"] = json!(next_link(&base, &order, top, skip + top, query.contains_key("$top")));
        }
        body
    };
    let faults = service.meet(function, &order.window(), Some(Leg::Download));
    Ok(deliver(service, body.to_string().into_bytes(), "application/json", faults))
}

fn next_link(base: &str, order: &Order, top: usize, skip: usize, say_top: bool) -> String {
    let mut arguments: Vec<String> = match order.asked {
        Asked::Window(Window::Present) => Vec::new(),
        Asked::Window(Window::Date(day)) => vec![format!("date={day}")],
        Asked::Window(Window::Period(n)) => vec![format!("period='D{n}'")],
        Asked::All => vec!["period='ALL'".to_owned()],
    };
    let default =
        |name: &String| order.report.arguments.iter().find(|a| a.name == *name).and_then(|a| a.default.as_ref());
    let mut further: Vec<_> = order.arguments.iter().filter(|(n, v)| default(n) != Some(v)).collect();
    further.sort();
    arguments.extend(further.into_iter().map(|(name, value)| format!("{name}='{value}'")));
    let call = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(",")) };
    let top = if say_top { format!("&$top={top}") } else { String::new() };
    let (root, function) = (&order.report.root, &order.report.function);
    format!("{base}/{root}/{function}{call}?$format=application/json{top}&$skiptoken={}", radix36(skip))
}

fn radix36(mut n: usize) -> String {
    let mut digits = Vec::new();
    while n > 0 || digits.is_empty() {
        digits.push(char::from_digit((n % 36) as u32, 36).unwrap_or('0'));
        n /= 36;
    }
    digits.iter().rev().collect()
}

fn circumstances(service: &Service, order: &Order) -> Circumstances {
    let lag = i32::try_from(service.options.lag_days).unwrap_or(0);
    let (mut refresh, mut asked) = (order.today.plus(-lag), order.asked);
    for fault in &order.faults {
        match fault {
            Fault::Stale { days } => refresh = refresh.plus(-i32::try_from(*days).unwrap_or(0)),
            Fault::OtherWindow { window } => asked = Asked::Window(*window),
            _ => {}
        }
    }
    Circumstances {
        version: order.version,
        arguments: order.arguments.clone(),
        extent: Extent::of(&service.history, asked, refresh, service.options.last_activity),
        lists: service.options.date_lists,
        today: order.today,
        json: order.json,
        faults: order.faults.clone(),
    }
}

/// The answer that a fault of the Graph leg gives.
fn strike(service: &Arc<Service>, fault: &Fault) -> Result<Response<Body>, Problem> {
    let tenant = &service.history.tenant_id;
    let unknown = Problem::new(
        404,
        "UnknownTenantId",
        format!("We do not recognize this tenant ID {tenant}. Please double-check the tenant ID and try again."),
    );
    match fault {
        Fault::UnknownTenant { nested: false } => Err(unknown),
        Fault::UnknownTenant { nested: true } => {
            Err(Problem::new(404, "UnknownError", unknown.body(service.now()).to_string()))
        }
        Fault::Permission {} => Err(Problem::new(403, "S2SUnauthorized", "Invalid permission.")),
        other => Ok(deliver(service, Vec::new(), "text/plain", vec![other.clone()])),
    }
}

/// An error of the emulator itself.
fn internal(error: impl std::fmt::Display) -> Problem {
    Problem::new(500, "InternalServerError", error.to_string())
}

/// The answer where nothing is wrong but the status.
pub fn status(service: &Service, code: u16, retry_after: Option<&str>) -> Response<Body> {
    let (name, message) = match code {
        429 => ("TooManyRequests", "Too many requests. Please try again later."),
        503 => ("serviceNotAvailable", "The service is temporarily unavailable."),
        504 => ("UnknownError", "The operation has timed out."),
        _ => ("generalException", "An unspecified error occurred."),
    };
    let problem = Problem { retry_after: retry_after.map(str::to_owned), ..Problem::new(code, name, message) };
    problem.answer(service.now())
}
