### Texts of the Mini App. The keys and variables are those of app.ru.ftl; what is shared is the first section of en.ftl.

## Frame
app-name = Channel assistant
app-bar = Places
app-bar-me = Me
app-skip = Skip to content
app-back = Back
app-close = Close
app-cancel = Cancel
app-undo = Undo
app-more = Show more
app-copied = Copied
app-now = just now
app-language = Language
app-signing-in = Signing in…
app-offline = No connection. Showing what was read last.
app-update = There is a new version.
app-update-now = Update
app-kept = No connection: as it was { $when }
app-of = { $now } of { $max }

## What can go wrong
app-retry = Try again
app-retry-in = Try again in { $n } s
app-request = Request: { $id }
app-offline-title = No connection
app-offline-text = The server cannot be reached. Check the network; what you typed is not lost.
app-slow-title = It took too long
app-slow-text = The server did not answer within a minute. Try again.
app-signed-out-title = The session has ended
app-signed-out-text = Sign in again; it takes a few seconds.
app-busy-title = Too many requests
app-busy-text = The server asks to wait a little.
app-failed-title = That did not work
app-failed-text = Something broke on the server. Nothing is lost; try again.
app-refused-title = Not possible
app-forbidden-text = You are not allowed to do this.
app-gone-title = There is no such thing here
app-gone-text = It is gone, or it is not yours.
app-conflict-text = Somebody changed it meanwhile. Open it anew and try again.
app-disk-text = The server's disk is full. Tell the administrator.

## Coming in
app-hero = Ask your channels
app-hero-text = The assistant reads your Telegram channels and answers questions. Every statement links to its post.
app-invite-label = Invite code
app-invite-hint = 12 letters and digits, from whoever runs this assistant.
app-invite-go = Continue
app-invite-short = A code has 12 letters and digits.
app-invite-unknown = There is no such code. Check all 12 signs.
app-invite-expired = The invite has expired. Ask for a new one.
app-invite-revoked = The invite was revoked. Ask for a new one.
app-invite-exhausted = The invite has been used already. Ask for a new one.
app-closed = Nobody new is taken in at the moment.
app-telegram-stale = Telegram opened the app too long ago. Close it and open it again.
app-telegram-clock = The clocks of the server and the phone differ. Check the phone's time.
app-telegram-in = Sign in with Telegram
app-telegram-again = The session has ended. Close the app and open it again from the bot's chat.
app-telegram-invalid = Telegram did not confirm that this bot opened the app. Open it from the bot's chat.
app-telegram-no-bot = No bot is set up on this server, so Telegram cannot sign you in yet.
app-in-other = Other ways in
app-passkey-in = Passkey
app-passkey-in-text = Fingerprint, face or PIN of this device
app-passkeys-off = Passkeys are not set up on this server.
app-link-in = Link from the bot
app-link-in-text = In the bot: Settings → Open in a browser. The link works once, for 10 minutes.
app-link-over = The link is no longer good
app-link-over-text = It works once, for 10 minutes. For a new one go to Settings → Open in a browser in the bot.
app-tenant-title = Where to?
app-tenants = Spaces
app-tenants-text = Each has channels, answers and saved posts of its own. Choose one to go there.
app-tenant-now = You are in “{ $name }” now
app-tenant-here = you are here
app-role-admin = administrator
app-role-user = member

## Connecting an account
app-login-title = Connect Telegram
app-login-preparing = Preparing the code
app-login-code = The code to scan
app-login-left = The login is open for { $time }
app-login-step-1 = Open Telegram on your phone
app-login-step-2 = Settings → Devices → Link Desktop Device
app-login-step-3 = Point the camera at this code
app-login-here = Open on this phone
app-login-cancel = Cancel the login
app-login-scanned = The code was scanned
app-login-scanned-text = Confirming; it takes a few seconds.
app-login-no = The login did not begin
app-login-not-configured-title = The server is not ready
app-login-not-configured = This server has no Telegram application key yet. For the administrator: telegram.api_id and telegram.api_hash.
app-login-again = Start again
app-login-done = Done, the account is connected
app-login-done-text = The session is kept encrypted. You can end it here or in Telegram's settings.
app-login-first = Add the first channel
app-login-done-elsewhere = The login was finished in another window
app-login-done-elsewhere-text = Go on where it was opened.
app-login-cancelled = The login is cancelled
app-login-cancelled-text = Nothing was connected, and the invite is not used up.
app-login-expired = Time is up
app-login-expired-text = Nobody scanned the code within ten minutes. The invite is not used up.
app-login-failed = The account was not connected
app-login-failed-text = The session is wiped and the invite is not used up. Try again.
app-login-other = Another account scanned the code
app-login-other-text = We logged it out at once and kept nothing. Scan the code with the account you came in with.
app-login-tries = The password was wrong five times
app-login-tries-text = Start again. The password can be reset in Telegram: Settings → Privacy → Two-Step Verification.
app-login-refused = Telegram refused
app-login-refused-text = Telegram did not accept the login. Wait a few minutes and try again.
app-login-not-stored = The session could not be stored
app-login-not-stored-text = The account is logged out again. The server's disk may be full; tell the administrator.
app-login-restarted = The server was restarted
app-login-restarted-text = The login was interrupted and the invite is not used up. Start again.
app-login-invite = The invite was not accepted
app-password-title = Two-step verification
app-password-why = The account has a password. It goes to Telegram as a proof and is kept nowhere.
app-password-label = Password
app-password-hint = Hint: { $hint }
app-password-text = The one you chose in Telegram
app-password-go = Sign in
app-password-empty = Enter the password.
app-password-checking = Checking…
app-password-wrong = { $n ->
    [one] Wrong password. { $n } try left.
   *[other] Wrong password. { $n } tries left.
}
app-password-unchecked = Telegram could not check the password. Try again.

