//! What Graph's files have been seen to look like, through the built binary: none of it is lost, shifted or guessed at.

use super::world::{World, ago};

/// Imports a file and expects it to land.
fn landed(name: &str, text: &str) -> World {
    let world = World::new();
    std::fs::write(world.folder().join(name), text).unwrap();
    world.ask(&["import", name, "--tenant", "contoso"]).exits(0);
    world.manifest_is_whole();
    world
}

/// The bytes: a byte order mark that was read as Latin-1 and saved again (docs #7522), columns in another order (Teams, October
/// 2022), two blanks within a header (`Used  Chrome OS`), blanks around headers, a column added behind Report Period (PR #9779),
/// commas and quotes in names, blank lines at the end.
#[test]
fn headers_in_any_order_and_spelling_and_quoted_cells_come_to_their_columns() {
    let text = "\u{ef}\u{bb}\u{bf}Report Refresh Date,Used  Chrome OS, User Principal Name,used web,Is  Licensed,Report Period,Used Fridge\r\n\
                2026-11-18,Yes,\"o'neil, \"\"ann\"\"@contoso.com\",No,yes,7,\"1,5\"\r\n\
                2026-11-18,No,b@contoso.com,Yes,No,7,\r\n\r\n\r\n";
    let world = landed("TeamsDeviceUsageUserDetail.csv", text);
    let table = world.table("teams_device_usage_user_detail");
    assert_eq!(table.rows(), 2);
    let texts = |column| table.texts(column).into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>();
    assert_eq!(texts("user_principal_name"), ["o'neil, \"ann\"@contoso.com", "b@contoso.com"]);
    assert_eq!(table.bools("used_chrome_os"), [Some(true), Some(false)]);
    assert_eq!(table.bools("used_web"), [Some(false), Some(true)]);
    assert_eq!(table.bools("is_licensed"), [Some(true), Some(false)]);
    assert_eq!(table.bools("used_linux"), [None, None], "some tenants lack a column: unknown, and not `no`");
    assert_eq!(texts("unknown_columns"), [r#"{"Used Fridge":"1,5"}"#, ""]);
}

/// The values: blank is not zero; app columns hold versions of clients; products are joined by `+` and have blanks and brackets; dates
/// came with a time of day (docs #14867); the last activity may be years before the window.
#[test]
fn cells_mean_what_they_say_and_blank_is_not_zero() {
    let products = "MICROSOFT 365 E5 DEVELOPER (WITHOUT WINDOWS AND AUDIO CONFERENCING)+POWER BI (FREE)";
    let apps = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Last Activity Date,Mail For Mac,Outlook For Mac,Outlook For Windows,Outlook For Mobile,Other For Mobile,Outlook For Web,POP3 App,IMAP4 App,SMTP App,Report Period\n\
                2026-11-18,a@contoso.com,A,False,,2019-02-03,,,ProPlus,,,Yes,,,,7\n";
    let world = landed("EmailAppUsageUserDetail.csv", apps);
    let table = world.table("email_app_usage_user_detail");
    assert_eq!(table.texts("outlook_for_windows"), [Some("ProPlus".to_string())]);
    assert_eq!(table.texts("mail_for_mac"), [None]);
    assert_eq!(table.days("last_activity_date"), [Some("2019-02-03".parse().unwrap())]);

    let teams = format!(
        "Report Refresh Date,User Id,User Principal Name,Last Activity Date,Is Deleted,Deleted Date,Assigned Products,Team Chat Message Count,Private Chat Message Count,Call Count,Meeting Count,Audio Duration,Video Duration,Screen Share Duration,Has Other Action,Is Licensed,Report Period\n\
         2026-11-18T00:00:00Z,u1,a@contoso.com,2026-11-17T00:00:00Z,False,,{products},0,,3,,PT0S,00:01:30,PT1H2M3S,Yes,True,7\n"
    );
    let world = landed("TeamsUserActivityUserDetail.csv", &teams);
    let table = world.table("teams_user_activity_user_detail");
    assert!(table.0[0].0.contains("period=7/day=2026-11-18"), "{}", table.0[0].0);
    assert_eq!(table.texts("assigned_products"), [Some(products.to_string())]);
    let ints = |column| table.ints(column)[0];
    assert_eq!((ints("team_chat_message_count"), ints("private_chat_message_count")), (Some(0), None));
    assert_eq!(
        (ints("audio_duration"), ints("video_duration"), ints("screen_share_duration")),
        (Some(0), Some(90), Some(3723))
    );
    assert!(world.files("_usagelake/rejects").is_empty());
}

/// Masks of concealed names: hashes, `<PII:…>` (docs #12997); `(Unknown)` (docs #15148) and `--` name nobody and conceal nobody.
#[test]
fn every_mask_of_a_concealed_name_is_recognised() {
    let hash = "77E5979DD60BA6EAA53E814DBEEEFA5F";
    let file = |names: &[&str]| {
        let row = |upn: &&str| format!("2026-11-18,{upn},,False,,2026-11-18,1,1,1,,,,7\n");
        "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Last Activity Date,Send Count,Receive Count,Read Count,Meeting Created Count,Meeting Interacted Count,Assigned Products,Report Period\n"
            .to_string()
            + &names.iter().map(row).collect::<String>()
    };
    for (names, says) in [
        (&[hash, "(Unknown)", "--"][..], "concealed"),
        (&["<PII:H105(ab12)>@contoso.com", hash], "concealed"),
        (&["a@contoso.com", "(Unknown)"], "named"),
        (&["(Unknown)", "--", ""], "none"),
        (&["a@contoso.com", hash], "mixed"),
    ] {
        let world = landed("EmailActivityUserDetail.csv", &file(names));
        assert_eq!(world.ledger("email_activity_user_detail")[0]["names"], says, "{names:?}");
        assert_eq!(world.table("email_activity_user_detail").rows(), names.len(), "no row is lost: {names:?}");
    }
}

/// Copilot's JSON, saved as CSV by a tool that expected it (msgraph-sdk-powershell #3155).
#[test]
fn json_under_the_name_of_csv_is_read_as_json() {
    let text = r#"{"value":[{"reportRefreshDate":"2026-11-18","userPrincipalName":"a@contoso.com","displayName":"A","lastActivityDate":"2026-11-17","copilotChatLastActivityDate":"","microsoftTeamsCopilotLastActivityDate":"","wordCopilotLastActivityDate":"2026-11-17","excelCopilotLastActivityDate":"","powerPointCopilotLastActivityDate":"","outlookCopilotLastActivityDate":"","oneNoteCopilotLastActivityDate":"","loopCopilotLastActivityDate":"","copilotActivityUserDetailsByPeriod":[{"reportPeriod":7}]}]}"#;
    let world = landed("Microsoft365CopilotUsageUserDetail.csv", text);
    let table = world.table("microsoft365_copilot_usage_user_detail");
    assert!(table.0[0].0.contains("period=7/day=2026-11-18"), "{}", table.0[0].0);
    assert_eq!(table.days("word_copilot_last_activity_date"), [Some("2026-11-17".parse().unwrap())]);
    assert_eq!(table.days("copilot_chat_last_activity_date"), [None], "an empty text is none");
}

/// Two rows of one address, as after somebody was deleted and came back: both stay.
#[test]
fn two_rows_of_one_address_stay_two() {
    let mail = |rows: &[(&str, &str, i64, &str)]| super::files::mail(rows);
    let world = landed(
        "EmailActivityUserDetail.csv",
        &mail(&[("2026-11-18", "a", 3, "7"), ("2026-11-18", "a", 4, "7"), ("2026-11-18", "b", 5, "7")]),
    );
    let table = world.table("email_activity_user_detail");
    assert_eq!((table.rows(), table.sum("send_count")), (3, 12));
}

/// A day that Graph refuses with the words for one that is too old or too recent (Analytics-Insights): as long as it can be asked for,
/// it is late, it is counted, and it is asked for again.
#[test]
fn a_refused_day_within_the_window_is_late_and_asked_for_again() {
    let (mail, table) = ("getEmailActivityUserDetail", "email_activity_user_detail");
    let mut world = World::faulty(&format!(
        "[[rules]]\nfunction = '{mail}'\nfault.late = {{ day = '{}', days = 21, refused = true }}",
        ago(20)
    ));
    let ran = world.run(&["--report", mail]).exits(0).says(&["1 late"]);
    let count = |key: &str| ran.report(mail)[key].as_u64().unwrap();
    let ended: u64 = ["landed", "unchanged", "empty", "late", "failed", "held"].iter().map(|k| count(k)).sum();
    assert_eq!((count("asked"), count("late")), (ended, 1), "{:#}", ran.report(mail));
    assert_eq!(world.slice(table, ago(20))["status"], "late");
    world.today(ago(-1));
    world.run(&["--report", mail]).exits(0);
    assert_eq!(world.slice(table, ago(20))["status"], "landed");
    assert!(world.day(table, ago(20)).rows() > 0);
}

/// On the last day of the window the same refusal says that the day is gone. On a first night that was nobody's to lose.
#[test]
fn a_day_that_is_refused_at_the_windows_end_is_gone_and_no_alarm() {
    let (mail, table) = ("getEmailActivityUserDetail", "email_activity_user_detail");
    let world = World::faulty(&format!(
        "[[rules]]\nfunction = '{mail}'\nfault.late = {{ day = '{}', days = 60, refused = true }}",
        ago(28)
    ));
    let ran = world.run(&["--report", mail]).exits(0).says(&["1 late"]);
    assert!(ran.record["expires_soon"].is_null(), "{}", ran.record["expires_soon"]);
    assert_eq!(world.slice(table, ago(28))["status"], "expired");
}
