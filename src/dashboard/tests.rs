use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};

use super::ask::Cell;
use super::*;
use crate::config::Marts;
use crate::engine::{Engine, Limits};
use crate::lake::Lake;
use crate::marts::Partition;
use crate::powerbi::{Definitions, Model};

/// A session with all marts, empty; those that are given have rows.
fn session(models: &Models, rows: &[(&str, RecordBatch)]) -> (tempfile::TempDir, Session) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
    let session = Engine::new(&lake, Limits::from(&Marts::default())).unwrap().session(true);
    for mart in models.marts() {
        let schema = schema(mart);
        let given = rows.iter().filter(|(name, _)| *name == mart.name()).map(|(_, rows)| rows.clone());
        session.add_rows(mart.name(), Arc::clone(&schema), given.collect()).unwrap();
    }
    (folder, session)
}

fn schema(mart: &crate::marts::Model) -> SchemaRef {
    let mut fields: Vec<_> = mart.contract.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    if mart.contract.partition == Partition::Month {
        fields.push(ArrowField::new("month", DataType::Date32, true));
    }
    Arc::new(Schema::new(fields))
}

/// Rows of a mart: the columns that are given, the others null.
fn rows(models: &Models, mart: &str, columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let schema = schema(models.get(mart).unwrap());
    let len = columns[0].1.len();
    let column = |f: &Arc<ArrowField>| {
        let given = columns.iter().find(|(name, _)| name == f.name());
        given.map_or_else(|| new_null_array(f.data_type(), len), |(_, c)| Arc::clone(c))
    };
    let all = schema.fields().iter().map(column).collect();
    RecordBatch::try_new(Arc::clone(&schema), all).unwrap()
}

fn model(models: &Models) -> Model {
    model_for(models, Audience::People)
}

