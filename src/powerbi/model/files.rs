//! The model as files of TMDL.

use super::mashup::{Lake, partition, queries};
use super::resolve::Model;
use super::table::{Column, Content, Table};
use super::text::{Text, name};
use crate::marts::ColumnType;
use crate::powerbi::definitions::{Measure, Months, Role};
use crate::powerbi::identity::identity;
use crate::powerbi::{File, Project};

/// The oldest level that has all that the model uses; older Desktops open it too.
const COMPATIBILITY: &str = "1601";
/// How much the service keeps of a table by month, and how much of it a refresh reads again: months that may still change.
const KEPT_YEARS: u8 = 10;
pub(super) const REREAD_MONTHS: u8 = 4;

/// All files below `definition/`, and what stands beside it.
pub(in crate::powerbi) fn files(project: &Project, model: &Model, lake: &Lake) -> Vec<File> {
    let root = format!("{}.SemanticModel", project.name);
    let file = |path: &str, text: String| File { path: format!("{root}/{path}"), text };
    let mut files = vec![
        file(".platform", project.platform("SemanticModel")),
        file("definition.pbism", PBISM.to_string()),
        file("definition/database.tmdl", database(project)),
        file("definition/model.tmdl", whole(model, lake)),
        file("definition/expressions.tmdl", expressions(lake)),
        file("definition/relationships.tmdl", relationships(model)),
    ];
    for table in &model.tables {
        files.push(file(&format!("definition/tables/{}.tmdl", table.name), table_file(table, lake)));
    }
    for role in &model.roles {
        files.push(file(&format!("definition/roles/{}.tmdl", role.name), role_file(role, model)));
    }
    files
}

const PBISM: &str = r#"{
  "$schema": "https://developer.microsoft.com/json-schemas/fabric/item/semanticModel/definitionProperties/1.0.0/schema.json",
  "version": "4.2",
  "settings": {
    "qnaEnabled": false
  }
}
"#;

fn database(project: &Project) -> String {
    let mut t = Text::default();
    t.line(0, &format!("database {}", project.identity(&["database"])));
    t.line(1, &format!("compatibilityLevel: {COMPATIBILITY}"));
    t.line(1, "compatibilityMode: powerBI");
    t.end()
}

fn whole(model: &Model, lake: &Lake) -> String {
    let mut t = Text::default();
    t.line(0, "model Model");
    t.line(1, "culture: en-US");
    t.line(1, "defaultPowerBIDataSourceVersion: powerBI_V3");
    t.line(1, "discourageImplicitMeasures");
    t.line(1, "sourceQueryCulture: en-US");
    t.line(1, "dataAccessOptions");
    t.line(2, "legacyRedirects");
    t.line(2, "returnErrorValuesAsNull");
    t.gap();
    t.line(0, "annotation __PBI_TimeIntelligenceEnabled = 0");
    t.gap();
    let queries = queries(lake).into_iter().map(|q| q.name.to_string());
    let tables = model.tables.iter().filter(|t| !matches!(t.content, Content::Calculated(_))).map(|t| t.name.clone());
    let order: Vec<String> = queries.chain(tables).collect();
    t.line(0, &format!("annotation PBI_QueryOrder = {}", serde_json::to_string(&order).unwrap_or_default()));
    t.gap();
    for table in &model.tables {
        t.line(0, &format!("ref table {}", name(&table.name)));
    }
    t.gap();
    for role in &model.roles {
        t.line(0, &format!("ref role {}", name(&role.name)));
    }
    t.end()
}

fn expressions(lake: &Lake) -> String {
    let mut t = Text::default();
    for (n, query) in queries(lake).iter().enumerate() {
        if n > 0 {
            t.gap();
        }
        t.description(0, query.description);
        t.expression(0, &format!("expression {}", name(query.name)), &query.expression);
        t.line(1, &format!("lineageTag: {}", identity(&["expression", query.name])));
        t.gap();
        t.line(1, &format!("annotation PBI_ResultType = {}", query.result));
    }
    t.end()
}

fn relationships(model: &Model) -> String {
    let mut t = Text::default();
    for (n, r) in model.relationships.iter().enumerate() {
        if n > 0 {
            t.gap();
        }
        t.line(0, &format!("relationship {}", identity(&["relationship", &r.from, &r.to])));
        t.line(1, &format!("fromColumn: {}", end(&r.from)));
        t.line(1, &format!("toColumn: {}", end(&r.to)));
    }
    t.end()
}

fn end(column: &str) -> String {
    column.split_once('.').map_or(String::new(), |(t, c)| format!("{}.{}", name(t), name(c)))
}

fn role_file(role: &Role, model: &Model) -> String {
    let mut t = Text::default();
    t.description(0, &role.description);
    t.line(0, &format!("role {}", name(&role.name)));
    t.line(1, "modelPermission: read");
    for table in model.tables.iter().filter(|t| !role.open.contains(&t.name)) {
        let rows = role.filters.get(&table.name).map_or("FALSE ()", String::as_str);
        t.gap();
        t.expression(1, &format!("tablePermission {}", name(&table.name)), rows.trim());
    }
    t.end()
}

