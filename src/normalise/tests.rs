//! Whole bodies in, batches and what is told about them out. What is expected was written by hand.

use std::fmt::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;

use super::*;
use crate::catalog;

mod properties;

const EMAIL: &str = "getEmailActivityUserDetail";
const HEADER: &str = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Last Activity Date,\
    Send Count,Receive Count,Read Count,Meeting Created Count,Meeting Interacted Count,Assigned Products,Report Period";

fn report(name: &str) -> &'static Report {
    catalog::find(name).unwrap()
}

fn read_chunks<'a>(name: &str, chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<(Vec<RecordBatch>, Outcome)> {
    let mut batches = Vec::new();
    let mut out = |b| {
        batches.push(b);
        Ok(())
    };
    let mut n = Normaliser::new(report(name));
    for chunk in chunks {
        n.push(chunk, &mut out)?;
    }
    let outcome = n.finish(&mut out)?;
    assert_eq!(outcome.rows, batches.iter().map(|b| b.num_rows() as u64).sum::<u64>());
    for b in &batches {
        assert_eq!(b.schema(), report(name).schema());
    }
    Ok((batches, outcome))
}

fn read(name: &str, body: &str) -> (Vec<RecordBatch>, Outcome) {
    read_chunks(name, [body.as_bytes()]).unwrap()
}

fn error(name: &str, body: &[u8]) -> Error {
    let e = read_chunks(name, [body]).unwrap_err();
    assert_eq!(e.kind(), Kind::NotAReport);
    assert!(e.hint_text().is_some(), "{e} has no hint");
    e
}

