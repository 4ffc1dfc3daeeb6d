//! How many sockets there may be: in all, and of one person or key.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// The seats of one process.
pub(super) struct Seats {
    taken: Arc<Mutex<Taken>>,
    in_all: usize,
    each: usize,
}

#[derive(Default)]
struct Taken {
    in_all: usize,
    of: HashMap<Uuid, usize>,
}

/// A seat that is taken until this is dropped.
pub(super) struct Seat {
    taken: Arc<Mutex<Taken>>,
    whose: Uuid,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSeat {
    /// The process has no more.
    InAll,
    /// The person or key has as many as one may have.
    OfOne,
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seats {
    pub(super) fn new(in_all: usize, each: usize) -> Self {
        Self {
            taken: Arc::default(),
            in_all,
            each,
        }
    }

    /// A seat for `whose`, a member of the staff or a key.
    pub(super) fn take(&self, whose: Uuid) -> Result<Seat, NoSeat> {
        let mut taken = lock(&self.taken);
        if taken.in_all >= self.in_all {
            return Err(NoSeat::InAll);
        }
        let of_one = taken.of.entry(whose).or_default();
        if *of_one >= self.each {
            return Err(NoSeat::OfOne);
        }
        *of_one += 1;
        taken.in_all += 1;
        Ok(Seat {
            taken: Arc::clone(&self.taken),
            whose,
        })
    }

    pub(super) fn taken(&self) -> usize {
        lock(&self.taken).in_all
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.in_all = taken.in_all.saturating_sub(1);
        if let Entry::Occupied(mut of_one) = taken.of.entry(self.whose) {
            if *of_one.get() > 1 {
                *of_one.get_mut() -= 1;
            } else {
                of_one.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_for_each_and_in_all_and_given_back() {
        let seats = Seats::new(3, 2);
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let _first = seats.take(one).ok().unwrap();
        let second = seats.take(one).ok().unwrap();
        assert_eq!(seats.take(one).err(), Some(NoSeat::OfOne));
        let _third = seats.take(two).ok().unwrap();
        assert_eq!(seats.take(two).err(), Some(NoSeat::InAll));
        drop(second);
        assert!(seats.take(one).is_ok());
        assert_eq!(seats.taken(), 2);
    }
}
