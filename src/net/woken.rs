//! Waits beside a busy future, at no cost until they end.

use futures::StreamExt;
use futures::stream::FuturesUnordered;

/// Polls a future only when it was woken itself, and not whenever its task was: a connection's
/// task is woken for every message, and what may end the connection is not.
pub(crate) fn when_woken<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    // Each future in it has a waker of its own. Boxed, since it allocates room for two.
    let mut one = FuturesUnordered::from_iter([Box::pin(future)]);
    async move { one.select_next_some().await }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_when_it_was_woken_and_not_with_its_task() {
        let polls = Cell::new(0);
        let (end, ended) = oneshot::channel();
        let mut ended = pin!(ended);
        let counted = poll_fn(|context| {
            polls.set(polls.get() + 1);
            ended.as_mut().poll(context)
        });
        let mut waiting = pin!(when_woken(counted));
        for _ in 0..10 {
            assert!(futures::poll!(&mut waiting).is_pending());
        }
        assert_eq!(polls.get(), 1);
        end.send(7).unwrap();
        assert_eq!(futures::poll!(&mut waiting), Poll::Ready(Ok(7)));
        assert_eq!(polls.get(), 2);
    }
}