fn model_for(models: &Models, audience: Audience) -> Model {
    Model::of(&Definitions::load().unwrap(), models, audience, &[]).unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

#[tokio::test]
async fn every_visual_of_every_page_can_be_asked() {
    let all = Models::load(None).unwrap();
    let settings = Settings::load().unwrap();
    // Who sees what is shared has no other marts, and no other columns of them.
    for (audience, models) in [(Audience::People, all.clone()), (Audience::Shared, all.shown())] {
        let (_folder, session) = session(&models, &[]);
        let model = model_for(&all, audience);
        let (terms, formats) = (Terms::load(labels(&model)).unwrap(), formats(&model));
        let month = day("2026-10-01");
        let asker = Asker { session: &session, models: &models, terms: &terms, month, formats: &formats };
        for page in Page::of(audience).unwrap() {
            for visual in &page.visuals {
                let answer = asker.ask(&page, visual, &settings.chosen(&page, visual)).await;
                assert!(answer.is_ok(), "{audience:?}, {}/{}: {:?}", page.page, visual.id, answer.err());
            }
        }
    }
}

/// Two months and two products: what is asked of them, by hand.
#[tokio::test]
async fn answers_are_of_the_month_and_trends_of_all() {
    let models = Models::load(None).unwrap();
    let texts = |values: [&str; 4]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let ints = |values: [i64; 4]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
    let months = ["2026-09-01", "2026-10-01", "2026-09-01", "2026-10-01"].map(|m| day(m).epoch());
    let usage = rows(
        &models,
        "tenant_product_usage",
        &[
            ("product", texts(["microsoft365", "microsoft365", "teams", "teams"])),
            ("enabled_users", ints([100, 100, 80, 80])),
            // One of October has no licence any more.
            ("active_users", ints([50, 61, 20, 16])),
            ("active_enabled_users", ints([50, 60, 20, 16])),
            ("month", Arc::new(Date32Array::from(months.to_vec()))),
        ],
    );
    let (_folder, session) = session(&models, &[("tenant_product_usage", usage)]);
    let model = model(&models);
    let (terms, formats) = (Terms::load(labels(&model)).unwrap(), formats(&model));
    let month = day("2026-10-01");
    let asker = Asker { session: &session, models: &models, terms: &terms, month, formats: &formats };
    let page = Page::all().unwrap().into_iter().find(|p| p.page == "adoption").unwrap();
    let visual = |id: &str| page.visuals.iter().find(|v| v.id == id).unwrap();
    let text = |t: &str| Cell::Text(t.to_string());

    // No product is chosen: Microsoft 365, and not the sum.
    let cards = asker.ask(&page, visual("numbers"), &[]).await.unwrap();
    let shown = [Cell::Number(100.0), Cell::Number(61.0), text("60 of 100"), Cell::Number(0.6)];
    assert_eq!(cards.rows[0][..4], shown);
    // By product: one row each, but for what the filter leaves out.
    let bars = asker.ask(&page, visual("rate-by-product"), &[]).await.unwrap();
    assert_eq!(bars.rows, [[text("Teams"), Cell::Number(0.2)]]);
    // By month: all months, the last first, with the change of eleven people.
    let months = asker.ask(&page, visual("months"), &[]).await.unwrap();
    let change = months.fields.iter().position(|f| f.name() == "Change in active users").unwrap();
    let shown: Vec<(&Cell, &Cell)> = months.rows.iter().map(|r| (&r[0], &r[change])).collect();
    assert_eq!(shown, [(&text("Oct 2026"), &Cell::Number(11.0)), (&text("Sep 2026"), &Cell::Null)]);
}

/// What a visual of a page answers over rows of a mart, in October.
async fn asked(mart: &str, columns: &[(&str, ArrayRef)], page: &str, visual: &str) -> Answer {
    let models = Models::load(None).unwrap();
    let october = vec![day("2026-10-01").epoch(); columns[0].1.len()];
    let month: ArrayRef = Arc::new(Date32Array::from(october));
    let given = rows(&models, mart, &[columns, &[("month", month)]].concat());
    let (_folder, session) = session(&models, &[(mart, given)]);
    let model = model(&models);
    let (terms, formats) = (Terms::load(labels(&model)).unwrap(), formats(&model));
    let asker =
        Asker { session: &session, models: &models, terms: &terms, month: day("2026-10-01"), formats: &formats };
    let page = Page::all().unwrap().into_iter().find(|p| p.page == page).unwrap();
    let visual = page.visuals.iter().find(|v| v.id == visual).unwrap();
    asker.ask(&page, visual, &Settings::load().unwrap().chosen(&page, visual)).await.unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[tokio::test]
async fn people_read_names_and_not_ids() {
    let text = |t: &str| Cell::Text(t.to_string());
    let clients = [
        ("product", texts(&[Some("exchange"); 3])),
        ("client_id", texts(&["outlook_for_windows", "imap4_app", "Outlook 2010"].map(Some))),
        ("user_count", Arc::new(Int64Array::from(vec![5, 3, 1])) as ArrayRef),
    ];
    let answer = asked("tenant_client_usage", &clients, "clients", "mail").await;
    // What the retired app wrote has no other name.
    let named = [("Outlook for Windows", 5.0), ("IMAP4 app", 3.0), ("Outlook 2010", 1.0)];
    assert_eq!(answer.rows, named.map(|(name, n)| vec![text(name), Cell::Number(n)]));
    // A filter is by name, too.
    let apps = [
        ("app", texts(&["any", "powerpoint", "word"].map(Some))),
        ("active_users", Arc::new(Int64Array::from(vec![9, 2, 4])) as ArrayRef),
    ];
    let answer = asked("copilot_adoption", &apps, "copilot", "apps").await;
    let named = [("Word", 4.0), ("PowerPoint", 2.0)];
    assert_eq!(answer.rows, named.map(|(name, n)| vec![text(name), Cell::Number(n)]));
}

#[tokio::test]
async fn of_the_enabled_nobody_is_active_who_is_not_enabled() {
    let ints = |n: i64| Arc::new(Int64Array::from(vec![n])) as ArrayRef;
    let copilot = [
        ("app", texts(&[Some("any")])),
        ("enabled_users", ints(4)),
        ("active_users", ints(5)),
        ("active_enabled_users", ints(3)),
    ];
    let answer = asked("copilot_adoption", &copilot, "copilot", "numbers").await;
    assert_eq!(answer.rows[0][..3], [4.0, 5.0, 0.75].map(Cell::Number));
    let groups = [
        ("group_type", texts(&[Some("any")])),
        ("total_groups", ints(4)),
        ("active_groups", ints(5)),
        ("active_groups_at_end", ints(3)),
    ];
    let answer = asked("tenant_groups_usage", &groups, "groups", "numbers").await;
    assert_eq!(answer.rows[0][..3], [4.0, 3.0, 0.75].map(Cell::Number));
}

#[tokio::test]
async fn costs_have_their_currency_and_are_not_added_up_over_several() {
    let cards = async |currencies: [Option<&str>; 3]| {
        let prices = [Some(10.0), Some(2.5), None];
        let licences = [
            ("sku_part_number", texts(&["A", "B", "FREE"].map(Some))),
            ("attribute", texts(&[Some("tenant"); 3])),
            ("value", texts(&[Some("all"); 3])),
            ("unit_price", Arc::new(Float64Array::from(prices.to_vec())) as ArrayRef),
            ("currency", texts(&currencies)),
            ("unused_cost", Arc::new(Float64Array::from(prices.to_vec())) as ArrayRef),
        ];
        let answer = asked("license_utilization", &licences, "licences", "numbers").await;
        let at = answer.fields.iter().position(|f| f.name() == "Unused cost a year").unwrap();
        answer.rows[0][at].clone()
    };
    // Of what has no price nobody knows a currency.
    assert_eq!(cards([Some("EUR"), Some("EUR"), None]).await, Cell::Amount(150.0, "EUR".into()));
    assert_eq!(cards([Some("EUR"), Some("USD"), None]).await, Cell::Null);
    assert_eq!(cards([Some("EUR"), None, None]).await, Cell::Null);
    assert_eq!(cards([None, None, None]).await, Cell::Number(150.0));
}

#[tokio::test]
async fn a_lake_without_marts_says_so() {
    let models = Models::load(None).unwrap();
    let (_folder, session) = session(&models, &[]);
    let model = model(&models);
    let dashboard = Dashboard {
        tenant: "contoso",
        session: &session,
        models: &models,
        terms: &Terms::load(labels(&model)).unwrap(),
        formats: &formats(&model),
        audience: Audience::People,
    };
    assert_eq!(dashboard.draw(None).await.err().unwrap().to_string(), "the lake has no marts yet (tenant `contoso`)");
    // With a month it is drawn, and every page says that there is nothing.
    let drawn = dashboard.draw(Some(day("2026-10-01"))).await.unwrap();
    assert!(drawn.problems.is_empty() && drawn.pages > 25);
    assert!(!drawn.html.contains("http://") && !drawn.html.contains("https://"), "it needs the network");
    assert!(drawn.html.matches("Nothing to show for this month").count() > 50);
}
