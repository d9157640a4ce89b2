//! Files as tools and people write them.

use arrow::array::AsArray;
use arrow::datatypes::{Date32Type, Int64Type};

use super::*;
use crate::catalog::legacy::find;

fn usage(text: &str) -> Result<Export> {
    read(find("TenantProductUsage").unwrap(), text.as_bytes())
}

fn ints(export: &Export, month: &str, column: &str) -> Vec<Option<i64>> {
    let batch = &export.months[&month.parse::<Day>().unwrap()];
    batch.column_by_name(column).unwrap().as_primitive::<Int64Type>().iter().collect()
}

#[test]
fn rows_go_to_their_months_under_our_names() {
    let export = usage(
        "Product,LicensedUsers,ActiveUsers,TimeFrame,ContentDate,Colour\n\
         Office365,\"1,200\",900,7/1/2025 12:00:00 AM,7/31/2025 12:00:00 AM,red\n\
         Yammer,1200,40.0,7/1/2025 12:00:00 AM,7/31/2025 12:00:00 AM,\n\
         Yammer,1210,many,8/1/2025 12:00:00 AM,8/12/2025 12:00:00 AM,\n\
         ,,,,,\n\
         Total,3610,,,,\n",
    )
    .unwrap();
    assert_eq!((export.rows, export.rejected_cells), (3, 2));
    assert_eq!(export.rejects[0].value, "");
    assert_eq!((export.rejects[1].value.as_str(), export.rejects[1].line), ("many", 4));
    assert_eq!(ints(&export, "2025-07-01", "enabled_users"), [Some(1200), Some(1200)]);
    assert_eq!(ints(&export, "2025-07-01", "active_users"), [Some(900), Some(40)]);
    assert_eq!(ints(&export, "2025-08-01", "active_users"), [None]);
    let july = &export.months[&"2025-07-01".parse::<Day>().unwrap()];
    let products: Vec<_> = july.column_by_name("product").unwrap().as_string::<i32>().iter().flatten().collect();
    assert_eq!(products, ["microsoft365", "viva_engage"]);
    let content = july.column_by_name("content_date").unwrap().as_primitive::<Date32Type>().value(0);
    assert_eq!(Day::from_epoch(content).to_string(), "2025-07-31");
    assert_eq!(july.column_by_name("unknown_columns").unwrap().as_string::<i32>().value(0), r#"{"Colour":"red"}"#);
    assert_eq!(export.unknown_headers, ["Colour"]);
    assert_eq!(export.missing_columns, ["cumulative_active_users", "mom_returning_users", "first_time_users"]);
}

#[test]
fn semicolons_tabs_and_utf_16_are_read() {
    let text = "Product;Enabled Users;Active Users;TimeFrame\r\nTeams;10;5;01.07.2025\r\n";
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(text.replace(';', "\t").encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let table = find("TenantProductUsage").unwrap();
    for bytes in [text.as_bytes().to_vec(), format!("\u{feff}{text}").into_bytes(), wide] {
        assert_eq!(headers(&bytes), ["Product", "Enabled Users", "Active Users", "TimeFrame"]);
        let export = read(table, &bytes).unwrap();
        assert_eq!(ints(&export, "2025-07-01", "active_users"), [Some(5)]);
    }
    assert!(read(table, &[b'a', 0xff, b'\n']).is_err());
}

#[test]
fn what_can_be_two_things_is_refused() {
    let e = usage("Product,EnabledUsers,ActiveUsers,TimeFrame,ContentDate\nTeams,1,1,1/1/2025,1/5/2025\n").unwrap_err();
    assert!(e.to_string().contains("`1/5/2025` can be two days"), "{e}");
    let e = usage("Product,EnabledUsers,ActiveUsers,TimeFrame\nTeams,1.234,1,2025-01-01\n").unwrap_err();
    assert!(e.to_string().contains("`1.234` can be two numbers"), "{e}");
}

#[test]
fn numbers_and_answers() {
    for (text, n) in [
        ("12", Some(12)),
        ("-3", Some(-3)),
        ("1,234,567", Some(1_234_567)),
        ("12,34", None),
        ("1.5", None),
        ("2.0E+3", Some(2000)),
        ("x", None),
    ] {
        assert_eq!(int(text), n, "{text}");
    }
    assert_eq!((boolean("TRUE"), boolean("0"), boolean("maybe")), (Some(true), Some(false), None));
    assert_eq!((double("1.5"), double("inf")), (Some(1.5), None));
}
