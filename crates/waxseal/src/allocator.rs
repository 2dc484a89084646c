//! How the C library's allocator gives back what large messages took.

use std::{env, io, os::unix::process::CommandExt as _, process::Command};

use tokio::signal::unix::{SignalKind, signal};

/// What the allocator reads once, before anything else runs. From 128 KiB on a buffer is a mapping of its own, which goes back to
/// the system when it is freed. Left to itself glibc raises that bound to 32 MiB with the first large buffer that is freed;
/// from then on what large messages took stays with the process, in pieces. Who sets the one has to say the other too:
/// how much that was freed is kept for the next message.
const SETTINGS: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "8388608")];

/// That it was done: where the binary has capabilities of its own, the other variables do not arrive.
const DONE: &str = "_WAXSEAL_ALLOCATOR_SET";

/// Starts this program once more in its own place, with the same process id, unless the environment says already how the
/// allocator is to be. Where that cannot be done it says why.
pub(crate) fn settle() -> io::Result<()> {
    let is_said = |name: &str| env::var_os(name).is_some();
    if cfg!(not(target_env = "gnu")) || is_said(DONE) || SETTINGS.iter().any(|(name, _)| is_said(name)) {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| "waxseal".into());
    Err(Command::new(env::current_exe()?).arg0(name).args(arguments).envs(SETTINGS).env(DONE, "1").exec())
}

/// Says what to do after a start in place that failed. It has set SIGPIPE to its default, by which a peer that leaves ends the
/// process: whoever handles it gets an error instead. Within a runtime.
pub(crate) fn go_on_without(error: &io::Error) {
    let wanted = SETTINGS.map(|(name, value)| format!("{name}={value}")).join(" ");
    eprintln!(
        "waxseal: cannot start anew with bounds for its memory ({error}): it may go over memory.limit_mb; start it with {wanted}"
    );
    // The handler stays when this is dropped.
    if let Err(error) = signal(SignalKind::pipe()) {
        eprintln!("waxseal: a client that leaves early may end it ({error}): start it with {wanted}");
    }
}
