//! Has the processor bring memory near before somebody looks at it.

/// Whether there is such a hint here; to look for what it would bring near is else for nothing.
pub const PREFETCHES: bool = cfg!(target_arch = "x86_64");

/// Begins to bring the first bytes of a value into the caches, and waits for nothing.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn prefetch<T>(value: &T) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    #[expect(unsafe_code, reason = "this hint has no safe wrapper")]
    // SAFETY: it reads nothing that anybody sees, and nothing is wrong with an address that is a reference.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
}

/// Does nothing.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub const fn prefetch<T>(_: &T) {}
