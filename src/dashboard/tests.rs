use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, new_null_array};
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
            ("active_users", ints([50, 60, 20, 16])),
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
    assert_eq!(cards.rows[0][..3], [Cell::Number(100.0), Cell::Number(60.0), Cell::Number(0.6)]);
    // By product: one row each, but for what the filter leaves out.
    let bars = asker.ask(&page, visual("rate-by-product"), &[]).await.unwrap();
    assert_eq!(bars.rows, [[text("Teams"), Cell::Number(0.2)]]);
    // By month: all months, the last first, with the change of ten people.
    let months = asker.ask(&page, visual("months"), &[]).await.unwrap();
    let change = months.fields.iter().position(|f| f.name() == "Change in active users").unwrap();
    let shown: Vec<(&Cell, &Cell)> = months.rows.iter().map(|r| (&r[0], &r[change])).collect();
    assert_eq!(shown, [(&text("Oct 2026"), &Cell::Number(10.0)), (&text("Sep 2026"), &Cell::Null)]);
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
