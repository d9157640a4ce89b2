use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::marts::Models;
use crate::powerbi::{Definitions, Source};

const AUDIENCES: [Audience; 2] = [Audience::People, Audience::Shared];

fn model(audience: Audience) -> Model {
    Model::of(&Definitions::load().unwrap(), &Models::load(None).unwrap(), audience, &[]).unwrap()
}

fn project(audience: Audience) -> Project {
    Project {
        name: "Usage".into(),
        tenant: "contoso".into(),
        audience,
        source: Source::Folder("C:\\lake".into()),
        readers: Vec::new(),
    }
}

fn report(audience: Audience) -> BTreeMap<String, Value> {
    let files = files(&project(audience), &model(audience)).unwrap();
    files.into_iter().map(|f| (f.path, serde_json::from_str(&f.text).unwrap())).collect()
}

/// The roles that visuals must have, and those that they may have, as Power BI's catalog of visuals names them.
const ROLES: [(&str, &[&str], &[&str]); 13] = [
    ("areaChart", &["Category", "Y"], &["Series"]),
    ("azureMap", &["Category"], &["Size"]),
    ("barChart", &["Category", "Y"], &["Series"]),
    ("cardVisual", &["Data"], &[]),
    ("clusteredBarChart", &["Category", "Y"], &["Series"]),
    ("clusteredColumnChart", &["Category", "Y"], &["Series"]),
    ("columnChart", &["Category", "Y"], &["Series"]),
    ("donutChart", &["Category", "Y"], &[]),
    ("hundredPercentStackedColumnChart", &["Category", "Y"], &["Series"]),
    ("lineChart", &["Category", "Y"], &["Series", "Y2"]),
    ("lineClusteredColumnComboChart", &["Category", "Y"], &["Series", "Y2"]),
    ("pivotTable", &["Rows", "Values"], &["Columns"]),
    ("tableEx", &["Values"], &[]),
];

#[test]
fn every_field_of_every_page_is_one_of_the_model() {
    for audience in AUDIENCES {
        let report = report(audience);
        assert!(report.len() > 100, "{audience:?}: {} files", report.len());
    }
}

#[test]
fn visuals_have_the_roles_that_power_bi_wants() {
    for page in Page::all().unwrap() {
        for v in &page.visuals {
            let at = format!("{}/{}", page.page, v.id);
            let (_, must, may) = ROLES.iter().find(|r| r.0 == v.visual_type).unwrap_or_else(|| panic!("{at}"));
            assert!(must.iter().all(|r| v.fields.contains_key(*r)), "{at}");
            assert!(v.fields.keys().all(|r| must.contains(&r.as_str()) || may.contains(&r.as_str())), "{at}");
            for (role, fields) in &v.fields {
                let is_value = matches!(role.as_str(), "Y" | "Y2" | "Size" | "Data");
                assert!(!is_value || fields.iter().all(|f| matches!(f.field(), Field::Measure(_))), "{at}: {role}");
            }
        }
    }
}

#[test]
fn everything_on_a_page_has_a_place_of_its_own() {
    let settings = Settings::load().unwrap();
    for audience in AUDIENCES {
        for page in Page::of(audience).unwrap() {
            let tooltip = page.kind == PageKind::Tooltip;
            let mut places: Vec<(String, Place)> = Vec::new();
            if !tooltip {
                let slicers = settings.slicers_of(&page, audience);
                let of = settings.slicer_places(&slicers.iter().map(|s| s.width).collect::<Vec<_>>());
                places.push(("headline".into(), settings.headline_place(&of)));
                places.extend(slicers.iter().zip(of).map(|(s, p)| (s.slicer.clone(), p)));
                let [width, height] = [settings.rail.width, settings.canvas[1]];
                places.push(("rail".into(), Place { x: 0, y: 0, width, height }));
            }
            places.extend(page.visuals.iter().map(|v| (v.id.clone(), page.place(v, &settings))));
            let [width, height] = if tooltip { settings.tooltip } else { settings.canvas };
            for (n, (a, place)) in places.iter().enumerate() {
                assert!(place.width > 60 && place.height > 20, "{}: {a} is {place:?}", page.page);
                assert!(place.x + place.width <= width && place.y + place.height <= height, "{}: {a}", page.page);
                for (b, other) in &places[n + 1..] {
                    assert!(!place.meets(other), "{}: {a} and {b} overlap", page.page);
                }
            }
            // Two lines of the headline's font, 9 pixels a letter.
            if !tooltip {
                let letters = 2 * settings.headline_place(&[]).width.min(places[0].1.width) / 10;
                assert!(page.message.len() <= letters as usize, "{}: the message is too long", page.page);
            }
        }
    }
}

