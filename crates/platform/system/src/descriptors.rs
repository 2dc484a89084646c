//! How many files and connections the process may have open at a time.

/// What the process keeps for itself where the system allows it: files, the database, deliveries, questions to the DNS.
const OWN: usize = 1_024;

/// Raises the limit as far as the system lets this process, and tells how many connections may come in by each of `doors`
/// so that at least half of all descriptors are left for its own work, or 1,024 if that is less. `None` where there is no such limit.
pub fn connections_for(doors: usize) -> Option<usize> {
    Some(share(allowed()?, doors))
}

fn share(allowed: usize, doors: usize) -> usize {
    let own = OWN.min(allowed.div_ceil(2));
    (allowed.saturating_sub(own) / doors.max(1)).max(1)
}

#[cfg(unix)]
fn allowed() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused it stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.and_then(|current| usize::try_from(current).ok())
}

#[cfg(not(unix))]
fn allowed() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_or_enough_is_left_for_the_process_itself() {
        assert_eq!(share(256, 2), 64);
        assert_eq!(share(100_000, 2), (100_000 - OWN) / 2);
        assert_eq!(share(0, 2), 1);
    }
}
