//! The vocabulary of the catalog's `emulate` keys, read into what the interpreter works with.
//!
//! A report's key says what one row is, and how JSON nests:
//!
//! ```text
//! person(exchange)             the people of a product, or of `suite`; those active on the day where a day is asked for
//! mailbox | account            people with a mailbox, with a OneDrive account
//! site | group | team | community
//! activation | activation-product
//! day | day(licensed)          the days of the window, the latest first; `licensed`: people with a licence only
//! window | window(licensed)    one row
//! api                          calls of apps
//! nobody                       no row at all
//! … nest(details, report_period)   in JSON the columns from `report_period` on stand in an array `details`
//! … json(day)                  in JSON rows are days
//! … direct                     CSV comes in the answer itself and not by a redirection
//! … beta-json                  beta answers JSON where no format is asked for
//! … v1-json                    v1.0 answers JSON too
//! ```
//!
//! A column's key says what is measured, for the row at hand: `exchange.send` is a person's sum over the window on a
//! person's row, everyone's sum of the day on a day's row, everyone's sum over the window on a window's row.
//!
//! ```text
//! nothing | zero | text(All)
//! window.refresh  window.period  day.date  tenant.name  tenant.id
//! person.upn  .name  .id  .deleted  .deleted_on  .products  .yammer_state  .yammer_state_since
//! PRODUCT.ACT                  how often                      PRODUCT.licensed  .licensed_since
//! PRODUCT.last  .last(FACT)    the last day                   PRODUCT.people  .people(FACT)   how many people
//! PRODUCT.uses(FACT)           yes or no                      PRODUCT.client(FACT)            the client's version
//! PRODUCT.enabled  .active  .inactive                         PRODUCT.days   PRODUCT.average(ACT)
//! mailbox.… account.… site.… group.… team.… community.… activation.… api.…
//! ```
//!
//! FACT is an act, a device or an app of the product, `other` for Teams, `outlook_m365` and its like for versions.
//! Behind the measure may stand `?` (nothing counted is written blank and not 0), `json` or `csv` (only that has the column),
//! `name(x)` (its name in JSON), `beta(HEADER)` (the header in beta),
//! `unless(argument=value)` (not there under that argument) and, last, `as HEADER` (the header as it is really
//! sent).

use super::acts::Act;
use super::devices::{Family, OUTLOOK_VERSIONS};
use super::facts::Fact;
use super::product::Product;

/// What one row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// The people of a product; of the suite where there is none.
    People(Option<Product>),
    /// People with a mailbox.
    Mailboxes,
    /// People with a OneDrive account.
    Accounts,
    /// Workspaces of a kind.
    Workspaces(Kind),
    /// People and what they may activate.
    Activations,
    /// What can be activated.
    ActivationProducts,
    /// Days, of licensed people only or of all.
    Days { licensed: bool },
    /// One row.
    Window { licensed: bool },
    /// Calls of apps.
    Api,
    /// None.
    Nobody,
}

/// A kind of workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// SharePoint sites.
    Site,
    /// Microsoft 365 groups.
    Group,
    /// Teams.
    Team,
    /// Communities of Viva Engage.
    Community,
}

/// A report's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// What one row is.
    pub rows: Rows,
    /// What one row is in JSON, where that differs.
    pub json_rows: Option<Rows>,
    /// The array of nested JSON, and the first column inside.
    pub nest: Option<(String, String)>,
    /// Whether CSV comes in the answer itself.
    pub direct: bool,
    /// Whether beta answers JSON where no format is asked for.
    pub beta_json: bool,
    /// Whether v1.0 answers JSON too.
    pub v1_json: bool,
}

/// A column's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What is measured.
    pub measure: Measure,
    /// Whether 0 is written blank.
    pub blank_zero: bool,
    /// Whether only JSON has the column.
    pub json_only: bool,
    /// Whether only CSV has the column.
    pub csv_only: bool,
    /// The name in JSON, where it does not follow from the header.
    pub json_name: Option<String>,
    /// The header in beta, where it is another one.
    pub beta_header: Option<String>,
    /// An argument under which the column is not there.
    pub unless: Option<(String, String)>,
    /// The header as it is really sent.
    pub header: Option<String>,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// Always blank.
    Nothing,
    /// Always 0, no or empty.
    Zero,
    /// A text that is always the same.
    Text(String),
    /// The last day of the answer.
    Refresh,
    /// Days of the window.
    Period,
    /// The day of the row.
    Date,
    /// Something about tenant, person, mailbox, account, activation or API.
    Field(Thing, String),
    /// Something about a workspace, or all of them.
    Place(Kind, String),
    /// How often an act was done.
    Count(Act),
    /// Whether a licence is there.
    Licensed(Product),
    /// Since when.
    LicensedSince(Product),
    /// The last day of a fact.
    Last(Fact),
    /// How many people a fact holds of.
    People(Fact),
    /// Whether a fact holds.
    Holds(Fact),
    /// The version of the client, where a fact holds.
    Client(Fact),
    /// People enabled for a product; for the suite where there is none.
    Enabled(Option<Product>),
    /// Those of them who were active in the window.
    Active(Option<Product>),
    /// Those of them who were not.
    Inactive(Option<Product>),
    /// Days of activity in the window.
    Days(Product),
    /// An act by active person.
    Average(Act),
}

