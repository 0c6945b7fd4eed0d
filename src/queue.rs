//! A bounded queue between two threads that wakes its reader.
//!
//! In:      items offered by one or more writers
//! Out:     the same items, in order for each writer
//! Drops:   never; a full queue gives the item back, and the writer decides
//!
//! This is a crossbeam channel and the reader's wake-up call in one, so that a stage with several queues (or with a
//! queue and a timer) can wait for all of them in one place, its run loop.

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError};

use crate::stage::Waker;

/// Why an item was not taken; it comes back in either case.
pub enum Refused<T> {
    /// The queue is at its bound.
    Full(T),
    /// The reader is gone for good.
    Closed(T),
}

/// What a look into the queue found.
pub enum Poll<T> {
    /// The oldest item.
    Item(T),
    /// Nothing now.
    Empty,
    /// Nothing now or ever: every writer is gone.
    Closed,
}

/// The writing end.
pub struct Outlet<T> {
    channel: Option<Sender<T>>,
    reader: Waker,
}

/// The reading end.
pub struct Inlet<T> {
    channel: Receiver<T>,
}

/// Makes a queue of at most `capacity` items whose reader is woken by `reader`.
#[must_use]
pub fn bounded<T>(capacity: usize, reader: &Waker) -> (Outlet<T>, Inlet<T>) {
    let (sender, receiver) = crossbeam_channel::bounded(capacity);
    (Outlet { channel: Some(sender), reader: reader.clone() }, Inlet { channel: receiver })
}

impl<T> Outlet<T> {
    /// Hands an item over and wakes the reader; never waits.
    ///
    /// # Errors
    /// The item comes back when the queue is full or its reader is gone.
    pub fn offer(&self, item: T) -> Result<(), Refused<T>> {
        let Some(channel) = &self.channel else { return Err(Refused::Closed(item)) };
        match channel.try_send(item) {
            Ok(()) => {
                self.reader.wake();
                Ok(())
            }
            Err(TrySendError::Full(item)) => Err(Refused::Full(item)),
            Err(TrySendError::Disconnected(item)) => Err(Refused::Closed(item)),
        }
    }

    /// Items waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channel.as_ref().map_or(0, Sender::len)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        Self { channel: self.channel.clone(), reader: self.reader.clone() }
    }
}

impl<T> Drop for Outlet<T> {
    /// The reader is woken after the channel is closed, so that it sees the end at once.
    fn drop(&mut self) {
        self.channel = None;
        self.reader.wake();
    }
}

impl<T> Inlet<T> {
    /// Takes the oldest item; never waits.
    #[must_use]
    pub fn poll(&self) -> Poll<T> {
        match self.channel.try_recv() {
            Ok(item) => Poll::Item(item),
            Err(TryRecvError::Empty) => Poll::Empty,
            Err(TryRecvError::Disconnected) => Poll::Closed,
        }
    }

    /// Items waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channel.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::parking;

    #[test]
    fn a_full_queue_gives_the_item_back() {
        let (_spot, waker) = parking();
        let (outlet, inlet) = bounded(1, &waker);
        assert!(outlet.offer(1).is_ok());
        assert!(matches!(outlet.offer(2), Err(Refused::Full(2))));
        assert!(matches!(inlet.poll(), Poll::Item(1)));
        assert!(matches!(inlet.poll(), Poll::Empty));
    }

    #[test]
    fn the_end_comes_after_the_last_item() {
        let (_spot, waker) = parking();
        let (outlet, inlet) = bounded(4, &waker);
        assert!(outlet.offer("last").is_ok());
        drop(outlet);
        assert!(matches!(inlet.poll(), Poll::Item("last")));
        assert!(matches!(inlet.poll(), Poll::Closed));
    }
}