## Me
app-me-title = Me
app-me-settings = Settings
app-account-title = Telegram account
app-account-none = No account is connected
app-account-connected = Connected
app-account-connecting = Connecting…
app-account-paused = Paused by the administrator
app-account-ended = Telegram ended the session
app-account-ok = reading
app-account-since = since { $day }
app-account-why = The assistant reads your channels through it
app-account-connect = Connect by QR code
app-account-disconnect = Disconnect the account
app-account-disconnect-text = Its session at Telegram ends. Channels and posts stay; new ones are not read.
app-account-disconnected = The account is disconnected
app-tier = Tier { $tier }
app-tier-channels = Channels
app-tier-questions = Questions today
app-admin-title = Administration
admin-today-title = Today
admin-people-title = People
admin-invites-title = Invites
admin-jobs-title = Jobs
admin-links-title = Linked pages
admin-flags-title = Flags and experiments
admin-events-title = Records
admin-backups-title = Backups
admin-retention-title = Retention
admin-models-title = Language models
admin-installation-title = Installation
app-sessions-title = Sessions
app-tags-title = Tags
app-data-title = My data and consents
app-privacy-title = Privacy
app-sign-out = Sign out
app-sign-out-text = What is kept on this device for reading offline is removed.
app-sign-out-offline = The server cannot be reached: you are signed out here only
app-unlock-title = Quick unlock
app-lock = Lock the app
app-lock-text = Open by fingerprint or face
app-lock-reason = To open your channels
app-locked = The app is locked
app-unlock = Unlock
app-passkey-add = Add a passkey
app-passkey-add-text = Sign in without code or bot, by fingerprint or face
app-passkey-added = The passkey was added
app-passkey-name = This device
app-passkey-used = used
app-passkey-unused = not used yet
app-passkey-remove = Remove
app-passkey-remove-text = It will sign nobody in any more. Sessions it opened go on.

## Privacy
app-privacy-where-title = Where it lies
app-privacy-where = Everything lies on the server of whoever installed this assistant. An external language model, where the administrator has switched one on, is only sent questions and voice messages of those who agreed, with the posts found, and posts of channels whose readers all agreed.
app-privacy-what-title = What is kept
app-privacy-what = Your name and number in Telegram, your channels and their posts, your questions with the answers, what you saved, sign-ins with address and browser.
app-privacy-session = The connected account's session is encrypted with a key kept apart from the data. Password and codes are never kept.
app-privacy-long-title = How long
app-privacy-long = Questions and posts are kept as long as the administrator has set. Traces of sign-ins lose what identifies you after 30 days and are deleted after 90.
app-privacy-device = This device keeps the last answers and saved posts for reading offline. Signing out removes them.
app-privacy-you-title = What you can do
app-privacy-you = Download everything about you as one file, take consents back, end any session, disconnect the account.
app-privacy-leave = Erase yourself whole, with the channels only you read, and a signed receipt of it.

## Sessions
app-session-this = This device
app-session-others = Other devices
app-session-now = now
app-session-webapp = through Telegram
app-session-qr = by QR code
app-session-passkey = by passkey
app-session-link = by a link from the bot
app-session-unknown = Unknown device
app-session-end = End the session
app-session-end-text = That device has to sign in again.
app-session-end-all = End all others
app-session-end-all-text = All devices but this one have to sign in again.
app-session-ended = The session is ended

