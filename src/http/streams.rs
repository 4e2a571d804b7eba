//! How many streaming answers may be open at once: of one caller, and in all.
//!
//! A stream holds a connection for as long as its reader likes, so it is counted while it lasts and not by the minute. In memory
//! and of this process only. The place is given back when the answer's body is dropped, however it ends.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _};

use super::{ApiError, limits::network};
use crate::{app::ErrorCode, config, model::Actor};

/// When whoever was refused may try again: nobody knows when a place is free.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Who reads a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum StreamReader {
    /// Somebody who has not signed in, by the network they come from.
    Network(u128),
    Actor(Actor),
}

impl StreamReader {
    /// Somebody who has not signed in.
    pub(super) fn from_address(address: IpAddr) -> Self {
        StreamReader::Network(network(address))
    }
}

/// The streams that are open.
#[derive(Debug)]
pub(super) struct Streams {
    per_caller: u32,
    all: u32,
    open: Mutex<HashMap<StreamReader, u32>>,
}

/// A place among the open streams, given back when dropped.
#[derive(Debug)]
pub(super) struct StreamPlace {
    streams: Arc<Streams>,
    reader: StreamReader,
}

impl Streams {
    /// 0 means no limit.
    pub(super) fn new(limits: config::Limits) -> Self {
        Self { per_caller: limits.streams_per_caller, all: limits.streams, open: Mutex::default() }
    }

    /// Takes a place, or says that there is none.
    pub(super) fn take(self: &Arc<Self>, reader: StreamReader) -> Result<StreamPlace, ApiError> {
        let mut open = self.lock();
        let all: u32 = open.values().sum();
        let own = open.get(&reader).copied().unwrap_or(0);
        let over = |limit: u32, count: u32| limit > 0 && count >= limit;
        let refused = if over(self.per_caller, own) {
            Some(format!("{own} streams are open for you; close one first"))
        } else if over(self.all, all) {
            Some("too many streams are open; try again soon".to_owned())
        } else {
            None
        };
        if let Some(message) = refused {
            return Err(ApiError::new(ErrorCode::RateLimited, message).retry_after(RETRY_AFTER));
        }
        open.insert(reader, own + 1);
        drop(open);
        metrics::gauge!("http_streams_open").increment(1.0);
        Ok(StreamPlace { streams: Arc::clone(self), reader })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamReader, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamPlace {
    /// The stream, which keeps the place as long as it is there.
    pub(super) fn hold<S: Stream>(self, stream: S) -> impl Stream<Item = S::Item> {
        stream.inspect(move |_| {
            let _ = &self;
        })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        if let Some(count) = open.get_mut(&self.reader) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.reader);
            }
        }
        drop(open);
        metrics::gauge!("http_streams_open").decrement(1.0);
    }
}
