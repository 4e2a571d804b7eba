### Texts of the bot and the Mini App. The keys and variables are those of ru.ftl.

## Common
count-posts = { $n ->
    [one] { $n } post
   *[other] { $n } posts
}
count-channels = { $n ->
    [one] { $n } channel
   *[other] { $n } channels
}
count-days = { $n ->
    [one] { $n } day
   *[other] { $n } days
}
button-back = ⬅️ Back
button-cancel = Cancel
button-menu = 🏠 Menu
button-help = ❔ Help
date-never = not yet

## Commands in Telegram's menu
command-start = Begin
command-help = What the bot can do
command-menu = Main menu
command-login = Come in with an invite
command-add-channel = Add a channel
command-my-channels = My channels
command-channel-stats = How much of a channel is read
command-remove-channel = Stop reading a channel
command-ask = Ask your channels
command-search = Find posts
command-recommend = What to read on a topic
command-alerts = Alerts about new posts
command-subscription = Tier and what is left
command-feedback = Say what is good and what is not
command-export = Get all your data
command-delete-me = Delete yourself and your data
command-admin = Manage the space
command-admin-invite = Invite somebody
command-admin-users = Who is here
command-admin-stats = How things are going
command-tags = What my channels write about
command-settings = Settings
command-language = Language
command-privacy = What the bot keeps
command-cancel = Cancel what was begun

## Getting to know each other
welcome-title = I read your Telegram channels and answer questions about them
welcome-what = Add channels and ask in plain words: “what is new this week?”, “when does the metro open?”. Every statement links to its post.
welcome-next-account = Next step: connect your Telegram account, so that I can read channels.
welcome-next-account-later = Next step: connect your Telegram account. Whoever invited you can tell you how.
welcome-next-channel = Next step: add your first channel.
welcome-next-ask = You read { count-channels }. Just write your question.
stranger-title = Hello! This is a personal assistant for Telegram channels
stranger-what = It collects the posts of the channels you choose, searches them and answers questions with links to the posts. It works by invitation.
stranger-next = Do you have an invite code? Send it here. If not, ask whoever told you about this bot.
stranger-closed = This assistant takes no new people at the moment.
invite-ask = Send the invite code: 12 letters and digits.
invite-accepted = The invite is accepted, you are in.
invite-member = You are in already, the invite was not needed.
invite-unknown = There is no such code. Check that all 12 signs are there and send it again.
invite-expired = This invite has expired. Ask for a new one.
invite-revoked = This invite was revoked. Ask for a new one.
invite-exhausted = This invite has been used already. Ask for a new one.
button-connect = 🔗 Connect account
button-app = 📱 Open the app

## Menu and help
menu-title = Main menu
menu-what = Write a question or choose what to do.
help-title = What I can do
help-ask = Ask in plain words, no command needed. To add a channel, forward me any of its posts.
help-commands = Commands
cancel-done = Cancelled.
cancel-nothing = There is nothing to cancel.
unknown-command = There is no command /{ $name }. This is what there is:
wordless = I understand text and forwarded posts of channels. Write a question or forward a post.
voice-off = Voice messages are not written down here. Please write your question.
voice-consent = An external model writes down voice messages, and that needs your consent. Open “External models”, decide, and send the message again — or write it.
voice-long = The voice message is too long: up to { $seconds } s. Say it shorter or write it.
voice-silent = I could not make out any words. Say it again or write it.
short-question = That is too short for a question. Write a little more.
button-foreign = This button is not yours.
button-stale = This button is out of date. Here is a fresh menu.
too-fast = Too fast. Wait a minute and go on.
error-gave-up = I could not answer: something is broken on my side. Your message is kept and the administrator will see it. Please try again a little later.
error-refused = That did not work: { $reason }

