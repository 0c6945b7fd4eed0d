//! Who may listen where another does.

use super::*;

#[test]
fn feeds_that_would_listen_at_one_address_are_refused() {
    let feed = |kind: &str, name: &str, address: &str| {
        format!("[[feeds]]\nkind = \"{kind}\"\nname = \"{name}\"\naddress = \"{address}\"\n")
    };
    let check = |text: &str, expected: &[&str]| {
        let expected: Vec<String> = expected
            .iter()
            .map(|text| format!("configuration: {text}; addresses must differ"))
            .collect();
        assert_eq!(faults(text), expected, "{text}");
    };
    let [a, b] = ["a", "b"].map(|name| feed("udp", name, "h:1"));
    check(&format!("{a}{b}"), &["\"a\" and \"b\" both listen at h:1 (udp)"]);
    check(
        &feed("tcp", "a", "127.0.0.1:3001"),
        &["\"http\" and \"a\" both listen at 127.0.0.1:3001 (tcp)"],
    );
    let posts = feed("http", "b", "h:1")
        .replace("[[feeds]]", "[[feeds]]\ntoken = \"0123456789012345678901234567890123456789\"");
    check(
        &format!("{}{posts}", feed("tcp", "a", "h:1")),
        &["\"a\" and \"b\" both listen at h:1 (tcp)"],
    );
}

#[test]
fn feeds_of_another_protocol_of_posts_or_with_ports_of_the_systems_choice_may_share_an_address() {
    let feed = |kind: &str, name: &str, address: &str| {
        format!("[[feeds]]\nkind = \"{kind}\"\nname = \"{name}\"\naddress = \"{address}\"\n")
    };
    for [one, other] in [
        [feed("udp", "a", "h:1"), feed("tcp", "b", "h:1")],
        [feed("udp", "a", "h:0"), feed("udp", "b", "h:0")],
        [feed("http", "a", "127.0.0.1:3001"), feed("udp", "b", "127.0.0.1:3001")],
    ] {
        let text = format!("{one}{other}");
        assert!(parse("aisd.toml", &text).is_ok(), "{text}");
    }
}
