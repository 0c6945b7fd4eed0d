//! What holds for every store.

use super::*;

pub fn a_whole_store_is_good(bench: &mut dyn Bench) {
    fill(bench);
    assert_eq!(verdict(bench, &mut ledger(), &Baseline::default()), GOOD);
}

pub fn a_row_that_is_missing_is_lost(bench: &mut dyn Bench) {
    let lost = Verdict { stored: 6, lost: 1, ..GOOD };
    check(bench, "DELETE FROM positions WHERE seq = 11", lost);
    check(bench, "DELETE FROM messages WHERE seq = 20", lost);
    check(bench, "UPDATE vessels SET static_reports = 1", lost);
    check(bench, "DELETE FROM vessels", Verdict { stored: 5, lost: 2, ..GOOD });
}

pub fn a_row_too_many_is_a_duplicate(bench: &mut dyn Bench) {
    let twice = Verdict { duplicates: 1, ..GOOD };
    let again = |columns: &str, table: &str, number: &str| {
        let values = columns.replacen("seq", number, 1);
        format!(
            "INSERT INTO {table} ({columns}) SELECT {values} FROM {table} WHERE seq IN (11, 20)"
        )
    };
    check(bench, &again(POSITION, "positions", "99"), twice);
    check(bench, &again(MESSAGE, "messages", "99"), twice);
    check(bench, "UPDATE vessels SET static_reports = 3", twice);
    // A commit that was made twice.
    let same = Verdict { duplicates: 1, same_seq: 1, ..GOOD };
    check(bench, &again(POSITION, "positions", "seq"), same);
    check(bench, &again(MESSAGE, "messages", "seq"), same);
}

pub fn a_row_with_the_number_of_another_is_noticed(bench: &mut dyn Bench) {
    let same = Verdict { same_seq: 1, ..GOOD };
    check(bench, "UPDATE positions SET seq = 10 WHERE seq = 11", same);
    check(bench, "UPDATE messages SET seq = 10 WHERE seq = 20", same);
}

pub fn a_row_of_another_time_is_misdated(bench: &mut dyn Bench) {
    let misdated = Verdict { misdated: 1, ..GOOD };
    // A minute off, and half an hour.
    check(bench, "UPDATE positions SET ts = @61 WHERE seq = 11", misdated);
    check(bench, "UPDATE positions SET ts = @1801 WHERE seq = 11", misdated);
    check(bench, "UPDATE positions SET received_at = @0 WHERE seq = 11", misdated);
    check(bench, "UPDATE messages SET ts = @3 WHERE seq = 20", misdated);
    check(bench, "UPDATE messages SET received_at = @0 WHERE seq = 20", misdated);
}

/// The event time of a row was looked at only to see whether it lay within the run, so one that was seconds off was as good as
/// the right one.
pub fn a_row_of_another_second_is_not_the_one_that_was_sent(bench: &mut dyn Bench) {
    let wrong = Verdict { stored: 6, lost: 1, unexpected: 1, ..GOOD };
    check(bench, "UPDATE positions SET ts = @21 WHERE seq = 11", wrong);
    check(bench, "UPDATE positions SET ts = @0 WHERE seq = 11", Verdict { misdated: 1, ..wrong });
}

pub fn a_time_that_was_told_must_be_that_of_the_row(bench: &mut dyn Bench) {
    let mut check = |change: &str, expected| {
        fill(bench);
        bench.execute(change);
        let mut ledger = ledger_dated([When::Told(1_000_000), When::Told(2_000_000)]);
        let found = verdict_of(bench, &mut ledger, &Baseline::default(), &mut seen(true));
        assert_eq!(found, expected, "{change}");
    };
    check("UPDATE positions SET received_at = @900", GOOD);
    let wrong = Verdict { stored: 6, lost: 1, unexpected: 1, ..GOOD };
    check("UPDATE positions SET ts = @61 WHERE seq = 11", wrong);
    check("UPDATE messages SET ts = @61 WHERE seq = 20", wrong);
}

pub fn a_wrong_value_is_a_loss_and_a_row_that_nobody_sent(bench: &mut dyn Bench) {
    let wrong = Verdict { stored: 6, lost: 1, unexpected: 1, ..GOOD };
    for change in [
        "lat = lat + 1.0 / 600000",
        "lon = NULL",
        "sog = 12.4",
        "cog = 360",
        "heading = 511",
        "rot = NULL",
        "nav_status = 15",
        "msg_type = 3",
        "mmsi = 5",
    ] {
        check(bench, &format!("UPDATE positions SET {change} WHERE seq = 11"), wrong);
    }
    for (seq, told) in [(20, RESERVED.replace("225", "226")), (21, TOLD.replace(":39Z", ":38Z"))] {
        let change = format!("UPDATE messages SET json = '{told}' WHERE seq = {seq}");
        check(bench, &change, wrong);
    }
}

