//! What the system allows this process.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// A listener may have thousands of clients: as many files as the system allows.
pub fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "cannot raise the limit of open files; many clients may not fit");
    }
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Blocks of so many bytes are asked of the system, and go back to it when they are freed.
#[cfg(target_env = "gnu")]
const LARGE_BYTES: i32 = 128 << 10;

/// What an outage needed goes back to the system when it is over. Left alone the C library takes the size of each large block that
/// was freed as a bound below which it keeps all others: one frozen store made 23 MB resident into 40 for good; with this
/// it is 28.
pub fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "mallopt has no safe wrapper")]
    // SAFETY: it sets two numbers of the allocator, which takes its own lock.
    unsafe {
        use nix::libc::{M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, mallopt};
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
        mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
    }
}
