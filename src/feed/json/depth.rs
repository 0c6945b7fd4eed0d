//! How deep a text of JSON is nested, found out before anything is made of it.

/// Arrays and objects within one another at most; the reports that are known have three.
pub const DEPTH_MAX: usize = 32;

/// Whether nothing in it is nested deeper than [`DEPTH_MAX`]. What is no JSON may be either.
pub fn is_bounded(text: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_deeper_is_seen_and_brackets_in_texts_are_not() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_bounded(nested(DEPTH_MAX).as_bytes()));
        assert!(!is_bounded(nested(DEPTH_MAX + 1).as_bytes()));
        assert!(!is_bounded("{\"a\":".repeat(10_000).as_bytes()));
        let texts = format!("[\"{}\\\"{}\"]", "[".repeat(100), "{".repeat(100));
        assert!(is_bounded(texts.as_bytes()));
        assert!(is_bounded("[],".repeat(100).as_bytes()));
    }
}