## Channels
channel-ask = Send a @name, a t.me/… link, or forward any post of the channel.
channel-added = Channel “{ $title }” is added
channel-added-what = I am reading the posts of the last { count-days }; the first ones come within a minute or two.
channel-added-all = I am reading all posts of the channel; the first ones come within a minute or two.
channel-known = You read “{ $title }” already.
channel-room = Places taken: { $used } of { $max }.
channel-not-found = “{ $reference }” led to no channel. A @name, a t.me/… link or a forwarded post will do. Join a private channel yourself first.
channel-limit = Your tier holds { $max }, and all places are taken. Remove a channel or ask the administrator for another tier.
channel-account = To read channels I need your Telegram account. Connect it and try again.
channel-account-waits = Telegram asks your account to wait. Try again in { $minutes } min.
channel-gone = This channel is not among yours any more.
channels-title = My channels
channels-none = You read no channel yet.
channels-page = Page { $page } of { $pages }
channels-choose-stats = Which channel shall I show?
channels-choose-remove = Which channel shall I remove?
channel-posts = Posts: { $n }
channel-last = Checked: { $date }
channel-depth = Depth: { count-days }
channel-depth-all = Depth: everything
channel-read = Read: { $seen } of { $expected } messages ({ $percent } %)
channel-missing = Of these { $deleted } deleted, { $service } service, { $restricted } restricted, { $left } not read yet
channel-complete = Everything is read
reading-imported = Loaded from a file
reading-no-account = Not read: no account is connected
reading-starting = The first posts are on their way
reading-history = Reading older posts
reading-up-to-date = Everything new is here
reading-paused = Paused; I will try again by myself
remove-ask = Stop reading “{ $title }”? Its posts will leave your answers.
remove-done = I no longer read “{ $title }”.
depth-ask = How deep shall I read “{ $title }”?
depth-all = All
depth-done = Done. If it is deeper now, older posts will come little by little.
button-add = ➕ Add a channel
button-channels = 📚 My channels
button-channel = 📊 About the channel
button-refresh = 🔄 Refresh
button-depth = 📅 Depth
button-remove = 🗑 Remove
button-remove-sure = Yes, remove

## Questions and search
ask-ask = Write a question about your channels.
ask-none = You have no channels yet, so there is nothing to answer from.
ask-limit = Today's questions are used up: your tier gives { $max } a day. There are new ones tomorrow.
ask-nothing = I found no answer in your channels
ask-nearest = The nearest posts:
ask-sources = Sources
ask-unsure = ⚠️ This answer may be inexact. Try to ask more precisely.
ask-degraded = This answer is made of quotations or incomplete: the language model is not available now, or its budget is used up.
answer-ask = 🤖 Answer
answer-search = 🔍 Found
answer-recommend = 🎯 Worth reading
answer-trend = 📈 What is written about
answer-digest = 📰 In short
recommend-ask = On which topic shall I pick posts?
working = 🔎 Looking through your channels…
ask-forgotten = I do not remember this question any more. Please ask it again.
ask-which-channel = From which channel?
asked-channel = only “{ $title }”
asked-days = of the last { count-days }
button-more = More
button-only-channel = Only this channel
button-week = Last week
button-save-alert = 🔔 Tell me of new ones
search-ask = What shall I find? Words, an “exact phrase” in quotes, -unwanted.
search-none = Nothing was found for “{ $query }”.
search-found = 🔍 Found: { count-posts }
tags-title = What your channels write about
tags-none = There are no tags yet: they come with the posts.
button-ask = 💬 Ask
button-search = 🔍 Find
button-tags = 🏷 Tags

## Alerts
alerts-title = Alerts
alerts-what = I tell you at once when a post appears in your channels that you wait for.
alerts-none = There is none yet. Press “New” and write what to tell you of.
alerts-legend = The number is how many posts were found. Press an alert to set it up.
alerts-limit = { $max } alerts are as many as there can be. Delete one you do not need.
alert-ask = What shall I tell you of? Write words: the post has to have all of them. You can use an “exact phrase” in quotes, a #tag, and -word for one that must not be there.
alert-empty = There is nothing to look for. Write at least a word, a phrase in quotes or a #tag.
alert-added = Done, I will tell you.
alert-known = You have this alert already.
alert-last-week = In the last week it would have found { count-posts }.
alert-gone = There is no such alert any more.
alert-deleted = Deleted.
alert-changed = Done.
alert-by-words = I look for posts with all these words.
alert-by-meaning = I look for these words or the same in other words.
alert-all-channels = Channels: all of yours
alert-channels = Channels: { $titles }
alert-per-day = Messages a day: at most { $n }
alert-quiet = Quiet hours: from { $from } to { $until }, { $zone } time
alert-muted = Muted until { $until }
alert-muted-toast = I am silent.
alert-unmuted-toast = I tell you again.
alert-found = Found: { count-posts }
alert-found-none = Nothing yet: I only look at posts that come out after the alert was made.
alert-last-today = This is the last one today: the rest will be in the alert, under “What it found”.
button-alerts = 🔔 Alerts
button-alert = ⚙️ This alert
button-alert-new = ➕ New
button-alert-found = 🔎 What it found
button-alert-delete = 🗑 Delete
button-mute-day = 🔕 Mute for a day
button-mute-week = 🔕 Mute for a week
button-unmute = 🔔 Tell again
button-quiet = 🌙 Quiet hours
button-meaning-on = 🧠 By meaning too
button-meaning-off = 🔤 Words only
quiet-what = In these hours the alert “{ $name }” is silent. What it finds is not lost: I tell you when they end.
quiet-now = Now: from { $from } to { $until }.
quiet-none = There are no quiet hours now.
quiet-zone = The time zone is { $zone }: it is { $now } there now.
quiet-ask = In which hours shall I be silent? Write when they begin and end, with a hyphen: 22-7 or 22:30-07:00.
quiet-unread = “{ $said }” are no hours. Write when they begin and end, with a hyphen: 22-7 or 22:30-07:00.
quiet-no-time = There is no time “{ $time }”: hours go from 0 to 23, minutes from 00 to 59. Write them again, for example 22:30-07:00.
quiet-nothing = “{ $said }” begins and ends at the same time. Write two times, for example 22-7. To silence the alert altogether, cancel this and press “Mute for a week” in it.
button-quiet-other = ✏️ Others
button-quiet-off = No quiet hours

