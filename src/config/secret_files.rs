//! Secrets that stand in files: systemd credentials, and files that variables name.
//!
//! An environment is inherited by every child and read by whoever may look at the process; a file of one's own is not. So
//! a credential (`$CREDENTIALS_DIRECTORY/DATABASE_URL` or `database_url`) wins over `DATABASE_URL_FILE`, and that over every
//! variable that holds the secret itself.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::keys::COMMON_VARIABLES;

/// Where systemd puts the credentials of a service.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// Bytes of a secret at most.
const BYTES_MAX: u64 = 64 * 1024;

/// A secret that stood in a file.
pub struct Found {
    /// Where: the file, or the variable that names it.
    pub place: String,
    /// The key that it is for.
    pub key: &'static str,
    /// The secret.
    pub value: String,
}

/// Reads what there is; of one key the later wins.
pub fn read(environment: &[(OsString, OsString)], faults: &mut Vec<Fault>) -> Vec<Found> {
    let variable = |name: &str| {
        let named = environment.iter().find(|(known, _)| known == name);
        named.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    };
    let mut found = Vec::new();
    for (name, key) in COMMON_VARIABLES {
        let place = format!("{name}_FILE");
        let Some(path) = variable(&place) else { continue };
        match read_file(Path::new(path)) {
            Ok(value) => found.push(Found { place, key, value }),
            Err(error) => faults.push(cannot_read(place, path, &error)),
        }
    }
    let Some(directory) = variable(CREDENTIALS) else { return found };
    for (name, key) in COMMON_VARIABLES {
        for name in [(*name).to_owned(), name.to_lowercase()] {
            let path: PathBuf = Path::new(directory).join(name);
            match read_file(&path) {
                Ok(value) => {
                    found.push(Found { place: path.display().to_string(), key, value });
                    break;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    faults.push(cannot_read(CREDENTIALS.to_owned(), path.as_os_str(), &error));
                    break;
                }
            }
        }
    }
    found
}

/// The text of a file without the line's end.
fn read_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > BYTES_MAX {
        return Err(io::Error::other(format!("it is longer than {BYTES_MAX} bytes")));
    }
    Ok(text.trim().to_owned())
}

fn cannot_read(place: String, path: &OsStr, error: &io::Error) -> Fault {
    Fault::new(place, format!("cannot read {}: {error}", path.display()))
}
