//! What holds for any body: how it is cut does not matter, a slow reader agrees, nothing panics.

use proptest::prelude::*;

use super::*;

/// A text as it may come in a cell.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-zA-Z0-9@. ]{0,40}",
        "[ -~é李\u{a0}\u{3000}]{0,20}",
        "[,\"\n\r#a ]{0,12}",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]",
        "[+-]?[0-9]{1,20}(\\.0)?",
        Just("True".to_string()),
        Just("no".to_string()),
        Just("#QUOT#".to_string()),
    ]
}

/// What a column holds for a cell, by slow and obvious means.
fn meaning(column: &str, cell: &str) -> String {
    let text = cell.trim();
    let parsed = match column {
        _ if text.is_empty() => None,
        "deleted_date" => (text.len() == 10).then(|| text.parse::<Day>().ok()).flatten().map(|d| d.to_string()),
        "is_deleted" => match text.to_lowercase().as_str() {
            "true" | "yes" => Some("true".into()),
            "false" | "no" => Some("false".into()),
            _ => None,
        },
        "send_count" => {
            let whole = text.strip_suffix(".0").unwrap_or(text);
            whole.parse::<i64>().ok().map(|n| n.to_string())
        }
        _ => Some(text.replace("#QUOT#", "\"")),
    };
    parsed.unwrap_or("-".into())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cells_mean_what_a_slow_reader_says(
        rows in prop::collection::vec((cell(), cell(), cell(), cell(), cell()), 0..30),
        crlf in any::<bool>(),
        cuts in prop::collection::vec(1usize..400, 1..5),
    ) {
        let mut csv = ::csv::WriterBuilder::new()
            .terminator(if crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') })
            .from_writer(Vec::new());
        csv.write_record(["User Principal Name", "Deleted Date", "Is Deleted", "New, one", "Send Count"]).unwrap();
        for (a, b, c, d, e) in &rows {
            csv.write_record([a, b, c, d, e]).unwrap();
        }
        let body = csv.into_inner().unwrap();
        let mut chunks = Vec::new();
        let (mut rest, mut i) = (body.as_slice(), 0);
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(cuts[i % cuts.len()]));
            chunks.push(head);
            (rest, i) = (tail, i + 1);
        }
        let (batches, outcome) = read_chunks(EMAIL, [body.as_slice()]).unwrap();
        let (cut, told) = read_chunks(EMAIL, chunks).unwrap();
        prop_assert_eq!(&cut, &batches);
        prop_assert_eq!(&told, &outcome);
        // The csv crate is the reader that everybody agrees with.
        let mut reader = ::csv::ReaderBuilder::new().has_headers(true).from_reader(body.as_slice());
        let mut want = Vec::new();
        for record in reader.records() {
            let r = record.unwrap();
            if r.iter().all(|c| c.trim().is_empty()) {
                continue;
            }
            let unknown = meaning("", &r[3]);
            let unknown = if unknown == "-" && r[3].trim() != "-" { unknown } else {
                serde_json::json!({ "New, one": unknown }).to_string()
            };
            let cells = [meaning("", &r[0]), meaning("deleted_date", &r[1]), meaning("is_deleted", &r[2]),
                meaning("send_count", &r[4]), unknown];
            want.push(cells.join("|"));
        }
        let columns = ["user_principal_name", "deleted_date", "is_deleted", "send_count", "unknown_columns"];
        prop_assert_eq!(shown(&batches, &columns), want);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b",,\"\"\n\r#{}[]:".to_vec())], 0..600),
        headed in any::<bool>(),
        size in 1usize..700,
    ) {
        let mut body = if headed { format!("{HEADER}\n").into_bytes() } else { Vec::new() };
        body.extend_from_slice(&bytes);
        let whole = read_chunks(EMAIL, [body.as_slice()]).map_err(|e| e.to_string());
        let cut = read_chunks(EMAIL, body.chunks(size)).map_err(|e| e.to_string());
        prop_assert_eq!(whole, cut);
        let _ = peek_headers(&bytes);
    }

    #[test]
    fn arbitrary_json_never_panics(
        names in prop::collection::vec("[a-c\\.@]{0,3}", 1..4),
        texts in prop::collection::vec("\\PC{0,8}", 1..5),
        shape in 0usize..6,
    ) {
        let mut record = serde_json::json!({ "userPrincipalName": "a@b.c", "sendCount": 1, "readCount": 1, "receiveCount": 1,
            "reportPeriod": "7", "reportRefreshDate": "2026-11-20", "displayName": "A", "meetingCreatedCount": 1,
            "meetingInteractedCount": 2, "lastActivityDate": "2026-11-20" });
        for (name, text) in names.iter().zip(&texts) {
            let value = match shape {
                0 => serde_json::json!(text),
                1 => serde_json::json!([text, text]),
                2 => serde_json::json!([{ "x": text }, { "x": [{ "y": text }] }]),
                3 => serde_json::json!({ "sendCount": text }),
                4 => serde_json::json!([[text]]),
                _ => serde_json::json!([{ "x": [1, null] }, 2]),
            };
            record[name] = value;
        }
        let body = serde_json::json!({ "value": [record] }).to_string();
        let (batches, _) = read_chunks(EMAIL, [body.as_bytes()]).unwrap();
        prop_assert_eq!(batches[0].column_by_name("user_principal_name").unwrap().as_string::<i32>().value(0), "a@b.c");
        for end in 0..body.len() {
            let _ = peek_headers(&body.as_bytes()[..end]);
        }
    }
}