## Data and consents
app-consents-title = Consents
app-consents-text = You can take a consent back any time; it ends at that moment.
app-consent-models = External language models
app-consent-models-text = Questions with the posts found, posts of your channels and voice messages may go to a model's provider, where the administrator has connected one
app-models-off = Nothing is sent now: the administrator has not switched on external models. Your consent counts once they do.
app-models-now = Now this is sent, of those who agreed:
app-models-sent-answers = questions with the posts found, to have the answer written: { $to }
app-models-sent-tags = posts of channels whose readers all agreed, to have tags chosen: { $to }
app-models-sent-voice = voice messages, to have them written down: { $to }
app-models-sent-embedding = your searches, and all posts once the readers of every channel agreed, to compare meanings: { $to }
app-export-title = A copy
app-export = Download my data
app-export-text = One JSON file
app-export-done = The file is saved
app-export-telegram = A file cannot be saved inside Telegram. Send the bot the command /export, and it sends the file to the chat.
app-leave-title = Leave
app-leave = Erase me
app-leave-text = Everything goes: profile, questions, Telegram session, channels only you read. There is no way back.
app-leave-sure = This cannot be undone. You get a signed receipt of it.
app-leave-confirm = Enter your Telegram number: { $id }
app-leave-other = That is not your number.
app-leave-go = Erase for ever
app-leave-done = Everything is erased
app-leave-receipt = The signed receipt of the erasure. Copy it: there is no other.

## Asking
app-bar-ask = Ask
app-bar-channels = Channels
app-bar-saved = Saved
app-all = All
app-copy = Copy
app-share = Share
app-ask-title = Ask
app-ask-placeholder = What do you want to know?
app-ask-send = Ask
app-ask-stop = Stop
app-ask-thinking = Looking through your channels…
app-ask-stopped = The answer was stopped.
app-ask-kept = No connection. This is the last answer to the same question.
app-ask-limit = Today's questions are used up
app-ask-limit-text = Your tier gives { $max } a day. There are new ones tomorrow; search has no limit.
app-ask-nothing = Your channels do not say
app-ask-nothing-text = There was no answer to be sure of. Ask in other words, or widen the period.
app-ask-nearest = The nearest there is
app-ask-unsure = The sources are weak: check the posts.
app-ask-degraded = This answer is incomplete or made of quotations: the language model or search by meaning is not available now, or the budget is used up.
app-ask-sources = Sources
app-ask-source = Source { $n }: { $title }
app-ask-good = Good answer
app-ask-bad = Bad answer
app-ask-try = Try asking
app-ask-try-tag = What is said about “{ $tag }”?
app-ask-try-channel = What is new in “{ $title }” this week?
app-ask-recent = Recent questions
app-ask-fresh = New in your channels
app-ask-fresh-n = +{ $n } since last time
app-ask-then = Asked
app-ask-anew = ask again
app-first-title = Add your first channel
app-first-text = The assistant reads its posts, and you can ask about them. A name or a link is enough.

## Searching
app-search-title = Search
app-search-placeholder = Words or meaning
app-search-mode = How to search
app-search-hybrid = Both
app-search-words = By words
app-search-meaning = By meaning
app-search-empty = Find a post
app-search-hint = An “exact phrase” in quotes, an -unwanted word after a minus.
app-search-none = Nothing was found
app-search-none-scope = Take some filters off, or widen the period.
app-search-found = { $n ->
    [one] { $n } post found
   *[other] { $n } posts found
}
app-search-degraded = Search by meaning is not available now; found by words.
app-scope-title = Where to look
app-scope-on = Filters: { $n }
app-scope-period = When
app-scope-channels = Channels
app-scope-tags = Tags
app-scope-since = From
app-scope-until = To
app-scope-apply = Done
app-scope-clear = Clear
app-period-day = Day
app-period-week = Week
app-period-month = Month
app-period-all = All
app-period-own = Dates

## Posts
app-post-title = Post
app-post-whole = whole
app-post-edited = edited
app-post-views = views: { $n }
app-post-from = Forwarded from “{ $title }”
app-post-pages = Behind the links
app-post-channel = About the channel
app-related = Related posts
app-related-forward = forward
app-related-link = same link
app-related-tags = shared tags
app-open-telegram = Open in Telegram
app-open-post = Whole post
app-save = Save the post
app-saved-done = Saved, readable offline
app-saved-gone = No longer saved
app-media-photo = Photo
app-media-video = Video
app-media-document = File
app-media-audio = Audio
app-media-voice = Voice message
app-media-poll = Poll
app-media-animation = Animation
app-media-sticker = Sticker

