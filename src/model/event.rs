//! The public events, by name and by stored number.

/// What the outbox can say. The numbers are stored and never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    PostsParsed = 1,
    PostsTagged = 2,
    PostsEnriched = 3,
    PostsIndexed = 4,
    PostsDeleted = 5,
    ChannelsSubscribed = 6,
    ChannelsUnsubscribed = 7,
}

impl Event {
    pub const ALL: [Event; 7] = [
        Event::PostsParsed,
        Event::PostsTagged,
        Event::PostsEnriched,
        Event::PostsIndexed,
        Event::PostsDeleted,
        Event::ChannelsSubscribed,
        Event::ChannelsUnsubscribed,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Event::PostsParsed => "posts.parsed",
            Event::PostsTagged => "posts.tagged",
            Event::PostsEnriched => "posts.enriched",
            Event::PostsIndexed => "posts.indexed",
            Event::PostsDeleted => "posts.deleted",
            Event::ChannelsSubscribed => "channels.subscribed",
            Event::ChannelsUnsubscribed => "channels.unsubscribed",
        }
    }

    pub fn parse(name: &str) -> Option<Event> {
        Event::ALL.into_iter().find(|event| event.name() == name)
    }

    /// Reads the stored number.
    pub fn from_i64(value: i64) -> Option<Event> {
        Event::ALL.into_iter().find(|event| *event as i64 == value)
    }
}
