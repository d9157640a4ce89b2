use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde_json::json;

use super::*;
use crate::catalog::directory::{from_files, listings};

fn reader(name: &str) -> Reader {
    let listing = listings().chain(from_files()).find(|l| l.name() == name).unwrap();
    Reader::new(listing, "2026-11-20".parse().unwrap())
}

fn read(name: &str, pages: &[Value]) -> (Vec<Rows>, Told) {
    let mut reader = reader(name);
    pages.iter().for_each(|p| reader.page(p).unwrap());
    reader.finish().unwrap()
}

fn rows<'a>(all: &'a [Rows], table: &str) -> &'a Rows {
    all.iter().find(|r| r.table.table == table).unwrap()
}

/// The texts of a column.
fn texts(rows: &Rows, column: &str) -> Vec<Option<String>> {
    let column = cast(rows.batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    let column = column.as_any().downcast_ref::<StringArray>().unwrap();
    column.iter().map(|t| t.map(str::to_string)).collect()
}

fn some(all: &[&str]) -> Vec<Option<String>> {
    all.iter().map(|t| Some(t.to_string())).collect()
}

#[test]
fn missing_null_and_blank_are_null() {
    let (all, told) = read(
        "users",
        &[json!({"value": [
            {"id": "A1", "displayName": "Zoë Ångström 李", "department": "", "city": null, "accountEnabled": true,
             "createdDateTime": "2026-02-04T00:00:00Z", "manager": {"@odata.type": "#x", "id": "B2"}},
            {"id": "b2", "department": " R&D ", "accountEnabled": false, "manager": null},
        ]})],
    );
    let users = rows(&all, "users");
    assert_eq!(texts(users, "id"), some(&["a1", "b2"]), "GUIDs are in small letters");
    assert_eq!(texts(users, "display_name"), [Some("Zoë Ångström 李".to_string()), None]);
    assert_eq!(texts(users, "department"), [None, Some("R&D".to_string())]);
    assert_eq!(texts(users, "city"), [None, None]);
    assert_eq!(texts(users, "manager_id"), [Some("b2".to_string()), None]);
    let enabled = users.batch.column_by_name("account_enabled").unwrap().as_boolean().clone();
    assert_eq!((enabled.value(0), enabled.value(1)), (true, false));
    assert_eq!((told.entities, told.rejected_cells), (2, 0));
    assert!(users.missing.contains(&"job_title".to_string()) && !users.missing.contains(&"city".to_string()));
    assert!(users.known && !rows(&all, "user_plans").known, "nobody had `assignedPlans`");
}

#[test]
fn addresses_in_every_form() {
    let (all, _) = read(
        "users",
        &[json!({"value": [
            {"id": "a", "userPrincipalName": "Ann@Contoso.com", "mail": "ANN@contoso.com",
             "proxyAddresses": ["SMTP:Ann@contoso.com", "smtp: Old@Contoso.com", "SIP:ann@contoso.com", "X500:/o=x", "smtp:", "é", null, 7]},
            {"id": "b", "userPrincipalName": "bob_fabrikam.com#EXT#@contoso.com", "mail": null, "proxyAddresses": ["sMtP:old@contoso.com"]},
            {"id": "c", "userPrincipalName": "", "proxyAddresses": []},
        ]})],
    );
    let found = rows(&all, "addresses");
    let found: Vec<String> = texts(found, "id")
        .into_iter()
        .zip(texts(found, "address"))
        .zip(texts(found, "kind"))
        .map(|((id, address), kind)| format!("{} {} {}", id.unwrap(), address.unwrap(), kind.unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            "a ann@contoso.com upn",
            "a ann@contoso.com mail",
            "a ann@contoso.com proxy",
            "a old@contoso.com proxy",
            "b bob_fabrikam.com#ext#@contoso.com upn",
            "b old@contoso.com proxy",
        ]
    );
}

#[test]
fn elements_are_rows_of_their_entity() {
    let (all, told) = read(
        "users",
        &[
            json!({"value": [{"id": "a", "assignedLicenses": [{"skuId": "S1", "disabledPlans": ["P1", "P2"]}, {"skuId": "S2", "disabledPlans": []}],
                             "assignedPlans": [{"servicePlanId": "P9", "service": "exchange", "capabilityStatus": "Enabled", "region": "EU"}]}]}),
            json!({"value": [{"id": "a", "assignedLicenses": [{"skuId": "S3"}]}, {"id": "b", "assignedLicenses": null}]}),
        ],
    );
    let licenses = rows(&all, "user_licenses");
    assert_eq!(texts(licenses, "user_id"), some(&["a", "a"]), "whom two pages have is read once");
    assert_eq!(texts(licenses, "disabled_plans"), [Some("P1+P2".to_string()), None]);
    assert_eq!(texts(rows(&all, "user_plans"), "unknown_columns"), some(&[r#"{"region":"EU"}"#]));
    assert_eq!(told.unknown_properties.iter().collect::<Vec<_>>(), ["region"]);
    assert_eq!(told.entities, 2);
}

#[test]
fn numbers_flags_and_lists() {
    let (all, told) = read(
        "subscribed_skus",
        &[json!({"value": [
            {"id": "t_s", "skuId": "S", "consumedUnits": 12, "prepaidUnits": {"enabled": 25, "suspended": "0", "warning": 1.5, "lockedOut": [1]},
             "servicePlans": [{"servicePlanId": "P", "servicePlanName": "X"}], "accountName": "kept"},
        ]})],
    );
    let skus = rows(&all, "subscribed_skus");
    let unit = |name: &str| {
        let column = skus.batch.column_by_name(name).unwrap().as_primitive::<arrow::datatypes::Int64Type>().clone();
        column.is_valid(0).then(|| column.value(0))
    };
    assert_eq!((unit("enabled_units"), unit("consumed_units"), unit("suspended_units")), (Some(25), Some(12), Some(0)));
    assert_eq!((unit("warning_units"), unit("locked_out_units")), (None, None));
    let why: Vec<(&str, &str)> = told.rejects.iter().map(|r| (r.column.as_str(), r.reason)).collect();
    assert_eq!(why, [("warning_units", "not a whole number"), ("locked_out_units", "not one value")]);
    assert_eq!(texts(skus, "unknown_columns"), some(&[r#"{"accountName":"kept"}"#]));
    assert_eq!(texts(rows(&all, "sku_plans"), "sku_id"), some(&["s"]));

    let (all, _) = read(
        "organization",
        &[
            json!({"value": [{"id": "t", "verifiedDomains": [{"name": "a.onmicrosoft.com", "isInitial": true, "isDefault": false}, {"name": "a.com", "isDefault": true}]}]}),
        ],
    );
    let organization = rows(&all, "organization");
    assert_eq!(texts(organization, "default_domain"), some(&["a.com"]));
    assert_eq!(texts(organization, "initial_domain"), some(&["a.onmicrosoft.com"]));
}

#[test]
fn what_is_no_page_fails_the_list() {
    for page in [
        json!({}),
        json!([]),
        json!({"value": 7}),
        json!({"value": [7]}),
        json!({"value": [{"displayName": "x"}]}),
        json!({"value": [{"id": ""}]}),
    ] {
        let e = reader("users").page(&page).unwrap_err();
        assert_eq!(e.kind(), Kind::NotAReport, "{page}");
    }
    assert_eq!(read("users", &[json!({"value": []})]).1.entities, 0);
}

#[test]
fn product_names_as_microsoft_publishes_them() {
    let listing = from_files().next().unwrap();
    // Windows-1252: the dash is one byte; a header has a stray blank, cells too.
    let file = b"Product_Display_Name,String_ Id,GUID,Service_Plan_Name,Service_Plan_Id,Service_Plans_Included_Friendly_Names\r\n\
        \"Contoso, Premium\",CONTOSO_P ,AAAA-1,PLAN_A,bbbb-2,\"Protection \x96 Standard, new\"\r\n,,,,,\r\n";
    let page = product_names::page(listing, file).unwrap();
    let (all, told) = read(listing.name(), &[page]);
    let names = rows(&all, listing.name());
    assert_eq!(told.entities, 1);
    assert_eq!(texts(names, "product_display_name"), some(&["Contoso, Premium"]));
    assert_eq!(texts(names, "string_id"), some(&["CONTOSO_P"]));
    assert_eq!(texts(names, "guid"), some(&["aaaa-1"]));
    assert_eq!(texts(names, "service_plans_included_friendly_names"), some(&["Protection \u{2013} Standard, new"]));
    let utf8 = "\u{feff}Product_Display_Name,String_Id,GUID,Service_Plan_Name,Service_Plan_Id,Service_Plans_Included_Friendly_Names,Extra\nÜ,S,G,P,I,–,x\n";
    let (all, told) = read(listing.name(), &[product_names::page(listing, utf8.as_bytes()).unwrap()]);
    assert_eq!(texts(rows(&all, listing.name()), "product_display_name"), some(&["Ü"]));
    assert_eq!(told.unknown_properties.iter().collect::<Vec<_>>(), ["Extra"]);
    for wrong in
        ["", "a,b\n1,2\n", "Product_Display_Name,String_Id,GUID,Service_Plan_Name,Service_Plan_Id\nx,x,x,x,x\n"]
    {
        assert_eq!(product_names::page(listing, wrong.as_bytes()).unwrap_err().kind(), Kind::Config, "{wrong}");
    }
}

#[test]
fn a_list_without_end_is_an_error() {
    let page = |n: usize, from: usize| json!({"value": (from..from + n).map(|i| json!({"id": format!("g{i}")})).collect::<Vec<_>>()});
    let mut reader = reader("groups");
    reader.page(&page(MAX_LIST_ROWS, 0)).unwrap();
    let e = reader.page(&page(1, MAX_LIST_ROWS)).unwrap_err();
    assert_eq!(e.kind(), Kind::NotAReport);
    assert!(e.to_string().contains("more rows") && e.hint_text().is_some(), "{e}");
}
