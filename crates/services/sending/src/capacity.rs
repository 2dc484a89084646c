//! How much is taken at once: bytes in memory, and cores for large work.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::SendError;

/// The room that calls share.
pub(crate) struct Capacity {
    memory: Arc<Semaphore>,
    total: u32,
    cores: Arc<Semaphore>,
}

/// Room held by one call; given back when it is dropped.
pub(crate) struct Room {
    _permit: OwnedSemaphorePermit,
}

impl Capacity {
    /// Room for this many bytes of mail in memory.
    pub(crate) fn new(bytes: usize) -> Self {
        let total = units(bytes).max(1);
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let cores = Arc::new(Semaphore::new(cores));
        Self { memory: Arc::new(Semaphore::new(total as usize)), total, cores }
    }

    /// Takes room for this many bytes, at most all there is, or refuses at once: a caller that waits
    /// would hold its request in memory meanwhile.
    pub(crate) fn take(&self, bytes: usize) -> Result<Room, SendError> {
        let wanted = units(bytes).min(self.total);
        let permit = Arc::clone(&self.memory).try_acquire_many_owned(wanted).map_err(|_| SendError::Busy)?;
        Ok(Room { _permit: permit })
    }

    /// Does CPU work that handles this many bytes. Little work is done in place, as handing it over costs
    /// more; much work goes to a thread of its own, one per core at most, so that one customer's batch
    /// does not keep the async workers from everybody else.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SendError> {
        if bytes <= LITTLE {
            return Ok(work());
        }
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(|_| SendError::Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(core);
            done
        });
        task.await.map_err(|_| SendError::Busy)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// Bytes per permit.
const UNIT: usize = 1_024;
/// About a signature's worth of hashing and encoding.
const LITTLE: usize = 64 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_and_comes_back() {
        let capacity = Capacity::new(10 * UNIT);
        let room = capacity.take(8 * UNIT).expect("room");
        assert!(matches!(capacity.take(3 * UNIT), Err(SendError::Busy)));
        let rest = capacity.take(2 * UNIT).expect("the rest");
        drop((room, rest));
        let everything = capacity.take(1_000 * UNIT).expect("a giant goes alone");
        assert!(matches!(capacity.take(1), Err(SendError::Busy)));
        drop(everything);
        assert!(capacity.take(1).is_ok());
    }
}