fn table_file(table: &Table, lake: &Lake) -> String {
    let mut t = Text::default();
    t.description(0, &table.description);
    t.line(0, &format!("table {}", name(&table.name)));
    if table.hidden {
        t.line(1, "isHidden");
    }
    t.line(1, &format!("lineageTag: {}", identity(&["table", &table.name])));
    if table.date_table {
        t.line(1, "dataCategory: Time");
    }
    let source = partition(table, lake);
    if let (Content::Mart { months: Some(Months::All), .. }, Some(source)) = (&table.content, &source) {
        t.gap();
        refresh_policy(&mut t, source);
    }
    for m in &table.measures {
        t.gap();
        measure(&mut t, m);
    }
    for c in &table.columns {
        t.gap();
        column(&mut t, table, c);
    }
    for h in &table.hierarchies {
        t.gap();
        t.line(1, &format!("hierarchy {}", name(&h.name)));
        t.line(2, &format!("lineageTag: {}", identity(&["hierarchy", &table.name, &h.name])));
        for level in &h.levels {
            t.gap();
            t.line(2, &format!("level {}", name(level)));
            t.line(3, &format!("lineageTag: {}", identity(&["level", &table.name, &h.name, level])));
            t.line(3, &format!("column: {}", name(level)));
        }
    }
    t.gap();
    let (kind, source) = match (&table.content, source) {
        (Content::Calculated(dax), _) => ("calculated", dax.clone()),
        (_, source) => ("m", source.unwrap_or_default()),
    };
    t.line(1, &format!("partition {} = {kind}", name(&table.name)));
    t.line(2, "mode: import");
    t.expression(2, "source", &source);
    t.gap();
    t.line(1, "annotation PBI_ResultType = Table");
    t.end()
}

fn refresh_policy(t: &mut Text, source: &str) {
    t.line(1, "refreshPolicy");
    t.line(2, "policyType: basic");
    t.line(2, "rollingWindowGranularity: year");
    t.line(2, &format!("rollingWindowPeriods: {KEPT_YEARS}"));
    t.line(2, "incrementalGranularity: month");
    t.line(2, &format!("incrementalPeriods: {REREAD_MONTHS}"));
    t.expression_at(2, "sourceExpression", source, 3);
}

fn measure(t: &mut Text, m: &Measure) {
    t.description(1, &m.description);
    t.expression(1, &format!("measure {}", name(&m.name)), &m.dax);
    if let (Some(format), None) = (&m.format, &m.unit) {
        t.line(2, &format!("formatString: {format}"));
    }
    if m.hidden {
        t.line(2, "isHidden");
    }
    t.line(2, &format!("displayFolder: {}", m.folder));
    t.line(2, &format!("lineageTag: {}", identity(&["measure", &m.name])));
    if let (Some(format), Some(unit)) = (&m.format, &m.unit) {
        t.gap();
        // A text in quotes is printed as it is: `#,0.00 "EUR"`.
        let words = format!(r#""{format}" & IF ( NOT ISBLANK ( [{unit}] ), " """ & [{unit}] & """" )"#);
        t.expression(2, "formatStringDefinition", &words);
    }
}

fn column(t: &mut Text, table: &Table, c: &Column) {
    t.description(1, &c.description);
    match &c.dax {
        Some(dax) => t.expression(1, &format!("column {}", name(&c.name)), dax),
        None => t.line(1, &format!("column {}", name(&c.name))),
    }
    t.line(2, &format!("dataType: {}", data_type(c.column_type)));
    if c.hidden {
        t.line(2, "isHidden");
    }
    if c.key {
        t.line(2, "isKey");
    }
    if let Some(format) = &c.format {
        t.line(2, &format!("formatString: {format}"));
    }
    t.line(2, &format!("lineageTag: {}", identity(&["column", &table.name, &c.name])));
    if let Some(category) = &c.category {
        t.line(2, &format!("dataCategory: {category}"));
    }
    t.line(2, "summarizeBy: none");
    match (&table.content, &c.dax) {
        (_, Some(_)) => {}
        (Content::Calculated(_), None) => {
            t.line(2, "isNameInferred");
            t.line(2, &format!("sourceColumn: [{}]", c.source));
        }
        _ => t.line(2, &format!("sourceColumn: {}", c.source)),
    }
    if let Some(by) = &c.sort_by {
        t.line(2, &format!("sortByColumn: {}", name(by)));
    }
    t.gap();
    t.line(2, "annotation SummarizationSetBy = User");
}

fn data_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Text => "string",
        ColumnType::Int => "int64",
        ColumnType::Double => "double",
        ColumnType::Bool => "boolean",
        ColumnType::Date | ColumnType::Datetime => "dateTime",
    }
}
