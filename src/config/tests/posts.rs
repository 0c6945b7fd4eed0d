//! Feeds that take posts: who shares an address, and who is open to anybody.

use super::*;

#[test]
fn feeds_of_one_address_are_told_apart_by_their_tokens() {
    let feed =
        |name: &str, more: &str| format!("[[feeds]]\nkind = \"http\"\nname = \"{name}\"\n{more}\n");
    let (one, two) = (
        "token = \"one of thirty-two bytes or longer\"",
        "token = \"two of thirty-two bytes or longer\"",
    );
    let good = feed("a", "") + &feed("b", one) + &feed("c", two) + &feed("d", "address = \"h:1\"");
    assert!(parse("aisd.toml", &good).is_ok());
    let same = "configuration: the feeds \"a\" and \"b\" take posts at the same address with the same token, or none; tokens must differ";
    assert_eq!(faults(&(feed("a", "") + &feed("b", ""))), [same]);
    assert_eq!(faults(&(feed("a", one) + &feed("b", one))), [same]);
    let nowhere = format!("[http]\naddress = \"\"\n{}", feed("a", ""));
    let found = faults(&nowhere);
    assert_eq!(
        found,
        [
            "configuration: the feed \"a\" takes what is posted to http.address, which is \"\"; give it an address"
        ]
    );
    assert_eq!(parse("aisd.toml", "[http]\naddress = \"\"").unwrap().feeds.len(), 2);
    let short = faults(&feed("a", "token = \"short\""));
    assert_eq!(
        short,
        ["aisd.toml:4: feeds[0].token is \"***\", must be 32 bytes or more, or \"\" for none"]
    );
}

#[test]
fn a_feed_that_anybody_may_post_to_is_warned_of() {
    let check = |address: &str, expected: usize| {
        let loaded =
            with(&Flags { http: Some(address.to_owned()), ..Flags::default() }, &[]).unwrap();
        assert_eq!(loaded.warnings.len(), expected, "{address}: {:?}", loaded.warnings);
    };
    check("127.0.0.1:3001", 0);
    check("localhost:3001", 0);
    check("[::1]:3001", 0);
    check("", 0);
    check("0.0.0.0:3001", 1);
    check("ais.example:3001", 1);
}
