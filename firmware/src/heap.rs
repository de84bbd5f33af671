//! How the C library's heap behaves: a camera has little memory and few threads.

/// One arena for all threads: each keeps what it once needed, and a viewer's first burst (a whole group of pictures)
/// would leave its mark in several. The threads allocate too little to wait for each other.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: i32 = 1;
/// Free bytes at the end of the heap beyond which they go back to the system.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_FREE: i32 = 64 * 1024;

/// Makes the heap small: before any thread is started.
pub(crate) fn keep_small() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (what, value) in [
        (libc::M_ARENA_MAX, ARENAS),
        (libc::M_TRIM_THRESHOLD, KEPT_FREE),
    ] {
        // SAFETY: `mallopt` takes two numbers and checks them; no other thread runs yet.
        if unsafe { libc::mallopt(what, value) } == 0 {
            tracing::debug!(what, value, "the heap keeps its own setting");
        }
    }
}