## Channels
app-channels-title = Channels
app-channels-n = You read { count-channels }
app-channels-none = No channels yet
app-channels-none-text = Add one by name or link; a private one if you are in it.
app-channel-title = Channel
app-channel-add = Add a channel
app-channel-add-go = Add
app-channel-label = Name or link
app-channel-hint = @name, t.me/name, a link to a post, or t.me/+invite
app-channel-empty = Enter a name or a link.
app-channel-unknown = No such channel can be seen. Check the name; join a private one yourself first.
app-channel-limit = Your tier holds { $max }, and all places are taken.
app-channel-wait = Telegram asks your account to wait. Try again in { $n } min.
app-channel-account = Your Telegram is needed
app-channel-account-text = Channels are read through your account. Connect it; it takes a minute.
app-channel-added = “{ $title }” is added
app-channel-private = private channel
app-channel-depth = How deep to read
app-channel-depth-text = New posts always come; the depth is about the past.
app-channel-depth-done = The depth is changed
app-channel-search = Search in it
app-channel-again = Check everything again
app-channel-again-text = Finds gaps, edits and deletions
app-channel-again-done = Checking; it goes on by itself
app-channel-remove = Stop reading
app-channel-remove-text = Posts of “{ $title }” leave your answers and searches.
app-channel-removed = The channel is removed
app-channel-posts = Last posts
app-depth-week = Week
app-depth-month = Month
app-depth-quarter = 3 months
app-depth-all = All
app-reading-imported = loaded from a file
app-reading-no-account = not read: no account
app-reading-starting = the first posts are on their way
app-reading-history = reading its history
app-reading-live = everything new is here
app-reading-paused = paused, we will try again
app-ledger = Read
app-ledger-complete = Everything is read
app-ledger-reading = Reading; you may close the app
app-ledger-rate = { $left } left, about { $time }
app-ledger-checked = checked
app-ledger-deleted = { $n ->
    [one] { $n } deleted
   *[other] { $n } deleted
}
app-ledger-service = { $n ->
    [one] { $n } service
   *[other] { $n } service
}
app-ledger-restricted = { $n ->
    [one] { $n } restricted
   *[other] { $n } restricted
}
app-ledger-left = { $n ->
    [one] { $n } not read
   *[other] { $n } not read
}

## Tags
app-tags-lead = What your channels write about
app-tags-cloud = Most used
app-tags-none = No tags yet
app-tags-none-text = They come with the posts.
app-tags-alike = These look alike
app-tags-alike-text = A merge counts for the whole vocabulary and can be undone.
app-tags-merge = Merge
app-tags-merge-text = { $n ->
    [one] { $n } post changes. It can be undone.
   *[other] { $n } posts change. It can be undone.
}
app-tags-merged = The tags are merged
app-tags-unmerged = The merge is undone
app-tags-merges = Merged tags
app-tag-count = { $n ->
    [one] { $tag }: { $n } post
   *[other] { $tag }: { $n } posts
}
app-tag-ask = Ask about it
app-tag-none = No posts with this tag
app-tag-none-text = They may be deleted, or in channels you no longer read.

## Saved
app-saved-title = Saved
app-saved-posts = Posts
app-saved-history = History
app-saved-none = Nothing saved yet
app-saved-none-text = Press the bookmark of any post and it is here, also offline.
app-history-none = You have asked nothing yet
app-history-none-text = Your questions and their answers will be here.

## Alerts
app-saved-alerts = Alerts
app-alert = Alert
app-alert-new = New alert
app-alert-words = What to watch for
app-alert-words-hint = All words have to be in the post; a “phrase” in quotes, -without, #tag.
app-alert-empty = Name at least one word or tag.
app-alert-meaning = By meaning too
app-alert-meaning-text = Posts that say the same in other words
app-alert-quiet = Quiet at night
app-alert-quiet-text = The bot is silent in these hours
app-alert-quiet-from = From
app-alert-quiet-until = Until
app-alert-quiet-same = It begins and ends at the same time
app-alert-muted = Muted
app-alert-muted-text = It goes on finding; the bot is silent for a month
app-alert-muted-badge = muted
app-alert-day = Messages a day at most
app-alert-channels = Channels: { $n }
app-alert-preview = { $n ->
    [one] It would have found { $n } post this week
   *[other] It would have found { $n } posts this week
}
app-alert-add = Create the alert
app-alert-save = Save
app-alert-saved = The alert is saved; the bot tells you of new posts
app-alert-many = You have as many alerts as you may. Remove one.
app-alert-remove = Remove the alert
app-alert-remove-text = What it found is forgotten too; the posts stay.
app-alert-removed = The alert is removed
app-alert-found = What it found
app-alert-none = Nothing yet
app-alert-none-text = As soon as a post fits, the bot writes to you.
app-alerts-none = No alerts
app-alerts-none-text = Save a search, and the bot tells you when a new post fits it.
app-alert-n = { $n ->
    [one] { $n } post found
   *[other] { $n } posts found
}
app-alert-this = Tell me of new ones