#[test]
fn names_are_unique_and_everything_is_told_to_who_cannot_see() {
    let name = |n: &str| n.len() <= 50 && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    for audience in AUDIENCES {
        let (mut pages, mut filters) = (BTreeSet::new(), BTreeSet::new());
        for page in Page::of(audience).unwrap() {
            assert!(name(&page.page) && pages.insert(page.page.clone()), "{}", page.page);
            let mut visuals = BTreeSet::new();
            for v in &page.visuals {
                assert!(name(&v.id) && visuals.insert(v.id.clone()), "{}/{}", page.page, v.id);
                assert!(v.alt.len() > 20, "{}/{} has no alternative text", page.page, v.id);
                assert!(!v.title.is_empty() || v.visual_type == "cardVisual", "{}/{}", page.page, v.id);
            }
            assert!(page.visuals.iter().all(|v| v.tooltip.as_ref().is_none_or(|t| *t != page.page)));
        }
        for (path, json) in report(audience) {
            let alt = &json["visual"]["visualContainerObjects"]["general"][0]["properties"]["altText"];
            assert!(!path.ends_with("visual.json") || alt.is_object(), "{path} has no alternative text");
            for f in json["filterConfig"]["filters"].as_array().into_iter().flatten() {
                assert!(filters.insert(f["name"].to_string()), "{path}: {}", f["name"]);
            }
        }
    }
}

#[test]
fn what_pages_and_visuals_refer_to_is_there() {
    for audience in AUDIENCES {
        let pages = Page::of(audience).unwrap();
        let tooltips: Vec<&str> =
            pages.iter().filter(|p| p.kind == PageKind::Tooltip).map(|p| p.page.as_str()).collect();
        for page in &pages {
            for tooltip in page.visuals.iter().filter_map(|v| v.tooltip.as_deref()) {
                assert!(tooltips.contains(&tooltip), "{}: {tooltip}", page.page);
            }
        }
        let report = report(audience);
        for (path, page) in report.iter().filter(|(path, _)| path.ends_with("/page.json")) {
            let folder = path.trim_end_matches("page.json");
            for interaction in page["visualInteractions"].as_array().into_iter().flatten() {
                for end in ["source", "target"] {
                    let visual = format!("{folder}visuals/{}/visual.json", interaction[end].as_str().unwrap());
                    assert!(report.contains_key(&visual), "{visual}");
                }
            }
        }
    }
}

#[test]
fn a_trend_is_not_filtered_by_the_month_and_cards_are() {
    let report = report(Audience::People);
    let page = &report["Usage.Report/definition/pages/adoption/page.json"];
    let spared: Vec<&str> =
        page["visualInteractions"].as_array().unwrap().iter().map(|i| i["target"].as_str().unwrap()).collect();
    assert!(spared.contains(&"trend") && spared.contains(&"months") && !spared.contains(&"numbers"), "{spared:?}");
}

#[test]
fn nobody_is_named_in_the_shared_report() {
    for page in Page::of(Audience::Shared).unwrap() {
        let slicers = Settings::load().unwrap();
        let of_slicers = slicers.slicers_of(&page, Audience::Shared).into_iter().map(|s| &s.field);
        for field in page.visuals.iter().flat_map(|v| v.shown()).chain(of_slicers) {
            assert!(!field.to_string().starts_with("Person["), "{}: {field}", page.page);
        }
    }
    let people = |a| Page::of(a).unwrap().iter().filter(|p| p.message.contains("person")).count();
    assert!(people(Audience::People) > people(Audience::Shared));
}