pub fn a_ship_with_another_name_is_wrong(bench: &mut dyn Bench) {
    let wrong = Verdict { wrong: 1, ..GOOD };
    for change in [
        "name = 'X'",
        "callsign = NULL",
        "imo = NULL",
        "ship_type = 36",
        "to_bow = to_bow + 1",
        "to_stern = NULL",
        "to_port = to_starboard + 40",
        "to_starboard = 0",
        "draught = draught + 0.1",
        "destination = NULL",
        "eta = NULL",
    ] {
        check(bench, &format!("UPDATE vessels SET {change}"), wrong);
    }
    // That of the report before the last.
    check(bench, "UPDATE vessels SET eta = '01-01T01:00Z'", wrong);
}

/// Static reports were taken from the daemon's own count of them, and of what they said three fields were compared, unless the
/// count was short: the last voyage could be missing, and with a report lost every row could say anything.
pub fn what_a_ship_said_is_compared_whatever_the_count_says(bench: &mut dyn Bench) {
    let lost = Verdict { stored: 6, lost: 1, ..GOOD };
    let change = "UPDATE vessels SET static_reports = 1, eta = '01-01T01:00Z'";
    check(bench, change, lost);
    check(bench, "UPDATE vessels SET static_reports = 1, destination = NULL", lost);
    let change = "UPDATE vessels SET static_reports = 1, destination = 'X'";
    check(bench, change, Verdict { wrong: 1, ..lost });
    // Over two ways nobody knows which report came last.
    fill(bench);
    bench.execute("UPDATE vessels SET eta = '01-01T01:00Z'");
    let mut ledger = Ledger { in_order: false, ..ledger() };
    assert_eq!(verdict(bench, &mut ledger, &Baseline::default()), GOOD);
}

pub fn a_ship_that_nobody_sent_is_unexpected(bench: &mut dyn Bench) {
    let change = "INSERT INTO vessels (mmsi, instance, source, updated_at, updated_seq, static_reports) \
         VALUES (5, 1, 0, @1, 21, 1)";
    check(bench, change, Verdict { unexpected: 1, ..GOOD });
}

/// A row whose JSON said nothing at all stood for the message of its ship and type, and the run was good.
pub fn a_message_without_the_needed_fields_is_matched_by_count_and_no_good(bench: &mut dyn Bench) {
    let by_count = Verdict { by_count: 1, ..GOOD };
    check(bench, "UPDATE messages SET json = '{}' WHERE seq = 20", by_count);
    check(bench, "UPDATE messages SET json = '{}' WHERE seq = 21", by_count);
    check(bench, &message(98, 20, "{}"), Verdict { unexpected: 1, ..GOOD });
}

pub fn what_was_being_sent_when_the_way_broke_may_be_there_or_not(bench: &mut dyn Bench) {
    let reserved = digest::link_management(ship().mmsi, 100, 2, 7, 226);
    let (second, received) = (When::Second(1), When::Received);
    let mut check = |change: &str, expected: Verdict| {
        fill(bench);
        bench.execute(change);
        let mut ledger = ledger();
        ledger.cut_off(&[
            entry(1, digest::dated(fix(7).digest(), second)),
            entry(20, digest::dated(reserved, received)),
            entry(5, 62),
        ]);
        let found = verdict(bench, &mut ledger, &Baseline::default());
        assert_eq!(Verdict { rows: expected.rows, ..found }, expected, "{change}");
    };
    let other = message(91, 20, &RESERVED.replace("225", "226"));
    let ship = "UPDATE vessels SET static_reports = 3, eta = '01-01T01:02Z';";
    let all = format!("{}{other}{ship}", position(90, &fix(7)));
    check("", GOOD);
    check(&all, GOOD);
    check(&format!("{all}{}", position(92, &fix(7))), Verdict { unexpected: 1, ..GOOD });
    let twice = other.replace("(91,", "(93,");
    check(&format!("{all}{twice}"), Verdict { unexpected: 1, ..GOOD });
    check("UPDATE vessels SET static_reports = 4", Verdict { duplicates: 1, ..GOOD });
    check("DELETE FROM positions WHERE seq = 11", Verdict { stored: 6, lost: 1, ..GOOD });
}

pub fn a_lost_type_19_is_lost_once(bench: &mut dyn Bench) {
    fill(bench);
    let mut ledger = ledger();
    let position = digest::Fix { msg_type: 19, ..fix(9) };
    ledger.note(&[entry(19, digest::dated(position.digest(), When::Second(1)))]);
    let found = verdict(bench, &mut ledger, &Baseline::default());
    assert_eq!(found, Verdict { lost: 1, ..GOOD });
}