## Settings
settings-title = Settings
settings-language = Language: { $language }
settings-space = Space: { $space }
settings-tier = Tier: { $tier }. Channels { $channels } of { $channels_max }, questions today { $questions } of { $questions_max }.
settings-account = Telegram account connected
settings-no-account = Telegram account not connected: without it I read no channels
settings-models-off = External models are off
settings-models-agreed = External models: you agreed
settings-models-not-agreed = External models: no consent of yours
language-ask = Which language shall I speak?
language-done = I speak English now.
space-ask = Which space do you want to work in?
space-done = You are in the space “{ $space }”.
button-settings = ⚙️ Settings
button-language = 🌐 Language
button-space = 🗂 Space
button-privacy = 🔒 What is kept
button-models = 🤖 External models
button-browser = 💻 The app in a browser
browser-link = The link opens the app in a browser, signed in as you. It is good for { $minutes } min. and once; do not forward it.
browser-open = Open in a browser
subscription-title = Tier { $tier }
subscription-channels = Channels: { $used } of { $max }
subscription-questions = Questions today: { $used } of { $max }
subscription-anew = Questions are counted from nothing again at { $at }.
subscription-more = Do you need more? Tell the administrator, who can change the tier.
feedback-ask = Write what is good and what is not. The administrator will read it.
feedback-kept = Thank you!
feedback-enough = That is enough feedback for today, thank you.
export-done = Everything that is kept of you here is in this file.
delete-title = Delete you and everything that is kept of you?
delete-what = What goes: your name, the session of your Telegram account, your channels, questions with answers, alerts, and the channels that only you read. There is no way back. If you want a copy, take the file first.
delete-done = You are gone from here: everything is deleted. This is a signed receipt; keep it if you need it.
delete-last-admin = You are the only administrator here. Make somebody else administrator first.
button-subscription = 🎟 Tier
button-feedback = ✍️ Feedback
button-export = 📦 My data as a file
button-delete = 🗑 Delete me
button-delete-sure = Yes, delete everything

## Management
manage-title = Management: { $space }
manage-invite = An invite for one person:
manage-users = { $n ->
    [one] There is { $n } person here
   *[other] There are { $n } people here
}
manage-role = administrator
manage-stats = How things are going
manage-stats-people = People: { $n }, of these administrators: { $admins }
manage-stats-posts = Posts: { $posts }, searchable: { $indexed }, channels: { $channels }
manage-stats-week = In a week: posts { $posts }, questions { $questions }
manage-stats-queue = In the queue: { $jobs }, failed: { $dead }
manage-stats-invites = Invites in force: { $n }
button-admin = 🛠 Management
button-admin-invite = ✉️ Invite
button-admin-users = 👥 People
button-admin-stats = 📈 Figures

## Personal data
privacy-title = What is kept, and where
privacy-where = Everything lies on the server of whoever installed this assistant. An external language model, where the administrator has switched one on, is only sent questions and voice messages of those who agreed, with the posts found, and posts of channels whose readers all agreed.
privacy-what = Kept are: your name in Telegram, your channels and their posts, your questions with their answers, your alerts and feedback, and the session of the connected account (encrypted).
privacy-how-long = Messages of the bot are forgotten after two days, those that failed after 30 days. Only you see your questions and answers.

## External models
models-agreed = You agreed.
models-not-agreed = There is no consent of yours: nothing of yours is sent.
models-agreed-toast = Your consent is recorded.
models-withdrawn-toast = Your consent does not count any more.
button-models-agree = ✅ Agree
button-models-withdraw = ✖️ Take the consent back

## What the bot says unasked
notice-session-ended = Telegram ended the session of your account, so new posts are not read. Please connect the account again. Everything read so far is still here.
notice-session-paused = The administrator paused your account: new posts are not read for now. Everything read so far is still here.
notice-channel-paused = The channel “{ $title }” can no longer be read: it is closed, deleted, or you are not in it. I will try again by myself. If you do not need it, remove it.
notice-model-budget = { $percent }% of the budget for language models is used. When it is gone, answers and tags are made here, without models outside.
notice-model-budget-over = The budget for language models is used up ({ $percent }%): until the next period answers and tags are made here, without models outside.