/// What a [`Measure::Field`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// The tenant.
    Tenant,
    /// The person.
    Person,
    /// Their mailbox, or all mailboxes.
    Mailbox,
    /// Their OneDrive account, or all accounts.
    Account,
    /// An activation, or all activations of a product.
    Activation,
    /// Calls of an app.
    Api,
}

/// `name(argument)` and what stands behind it.
fn call(text: &str) -> Result<(&str, Option<&str>, &str), String> {
    let text = text.trim();
    let end = text.find(|c: char| c == '(' || c == '?' || c.is_whitespace()).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let Some(inside) = rest.strip_prefix('(') else { return Ok((name, None, rest.trim_start())) };
    let close = inside.find(')').ok_or_else(|| format!("`{text}` lacks a closing parenthesis"))?;
    Ok((name, Some(inside[..close].trim()), inside[close + 1..].trim_start()))
}

/// Reads a report's key.
pub fn shape(text: &str) -> Result<Shape, String> {
    let (name, argument, mut rest) = call(text)?;
    let mut shape = Shape {
        rows: rows(name, argument)?,
        json_rows: None,
        nest: None,
        direct: false,
        beta_json: false,
        v1_json: false,
    };
    while !rest.is_empty() {
        let (name, argument, more) = call(rest)?;
        match (name, argument) {
            ("nest", Some(argument)) => {
                let (array, column) = argument.split_once(',').ok_or("`nest` needs an array and a column")?;
                shape.nest = Some((array.trim().to_owned(), column.trim().to_owned()));
            }
            ("direct", None) => shape.direct = true,
            ("beta-json", None) => shape.beta_json = true,
            ("v1-json", None) => shape.v1_json = true,
            ("json", Some(argument)) => shape.json_rows = Some(rows(argument, None)?),
            _ => return Err(format!("`{name}` says nothing about rows")),
        }
        rest = more;
    }
    Ok(shape)
}

fn rows(name: &str, argument: Option<&str>) -> Result<Rows, String> {
    let licensed = argument == Some("licensed");
    Ok(match (name, argument) {
        ("person", Some("suite")) => Rows::People(None),
        ("person", Some(product)) => Rows::People(Some(self::product(product)?)),
        ("day", None | Some("licensed")) => Rows::Days { licensed },
        ("window", None | Some("licensed")) => Rows::Window { licensed },
        ("mailbox", None) => Rows::Mailboxes,
        ("account", None) => Rows::Accounts,
        ("activation", None) => Rows::Activations,
        ("activation-product", None) => Rows::ActivationProducts,
        ("api", None) => Rows::Api,
        ("nobody", None) => Rows::Nobody,
        (kind, None) => Rows::Workspaces(self::kind(kind).ok_or_else(|| format!("`{kind}` is no kind of row"))?),
        _ => return Err(format!("`{name}` is no kind of row with an argument")),
    })
}

fn kind(name: &str) -> Option<Kind> {
    match name {
        "site" => Some(Kind::Site),
        "group" => Some(Kind::Group),
        "team" => Some(Kind::Team),
        "community" => Some(Kind::Community),
        _ => None,
    }
}

fn product(name: &str) -> Result<Product, String> {
    Product::from_key(name).ok_or_else(|| format!("`{name}` is no product"))
}

/// Reads a column's key.
pub fn word(text: &str) -> Result<Word, String> {
    let (text, header) = match text.split_once(" as ") {
        Some((text, header)) => (text, Some(header.to_owned())),
        None => (text, None),
    };
    let (name, argument, rest) = call(text)?;
    let measure = measure(name, argument)?;
    let mut word = Word {
        measure,
        blank_zero: false,
        json_only: false,
        csv_only: false,
        json_name: None,
        beta_header: None,
        unless: None,
        header,
    };
    let mut rest = rest;
    if let Some(after) = rest.strip_prefix('?') {
        word.blank_zero = true;
        rest = after;
    }
    while !rest.trim().is_empty() {
        let (name, argument, more) = call(rest)?;
        match (name, argument) {
            ("json", None) => word.json_only = true,
            ("csv", None) => word.csv_only = true,
            ("unless", Some(argument)) => {
                let (name, value) = argument.split_once('=').ok_or("`unless` needs an argument and a value")?;
                word.unless = Some((name.to_owned(), value.to_owned()));
            }
            ("beta", Some(header)) => word.beta_header = Some(header.to_owned()),
            ("name", Some(name)) => word.json_name = Some(name.to_owned()),
            _ => return Err(format!("`{name}` says nothing about a column")),
        }
        rest = more;
    }
    Ok(word)
}

