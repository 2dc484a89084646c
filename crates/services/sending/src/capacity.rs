//! How much is taken at once: bytes in memory, and cores for large work.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use waxseal_model::AccountId;

use crate::error::SendError;

/// The room that calls share.
pub(crate) struct Capacity {
    memory: Arc<Semaphore>,
    total: u32,
    accounts: Arc<Mutex<HashMap<AccountId, u32>>>,
    cores: Arc<Semaphore>,
}

/// Room held by one call; given back when it is dropped.
pub(crate) struct Room {
    account: AccountId,
    units: u32,
    accounts: Arc<Mutex<HashMap<AccountId, u32>>>,
    _permit: OwnedSemaphorePermit,
}

impl Capacity {
    /// Room for this many bytes of mail in memory.
    pub(crate) fn new(bytes: usize) -> Self {
        let total = units(bytes).max(1);
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let cores = Arc::new(Semaphore::new(cores));
        let memory = Arc::new(Semaphore::new(total as usize));
        Self { memory, total, accounts: Arc::default(), cores }
    }

    /// Takes room for this many bytes, or refuses at once: a caller that waits would hold its request in memory
    /// meanwhile. An account holds half of the room at most, so that the largest batch takes that and leaves as much
    /// to everybody else.
    pub(crate) fn take(&self, account: AccountId, bytes: usize) -> Result<Room, SendError> {
        let share = self.total.div_ceil(2);
        let units = units(bytes).min(share);
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let held = accounts.get(&account).copied().unwrap_or_default();
        if held + units > share {
            return Err(SendError::Busy);
        }
        let permit = Arc::clone(&self.memory).try_acquire_many_owned(units).map_err(|_| SendError::Busy)?;
        accounts.insert(account, held + units);
        Ok(Room { account, units, accounts: Arc::clone(&self.accounts), _permit: permit })
    }

    /// Whether most of the room is taken, or a quarter of it while memory is short: who asks for some now is better told to
    /// come later before it has sent its mail than after. What was freed may still count as the process's, so a quarter goes
    /// on whatever is in use.
    pub(crate) fn is_crowded(&self, memory_is_short: bool) -> bool {
        let total = self.total as usize;
        let free = self.memory.available_permits();
        free < total / 5 || (memory_is_short && free < total / 4 * 3)
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

impl Drop for Room {
    fn drop(&mut self) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = accounts.get_mut(&self.account) {
            *held -= self.units;
            if *held == 0 {
                accounts.remove(&self.account);
            }
        }
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
    fn it_is_crowded_before_the_room_is_full_and_while_memory_is_short() {
        let capacity = Capacity::new(10 * UNIT);
        assert!(!capacity.is_crowded(true), "a quarter goes on");
        let first = capacity.take(AccountId::from_u128(1), 5 * UNIT).expect("room");
        assert!(!capacity.is_crowded(false));
        assert!(capacity.is_crowded(true));
        let second = capacity.take(AccountId::from_u128(2), 4 * UNIT).expect("room");
        assert!(capacity.is_crowded(false));
        drop((first, second));
        assert!(!capacity.is_crowded(false));
    }

    #[test]
    fn room_is_bounded_and_comes_back() {
        let capacity = Capacity::new(10 * UNIT);
        let account = AccountId::from_u128;
        let room = capacity.take(account(1), 4 * UNIT).expect("room");
        assert!(matches!(capacity.take(account(1), 2 * UNIT), Err(SendError::Busy)), "half is one account's");
        let rest = capacity.take(account(1), UNIT).expect("the rest of it");
        let others = capacity.take(account(2), 1_000 * UNIT).expect("a giant takes the other half");
        assert!(matches!(capacity.take(account(3), 1), Err(SendError::Busy)));
        drop((room, rest));
        capacity.take(account(3), 1).map(drop).expect("room again");
        drop(others);
        assert!(capacity.accounts.lock().expect("whole").is_empty());
    }
}
