//! Nothing of the memory gets to the disk when the process crashes: keys and mail are in it.

/// Forbids core dumps of this process, to a file or to a program that collects them. Called first, before anything secret is in memory.
/// Where the system has no such means (it is not Linux) nothing happens.
///
/// # Errors
///
/// If the system refuses.
pub fn forbid() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
        // The limit is for files; a collector that the kernel pipes to gets nothing of a process that is not dumpable.
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    Ok(())
}