fn measure(name: &str, argument: Option<&str>) -> Result<Measure, String> {
    match (name, argument) {
        ("nothing", None) => return Ok(Measure::Nothing),
        ("zero", None) => return Ok(Measure::Zero),
        ("text", Some(text)) => return Ok(Measure::Text(text.to_owned())),
        ("window.refresh", None) => return Ok(Measure::Refresh),
        ("window.period", None) => return Ok(Measure::Period),
        ("day.date", None) => return Ok(Measure::Date),
        _ => {}
    }
    let (family, field) = name.split_once('.').ok_or_else(|| format!("`{name}` is no measure"))?;
    if let Some(kind) = kind(family) {
        return Ok(Measure::Place(kind, with_argument(field, argument)));
    }
    let thing = match family {
        "tenant" => Some(Thing::Tenant),
        "person" => Some(Thing::Person),
        "mailbox" => Some(Thing::Mailbox),
        "account" => Some(Thing::Account),
        "activation" => Some(Thing::Activation),
        "api" => Some(Thing::Api),
        _ => None,
    };
    if let Some(thing) = thing {
        return Ok(Measure::Field(thing, with_argument(field, argument)));
    }
    let product = if family == "suite" { None } else { Some(product(family)?) };
    of_product(product, field, argument).ok_or_else(|| format!("`{}` is not measured", with_argument(name, argument)))
}

fn with_argument(field: &str, argument: Option<&str>) -> String {
    argument.map_or_else(|| field.to_owned(), |a| format!("{field}({a})"))
}

fn of_product(product: Option<Product>, field: &str, argument: Option<&str>) -> Option<Measure> {
    let used = product.map_or(Fact::UsedAny, Fact::Used);
    Some(match (field, argument) {
        ("enabled", None) => Measure::Enabled(product),
        ("active", None) => Measure::Active(product),
        ("inactive", None) => Measure::Inactive(product),
        ("people", None) => Measure::People(used),
        ("people", Some(name)) => Measure::People(fact(product?, name)?),
        ("last", None) => Measure::Last(used),
        ("last", Some(name)) => Measure::Last(fact(product?, name)?),
        ("uses", None) => Measure::Holds(used),
        ("uses", Some(name)) => Measure::Holds(fact(product?, name)?),
        ("client", Some(name)) => Measure::Client(fact(product?, name)?),
        ("licensed", None) => Measure::Licensed(product?),
        ("licensed_since", None) => Measure::LicensedSince(product?),
        ("days", None) => Measure::Days(product?),
        ("average", Some(act)) => Measure::Average(Act::from_key(product?, act)?),
        (act, None) => Measure::Count(Act::from_key(product?, act)?),
        _ => return None,
    })
}

fn fact(product: Product, name: &str) -> Option<Fact> {
    if product == Product::Teams && name == "other" {
        return Some(Fact::OtherOnly);
    }
    let version = name.strip_prefix("outlook_").and_then(|v| OUTLOOK_VERSIONS.iter().position(|(n, _)| *n == v));
    if let (Product::Exchange, Some(version)) = (product, version) {
        return Some(Fact::Outlook(version));
    }
    if let Some(act) = Act::from_key(product, name) {
        return Some(Fact::Did(act));
    }
    let family = Family::of(product)?;
    Some(Fact::With(family, family.mask(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read() {
        let w = word("teams.uses(chrome_os) as Used  Chrome OS").unwrap();
        assert_eq!(w.header.as_deref(), Some("Used  Chrome OS"));
        assert!(matches!(w.measure, Measure::Holds(Fact::With(Family::Teams, 64))));
        let w = word("exchange.send?").unwrap();
        assert!(w.blank_zero && w.measure == Measure::Count(Act::Send));
        let w = word("day.date json name(x)").unwrap();
        assert!(w.json_only && w.json_name.as_deref() == Some("x"));
        assert_eq!(shape("day(licensed)").unwrap().rows, Rows::Days { licensed: true });
        let s = shape("person(apps) nest(details, report_period)").unwrap();
        assert_eq!(s.nest, Some(("details".into(), "report_period".into())));
    }

    #[test]
    fn nonsense_is_refused() {
        for key in ["exchange.fly", "teams.people(pigeon)", "sendmail", "exchange.send bold", "text(", "suite.licensed"]
        {
            assert!(word(key).is_err(), "{key}");
        }
        for key in ["persons", "person", "day(unlicensed)", "person(exchange) upside-down"] {
            assert!(shape(key).is_err(), "{key}");
        }
    }
}