#[test]
fn written_twice_no_byte_differs() {
    for audience in AUDIENCES {
        let write = || files(&project(audience), &model(audience)).unwrap();
        assert_eq!(write(), write());
    }
}

#[test]
fn pages_of_others_stay_and_ours_that_are_gone_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("Usage.Report/definition/pages");
    for page in ["mine", "adoption", "old"] {
        std::fs::create_dir_all(pages.join(page)).unwrap();
        std::fs::write(pages.join(page).join("page.json"), "{}").unwrap();
    }
    std::fs::write(pages.join("pages.json"), r#"{"pageOrder": ["mine", "adoption", "old", "lost"]}"#).unwrap();
    let ours = "Usage.Report/definition/pages/adoption/page.json\nUsage.Report/definition/pages/old/page.json\n";
    std::fs::write(folder.path().join(".Usage.files"), ours).unwrap();
    let project = project(Audience::Shared);
    let mut files = files(&project, &model(Audience::Shared)).unwrap();
    keep_others(&project, &mut files, folder.path()).unwrap();
    let order = files.iter().find(|f| f.path.ends_with("/pages.json")).unwrap();
    let order: Value = serde_json::from_str(&order.text).unwrap();
    let names: Vec<&str> = order["pageOrder"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(names.first(), Some(&"executive-summary"));
    assert_eq!(names.last(), Some(&"mine"));
    assert!(!names.contains(&"old") && !names.contains(&"lost"), "{names:?}");
    assert_eq!(names.iter().filter(|n| **n == "adoption").count(), 1);
}

/// WCAG 2.1: relative luminance and contrast ratio.
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |colour: &str| {
        let channel = |at: usize| {
            let c = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn the_theme_can_be_read_by_everybody() {
    // 21 and 1 are the ends of the scale; 4.54 is the known value of this grey on white.
    assert!((contrast("#000000", "#FFFFFF") - 21.0).abs() < 1e-9);
    assert!((contrast("#767676", "#FFFFFF") - 4.54).abs() < 0.01);
    let theme: Value = serde_json::from_str(theme()).unwrap();
    let colour = |name: &str| theme[name].as_str().unwrap().to_string();
    let page = theme["visualStyles"]["page"]["*"]["background"][0]["color"]["solid"]["color"].as_str().unwrap();
    for text in ["foreground", "foregroundNeutralSecondary", "foregroundNeutralTertiary", "hyperlink"] {
        for behind in [colour("background").as_str(), page] {
            assert!(contrast(&colour(text), behind) >= 4.5, "{text} on {behind}");
        }
    }
    for series in theme["dataColors"].as_array().unwrap() {
        assert!(contrast(series.as_str().unwrap(), &colour("background")) >= 3.0, "{series}");
    }
    let settings = Settings::load().unwrap();
    let [behind, name, link, here] = &settings.rail.colours;
    assert!(contrast(name, behind) >= 4.5 && contrast(link, behind) >= 4.5 && contrast(name, here) >= 4.5);
    assert!(settings.headline.colours.iter().all(|c| contrast(c, page) >= 4.5));
    let style = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/powerbi/dashboard/style.css"));
    for text in style.split(";").filter_map(|rule| rule.trim().strip_prefix("color: #")) {
        assert!(contrast(&format!("#{text}"), page) >= 4.5, "#{text} in the dashboard");
    }
}

#[test]
fn a_template_is_written_out() {
    let pages = Page::all().unwrap();
    let page = |name: &str| pages.iter().find(|p| p.page == name).unwrap();
    assert_eq!(page("product-viva-engage").title, "Viva Engage");
    let filter = &page("product-teams").filters[0];
    assert_eq!(filter.values, [Scalar::Text("Teams".into())]);
    assert!(pages.iter().all(|p| !format!("{p:?}").contains("{name}")), "a word is left out");
}