/// The rows as text: the named columns, `-` for null.
fn shown(batches: &[RecordBatch], columns: &[&str]) -> Vec<String> {
    let mut rows = Vec::new();
    for b in batches {
        for i in 0..b.num_rows() {
            let cell = |name: &&str| {
                let a = b.column_by_name(name).unwrap();
                if a.is_null(i) { "-".to_string() } else { array_value_to_string(a, i).unwrap() }
            };
            rows.push(columns.iter().map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    rows
}

#[test]
fn a_body_as_graph_writes_it() {
    let body = format!(
        "\u{feff}{HEADER}\r\n\
         2026-11-20,ann@contoso.com,\"Lee, Ann\",False,,2026-11-19,12,40,33,1,,MICROSOFT 365 E5+POWER BI (FREE),7\r\n\
         2026-11-20,bob@contoso.com,Bob #QUOT#B#QUOT# Üçgül,True,2026-11-01,,,,,,0,,7\r\n\r\n"
    );
    let (batches, outcome) = read(EMAIL, &body);
    assert_eq!(batches.len(), 1);
    let b = &batches[0];
    let days = b.column_by_name("report_refresh_date").unwrap().as_primitive::<Date32Type>();
    assert_eq!(days.values(), &[20777, 20777]);
    let sent = b.column_by_name("send_count").unwrap().as_primitive::<Int64Type>();
    assert_eq!((sent.value(0), sent.is_null(1)), (12, true));
    assert_eq!(
        shown(&batches, &["display_name", "is_deleted", "deleted_date", "last_activity_date", "assigned_products"]),
        ["Lee, Ann|false|-|2026-11-19|MICROSOFT 365 E5+POWER BI (FREE)", "Bob \"B\" Üçgül|true|2026-11-01|-|-"]
    );
    assert_eq!(shown(&batches, &["meeting_interacted_count", "unknown_columns"]), ["-|-", "0|-"]);
    assert_eq!(outcome.refresh_dates, [Day::new(2026, 11, 20).unwrap()].into());
    assert_eq!(outcome.report_periods, [7].into());
    assert_eq!((outcome.rows, outcome.named_rows, outcome.concealed_rows), (2, 2, 0));
    assert_eq!((outcome.unknown_headers.len(), outcome.missing_columns.len(), outcome.rejected_cells), (0, 0, 0));
}

#[test]
fn line_breaks_blank_lines_and_the_end() {
    let row = "2026-11-20,a@b.c,A,False,,,1,2,3,4,5,X,7";
    for (name, body, rows) in [
        ("LF", format!("{HEADER}\n{row}\n{row}\n"), 2),
        ("CRLF", format!("{HEADER}\r\n{row}\r\n{row}\r\n"), 2),
        ("CR", format!("{HEADER}\r{row}\r{row}\r"), 2),
        ("no break at the end", format!("{HEADER}\n{row}\n{row}"), 2),
        ("blank lines", format!("\n{HEADER}\n\n{row}\n\n\n{row}\n \n\t\r\n"), 2),
        ("lines of commas", format!("{HEADER}\n,,,,,,,,,,,,\n{row}\n,,,\n\"\",,\n,,,,,,,,,,,,,,,,,\n"), 1),
        ("header only", HEADER.to_string(), 0),
        ("header only, with a break", format!("{HEADER}\r\n"), 0),
    ] {
        let (batches, outcome) = read(EMAIL, &body);
        assert_eq!(outcome.rows, rows, "{name}");
        for shown in shown(&batches, &["user_principal_name", "meeting_interacted_count", "report_period"]) {
            assert_eq!(shown, "a@b.c|5|7", "{name}");
        }
        assert_eq!(outcome.short_rows, 0, "{name}");
    }
}

#[test]
fn quoted_cells_hold_anything() {
    let body =
        format!("{HEADER}\n\"2026-11-20\",a@b.c,\"Lee, \"\"Ann\"\"\nLee\",\"False\",\"\",,\"1\",2,3,4,5,5\" disk,7\n");
    let (batches, _) = read(EMAIL, &body);
    assert_eq!(
        shown(&batches, &["report_refresh_date", "display_name", "is_deleted", "send_count", "assigned_products"]),
        ["2026-11-20|Lee, \"Ann\"\nLee|false|1|5\" disk"]
    );
    let comma = format!("{HEADER}\n,\",\",,,,,,,,,,,\n");
    assert_eq!(shown(&read(EMAIL, &comma).0, &["user_principal_name"]), [","]);
}

#[test]
fn a_cut_body_is_refused() {
    for end in ["2026-11-20,a@b.c,A,False,,,1", "2026-11-20,\"a@b.c", "2026-11-20,a@b.c,A,False,,,1,2,3,4,5,X,\"7"] {
        let e = error(EMAIL, format!("{HEADER}\n2026-11-20,a@b.c,A,False,,,1,2,3,4,5,X,7\n{end}").as_bytes());
        assert!(e.to_string().contains("cut"), "{e}");
    }
}

#[test]
fn short_and_long_rows_lose_nothing() {
    let body = format!("{HEADER}\n2026-11-20,a@b.c,A,False\n2026-11-20,b@b.c,B,False,,,1,2,3,4,5,X,7,, extra ,\n");
    let (batches, outcome) = read(EMAIL, &body);
    assert_eq!(
        shown(&batches, &["user_principal_name", "is_deleted", "send_count", "report_period", "unknown_columns"]),
        ["a@b.c|false|-|-|-", "b@b.c|false|1|7|{\"column_15\":\"extra\"}"]
    );
    assert_eq!((outcome.short_rows, outcome.unknown_headers), (1, vec!["column_15".to_string()]));
}

#[test]
fn drift_of_the_header() {
    // Moved, doubled blanks, another spelling, twice the same, unknown, without a name; two are missing.
    let body = "User  principal name,Report Period,REPORT REFRESH DATE,Send actions,Tête \"x\",,Send Count,Receive Count,Read Count,,,,\n\
                a@b.c,7,2026-11-20,1, é\"\\ ,q,2,3,,,,,\nb@b.c,7,2026-11-20,,,,,,,,,,\n";
    let (batches, outcome) = read(EMAIL, body);
    assert_eq!(
        shown(&batches, &["user_principal_name", "send_count", "receive_count", "unknown_columns"]),
        [r#"a@b.c|2|3|{"Send actions":"1","Tête \"x\"":"é\"\\","column_6":"q"}"#, "b@b.c|-|-|-"]
    );
    assert_eq!(outcome.unknown_headers, ["Send actions", "Tête \"x\"", "column_6"]);
    assert!(outcome.missing_columns.contains(&"display_name".to_string()));
}

#[test]
fn cells_that_do_not_parse_are_kept_as_rejects() {
    let body = format!(
        "{HEADER}\n2026-11-20,a@b.c,A,maybe,2026-02-30,,\"1,5\",2,3,4,5,X,7\n2026-11-20,b@b.c,B,No,,,9,2,3,4,5,X,7\n"
    );
    let (batches, outcome) = read(EMAIL, &body);
    assert_eq!(
        shown(&batches, &["user_principal_name", "is_deleted", "deleted_date", "send_count"]),
        ["a@b.c|-|-|-", "b@b.c|false|-|9"]
    );
    assert_eq!(outcome.rejected_cells, 3);
    let told: Vec<_> =
        outcome.rejects.iter().map(|r| (r.line, r.column.as_str(), r.value.as_str(), r.reason)).collect();
    assert_eq!(
        told,
        [
            (2, "is_deleted", "maybe", "not a yes or no"),
            (2, "deleted_date", "2026-02-30", "not a date"),
            (2, "send_count", "\"1,5\"", "not a whole number")
        ]
    );
    assert_eq!(outcome.rejects[0].row, "2026-11-20,a@b.c,A,maybe,2026-02-30,,\"1,5\",2,3,4,5,X,7");
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    for nl in ["\n", "\r\n", "\r"] {
        let body = [HEADER, ",\"two", "lines\",,,,,,,,,,,", "", ",,,,,,,,,,,,", "x,a@b.c,,,,,,,,,,,"].join(nl) + nl;
        for size in [1, 7, body.len()] {
            let (_, outcome) = read_chunks(EMAIL, body.as_bytes().chunks(size)).unwrap();
            assert_eq!(outcome.rejects[0].line, 6, "{nl:?} {size}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced_and_kept() {
    let mut body = format!("{HEADER}\n2026-11-20,a@b.c,M").into_bytes();
    body.extend_from_slice(
        b"\xfcller,False,,,1\xff,2,3,4,5,X,7\n2026-11-20,b@b.c,\xc3,,,,,,,,,,\n2026-11-20,c@b.c,\xa4,,,,,,,,,,\n",
    );
    let (batches, outcome) = read_chunks(EMAIL, [body.as_slice()]).unwrap();
    assert_eq!(shown(&batches, &["display_name", "send_count"]), ["M\u{fffd}ller|-", "\u{fffd}|-", "\u{fffd}|-"]);
    let told: Vec<_> = outcome.rejects.iter().map(|r| (r.value.as_str(), r.reason)).collect();
    assert_eq!(
        told,
        [("M\\xfcller", "not UTF-8"), ("\\xc3", "not UTF-8"), ("\\xa4", "not UTF-8"), ("1\\xff", "not a whole number")]
    );
}

#[test]
fn what_is_no_report_is_refused_before_any_batch() {
    for (body, word) in [
        ("", "empty"),
        ("\u{feff}\r\n", "empty"),
        ("<html><body>Sign in</body></html>", "web page"),
        (r#"{"error":{"code":"InvalidArgument","message":"no"}}"#, "InvalidArgument"),
        ("{\"error\":", "cut"),
        ("{\"value\":[{\"reportRefreshDate\":\"2026-11-20\",", "cut"),
        ("{\"value\":[nonsense]}", "no JSON"),
        ("a,b\n1,2\n", "header row"),
        ("Report Refresh Date;User Principal Name;Report Period\n", "header row"),
    ] {
        let e = error(EMAIL, body.as_bytes());
        assert!(e.to_string().contains(word), "{body}: {e}");
    }
    let other = catalog::find("getMailboxUsageStorage").unwrap();
    let header = other.columns.iter().map(|c| c.header.as_str()).collect::<Vec<_>>().join(",");
    let e = error("getTeamsUserActivityUserDetail", header.as_bytes());
    assert!(e.hint_text().unwrap().contains("mailbox_usage_storage"), "{e:?}");
}

#[test]
fn bounds_are_errors_and_no_blow_up() {
    let row = |cell: String| format!("{HEADER}\n2026-11-20,{cell},A,False,,,1,2,3,4,5,X,7\n");
    assert_eq!(read(EMAIL, &row("x".repeat(MAX_ROW - 100))).1.rows, 1);
    for size in [100_000, MAX_ROW * 2] {
        let body = row("x".repeat(MAX_ROW));
        let e = read_chunks(EMAIL, body.as_bytes().chunks(size)).unwrap_err();
        assert!(e.to_string().contains("longer"), "{e}");
    }
    assert!(error(EMAIL, row(",".repeat(MAX_COLUMNS)).as_bytes()).to_string().contains("cells"));
    assert!(error(EMAIL, &vec![b'x'; MAX_HEADER * 2]).to_string().contains("header"));
}

#[test]
fn concealed_and_named_rows_are_told_apart() {
    let hash = "77E5979DD60BA6EAA53E814DBEEEFA5F";
    let body =
        format!("{HEADER}\n,{hash},{hash},,,,,,,,,,7\n,{hash},,,,,,,,,,,7\n,a@b.c,A,,,,,,,,,,7\n,,,,,,,,,,,,7\n");
    let (_, outcome) = read(EMAIL, &body);
    assert_eq!((outcome.rows, outcome.concealed_rows, outcome.named_rows), (4, 2, 1));
}

#[test]
fn batches_end_by_rows_alone() {
    let mut body = format!("{HEADER}\r\n");
    for i in 0..BATCH_ROWS * 2 + 5 {
        write!(body, "2026-11-20,u{i}@b.c,\"N, {i}\",False,,2026-10-{:02},{i},,,,,X,7\r\n", i % 31 + 1).unwrap();
    }
    let (whole, told) = read(EMAIL, &body);
    assert_eq!(whole.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [BATCH_ROWS, BATCH_ROWS, 5]);
    for size in [7, 1000, 65_536, 100_001] {
        let (batches, outcome) = read_chunks(EMAIL, body.as_bytes().chunks(size)).unwrap();
        assert!(batches == whole && outcome == told, "{size}");
    }
    let names = shown(&whole, &["user_principal_name", "display_name", "send_count"]);
    assert_eq!(names[9000], "u9000@b.c|N, 9000|9000");
}

#[test]
fn large_rows_end_a_batch_early_wherever_chunks_end() {
    let mut body = format!("{HEADER}\n");
    for i in 0..12 {
        write!(body, "2026-11-20,u{i},{},False,,,1,,,,,X,7\n\n\n", "x".repeat(9 << 16)).unwrap();
    }
    let sizes = |size| {
        let (batches, _) = read_chunks(EMAIL, body.as_bytes().chunks(size)).unwrap();
        batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>()
    };
    assert_eq!(sizes(body.len()), [8, 4]);
    assert_eq!(sizes(1 << 16), [8, 4]);
    assert_eq!(sizes(1_234_567), [8, 4]);
}

#[test]
fn json_gives_what_csv_gives() {
    let json = r#"{"@odata.context":"x","value":[
        {"@odata.type":"x","reportRefreshDate":"2026-11-20","userPrincipalName":"a@b.c","displayName":"\"A\"","isDeleted":false,
         "deletedDate":null,"lastActivityDate":"2021-10-25T00:00:00Z","sendCount":86,"receiveCount":"3198","readCount":1.0,
         "assignedProducts":["E5","POWER BI"],"brandNew":{"depth":1},"reportPeriod":"7"},
        {"reportRefreshDate":"2026-11-20","userPrincipalName":"b@b.c","isDeleted":true,"assignedProducts":[],"reportPeriod":7}
    ]}"#;
    let (batches, outcome) = read(EMAIL, json);
    assert_eq!(
        shown(
            &batches,
            &[
                "user_principal_name",
                "display_name",
                "is_deleted",
                "last_activity_date",
                "send_count",
                "receive_count",
                "read_count",
                "assigned_products",
                "report_period",
                "unknown_columns"
            ]
        ),
        [r#"a@b.c|"A"|false|2021-10-25|86|3198|1|E5+POWER BI|7|{"depth":"1"}"#, "b@b.c|-|true|-|-|-|-|-|7|-"]
    );
    assert_eq!(outcome.unknown_headers, ["depth"]);
    assert_eq!((outcome.named_rows, outcome.more_pages, outcome.rejected_cells), (2, false, 0));
    let paged = json.replace("@odata.context", "@odata.nextLink");
    let (again, outcome) = read(EMAIL, &paged);
    assert!(again == batches && outcome.more_pages);
    // An array alone is records too; a body without records is an empty report.
    assert_eq!(read(EMAIL, &json[json.find('[').unwrap()..json.rfind('}').unwrap()]).0, batches);
    assert_eq!(read(EMAIL, r#"{"value":[]}"#).1.rows, 0);
}

#[test]
fn nested_records_become_rows() {
    let json = r#"{"value":[
        {"reportRefreshDate":"2026-11-20","userPrincipalName":"a@b.c","displayName":"A","userActivationCounts":[
            {"productType":"Project","lastActivatedDate":"2026-08-20","windows":5,"mac":0},
            {"productType":"Visio","lastActivatedDate":null,"windows":1,"mac":2}]},
        {"reportRefreshDate":"2026-11-20","userPrincipalName":"b@b.c","displayName":"B","userActivationCounts":[
            {"productType":"Visio","windows":9}]}]}"#;
    let (batches, outcome) = read("getOffice365ActivationsUserDetail", json);
    assert_eq!(
        shown(&batches, &["user_principal_name", "product_type", "last_activated_date", "windows", "mac"]),
        ["a@b.c|Project|2026-08-20|5|0", "a@b.c|Visio|-|1|2", "b@b.c|Visio|-|9|-"]
    );
    assert!(outcome.unknown_headers.is_empty(), "{:?}", outcome.unknown_headers);
}

#[test]
fn a_summary_and_its_details() {
    let json = r#"{"summary":{"usageDateTime":"2026-02-04T00:00:00Z","serviceArea":"OneDrive","tenantId":"t","appId":null,
        "usageMB":128000,"usageRequests":15000,"activeApps":5},
        "details":[{"usageDateTime":"2026-02-05T00:00:00Z","serviceArea":"OneDrive","tenantId":"t","appId":"a","usageMB":82000,
        "usageRequests":8500,"activeApps":null}]}"#;
    let (batches, outcome) = read("getSharePointApiUsage", json);
    assert_eq!(shown(&batches, &["app_id", "usage_mb", "active_apps"]), ["-|128000|5", "a|82000|-"]);
    let at = batches[0].column_by_name("usage_date_time").unwrap();
    assert!(matches!(at.data_type(), DataType::Timestamp(_, Some(zone)) if &**zone == "UTC"));
    assert_eq!(at.as_primitive::<TimestampMicrosecondType>().value(0), 1_770_163_200_000_000);
    assert_eq!(outcome.report_dates, Some((Day::new(2026, 2, 4).unwrap(), Day::new(2026, 2, 5).unwrap())));
}

#[test]
fn headers_are_peeked_from_the_beginning() {
    let peek = |b: &str| peek_headers(b.as_bytes()).unwrap();
    assert_eq!(peek("\u{feff}a,\"b\"\r\n1"), Some(vec!["a".into(), "b".into()]));
    assert_eq!(peek("a,b"), None);
    assert_eq!(peek(r#"{"value":[{"a":1,"n":[{"b":2}]},{"#), Some(vec!["a".into(), "b".into()]));
    assert_eq!(peek(r#"{"value":[{"a":1,"#), None);
    assert_eq!(peek(r#"{"value":[]}"#), Some(vec![]));
    assert!(peek_headers(b"{\"error\":{\"code\":\"x\"}}").is_err());
    assert!(peek_headers(b"<html>").is_err());
}
