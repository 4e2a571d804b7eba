//! The commands there are: one closed list for reading them, for Telegram's menu and for the help.

/// A command; in the order of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Start,
    Menu,
    Ask,
    Search,
    Recommend,
    Alerts,
    Tags,
    AddChannel,
    MyChannels,
    ChannelStats,
    RemoveChannel,
    Settings,
    Subscription,
    Language,
    Login,
    Feedback,
    Privacy,
    Export,
    DeleteMe,
    Help,
    Cancel,
    Admin,
    AdminInvite,
    AdminUsers,
    AdminStats,
}

impl Command {
    /// Those for everybody: Telegram's menu and the help.
    pub(super) const ALL: [Command; 21] = [
        Command::Start,
        Command::Menu,
        Command::Ask,
        Command::Search,
        Command::Recommend,
        Command::Alerts,
        Command::Tags,
        Command::AddChannel,
        Command::MyChannels,
        Command::ChannelStats,
        Command::RemoveChannel,
        Command::Settings,
        Command::Subscription,
        Command::Language,
        Command::Login,
        Command::Feedback,
        Command::Privacy,
        Command::Export,
        Command::DeleteMe,
        Command::Help,
        Command::Cancel,
    ];
    /// Those that only admins know of.
    pub(super) const ADMIN: [Command; 4] =
        [Command::Admin, Command::AdminInvite, Command::AdminUsers, Command::AdminStats];

    pub(super) fn is_for_admins(self) -> bool {
        Command::ADMIN.contains(&self)
    }

    /// As it is typed, without the slash.
    pub(super) fn name(self) -> &'static str {
        match self {
            Command::Start => "start",
            Command::Menu => "menu",
            Command::Ask => "ask",
            Command::Search => "search",
            Command::Recommend => "recommend",
            Command::Alerts => "alerts",
            Command::Tags => "tags",
            Command::AddChannel => "add_channel",
            Command::MyChannels => "my_channels",
            Command::ChannelStats => "channel_stats",
            Command::RemoveChannel => "remove_channel",
            Command::Settings => "settings",
            Command::Subscription => "subscription",
            Command::Language => "language",
            Command::Login => "login",
            Command::Feedback => "feedback",
            Command::Privacy => "privacy",
            Command::Export => "export",
            Command::DeleteMe => "delete_me",
            Command::Help => "help",
            Command::Cancel => "cancel",
            Command::Admin => "admin",
            Command::AdminInvite => "admin_invite",
            Command::AdminUsers => "admin_users",
            Command::AdminStats => "admin_stats",
        }
    }

    /// The key of what it does, in a few words.
    pub(super) fn key(self) -> &'static str {
        match self {
            Command::Start => "command-start",
            Command::Menu => "command-menu",
            Command::Ask => "command-ask",
            Command::Search => "command-search",
            Command::Recommend => "command-recommend",
            Command::Alerts => "command-alerts",
            Command::Tags => "command-tags",
            Command::AddChannel => "command-add-channel",
            Command::MyChannels => "command-my-channels",
            Command::ChannelStats => "command-channel-stats",
            Command::RemoveChannel => "command-remove-channel",
            Command::Settings => "command-settings",
            Command::Subscription => "command-subscription",
            Command::Language => "command-language",
            Command::Login => "command-login",
            Command::Feedback => "command-feedback",
            Command::Privacy => "command-privacy",
            Command::Export => "command-export",
            Command::DeleteMe => "command-delete-me",
            Command::Help => "command-help",
            Command::Cancel => "command-cancel",
            Command::Admin => "command-admin",
            Command::AdminInvite => "command-admin-invite",
            Command::AdminUsers => "command-admin-users",
            Command::AdminStats => "command-admin-stats",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Command> {
        Command::ALL.into_iter().chain(Command::ADMIN).find(|command| command.name() == name)
    }
}
