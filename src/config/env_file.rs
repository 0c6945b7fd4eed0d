//! A file of variables, such as the `.env` that `--env-file` names: `NAME=VALUE`, one a line.
//!
//! What the process' own environment says wins over it, so that a variable may be set for one run, also by another of its names: the file is
//! a layer below. Nothing is put into another
//! value's place: a password may hold a dollar sign. A fault names the line and never the value, which may be a secret.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::fault::Fault;
use crate::exit::{self, Failure};

/// Bytes of the file at most.
const BYTES_MAX: u64 = 1 << 20;

/// What the file adds to this environment; what is no `NAME=VALUE` is a fault.
///
/// # Errors
/// When the file cannot be read.
pub fn beyond(
    environment: &[(OsString, OsString)],
    path: Option<&Path>,
    faults: &mut Vec<Fault>,
) -> Result<Vec<(OsString, OsString)>, Failure> {
    let mut added: Vec<(OsString, OsString)> = Vec::new();
    let Some(path) = path else { return Ok(added) };
    let text = read(path).map_err(|error| {
        let text = format!("cannot read the variables in {}: {error}", path.display());
        Failure::new(exit::NO_INPUT, text)
    })?;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = variable(line) else {
            let place = format!("{}:{}", path.display(), number + 1);
            faults.push(Fault::new(
                place,
                "must be NAME=VALUE, a value in quotes to its closing one",
            ));
            continue;
        };
        let is_set = environment.iter().any(|(known, _)| *known == *name);
        if !is_set {
            // Of two lines with one name the later counts.
            added.retain(|(known, _)| *known != *name);
            added.push((name.into(), value.into()));
        }
    }
    Ok(added)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > BYTES_MAX {
        return Err(io::Error::other(format!("it is longer than {BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// The name and the value of a line, without quotes around the value or a remark behind it.
fn variable(line: &str) -> Option<(&str, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim_end(), value.trim_start());
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
    };
    if !is_name(name) {
        return None;
    }
    let value = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(&value[1..], quote)?,
        _ => value.split(" #").next().unwrap_or(value).trim_end().to_owned(),
    };
    Some((name, value))
}

/// What stands before the closing quote; within double ones a backslash keeps what follows.
fn quoted(text: &str, quote: char) -> Option<String> {
    let (mut value, mut letters) = (String::new(), text.chars());
    loop {
        let letter = letters.next()?;
        if letter == quote {
            break;
        }
        value.push(if letter == '\\' && quote == '"' { letters.next()? } else { letter });
    }
    let rest = letters.as_str().trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_and_a_value() {
        let check = |line, expected: Option<(&str, &str)>| {
            let expected = expected.map(|(name, value)| (name, value.to_owned()));
            assert_eq!(variable(line), expected, "{line}");
        };
        check("A=b", Some(("A", "b")));
        check("export A_1=b c # remark", Some(("A_1", "b c")));
        check("A=postgres://u:p#w$d@h/d", Some(("A", "postgres://u:p#w$d@h/d")));
        check("A=", Some(("A", "")));
        check("A = 'it is \"so\" \\' # remark", Some(("A", "it is \"so\" \\")));
        check("A=\"a \\\"b\\\\ # c\"", Some(("A", "a \"b\\ # c")));
        check("A=\"open", None);
        check("A='b'c", None);
        check("no variable", None);
        check("1A=b", None);
        check("=b", None);
    }

    #[test]
    fn the_environment_wins_and_a_fault_names_the_line_without_its_value() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# secrets\nA=file\nB=first\nB=second\n\nsecret\n").unwrap();
        let own = [("A".into(), "own".into()), ("C".into(), "own".into())];
        let mut faults = Vec::new();
        let added = beyond(&own, Some(file.path()), &mut faults).unwrap();
        assert_eq!(added, [("B".into(), "second".into())]);
        let place = format!("{}:6", file.path().display());
        assert_eq!((faults.len(), faults[0].place.as_str()), (1, place.as_str()));
        assert!(!faults[0].text.contains("secret"));
        let nowhere = beyond(&[], Some(Path::new("/nonexistent")), &mut faults);
        assert_eq!(nowhere.unwrap_err().code, exit::NO_INPUT);
    }
}
