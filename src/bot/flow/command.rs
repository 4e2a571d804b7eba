//! The commands there are: one closed list for reading them, for Telegram's menu and for the help.

/// A command; in the order of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Start,
    Menu,
    Ask,
    Search,
    Tags,
    AddChannel,
    MyChannels,
    ChannelStats,
    RemoveChannel,
    Settings,
    Language,
    Login,
    Privacy,
    Help,
    Cancel,
}

impl Command {
    pub(super) const ALL: [Command; 15] = [
        Command::Start,
        Command::Menu,
        Command::Ask,
        Command::Search,
        Command::Tags,
        Command::AddChannel,
        Command::MyChannels,
        Command::ChannelStats,
        Command::RemoveChannel,
        Command::Settings,
        Command::Language,
        Command::Login,
        Command::Privacy,
        Command::Help,
        Command::Cancel,
    ];

    /// As it is typed, without the slash.
    pub(super) fn name(self) -> &'static str {
        match self {
            Command::Start => "start",
            Command::Menu => "menu",
            Command::Ask => "ask",
            Command::Search => "search",
            Command::Tags => "tags",
            Command::AddChannel => "add_channel",
            Command::MyChannels => "my_channels",
            Command::ChannelStats => "channel_stats",
            Command::RemoveChannel => "remove_channel",
            Command::Settings => "settings",
            Command::Language => "language",
            Command::Login => "login",
            Command::Privacy => "privacy",
            Command::Help => "help",
            Command::Cancel => "cancel",
        }
    }

    /// The key of what it does, in a few words.
    pub(super) fn key(self) -> &'static str {
        match self {
            Command::Start => "command-start",
            Command::Menu => "command-menu",
            Command::Ask => "command-ask",
            Command::Search => "command-search",
            Command::Tags => "command-tags",
            Command::AddChannel => "command-add-channel",
            Command::MyChannels => "command-my-channels",
            Command::ChannelStats => "command-channel-stats",
            Command::RemoveChannel => "command-remove-channel",
            Command::Settings => "command-settings",
            Command::Language => "command-language",
            Command::Login => "command-login",
            Command::Privacy => "command-privacy",
            Command::Help => "command-help",
            Command::Cancel => "command-cancel",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Command> {
        Command::ALL.into_iter().find(|command| command.name() == name)
    }
}
