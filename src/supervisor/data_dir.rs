//! Takes the data directory, also on a full disk.

use std::path::Path;
use std::sync::Arc;

use crate::exit::{self, Failure};
use crate::journal::directory::{Directory, Unavailable};
use crate::resilience::reserve::{Reserve, is_full};

/// Takes it; on a full disk with a piece of the reserve, of which the rest of the start may need one as well.
///
/// # Errors
/// When it cannot be had.
pub fn take(root: &Path, reserve: &Arc<Reserve>) -> Result<Directory, Failure> {
    let taken = match Directory::take(root) {
        Err(Unavailable::Io { error, .. }) if is_full(&error) && reserve.give() => {
            Directory::take(root)
        }
        taken => taken,
    };
    let mut directory = taken.map_err(|error| Failure::new(exit::DATA_DIR, error.to_string()))?;
    reserve.make_room();
    directory.reserve(Arc::clone(reserve));
    Ok(directory)
}
