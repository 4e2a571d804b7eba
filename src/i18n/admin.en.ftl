### Texts of the admin screens. The keys and variables are those of admin.ru.ftl.

## Today
admin-span = How many days
admin-ms = { $n } ms
admin-needed = Needs attention
admin-dead-n = { $n ->
    [one] { $n } job was given up
   *[other] { $n } jobs were given up
}
admin-dead-lead = See why, then try them again or throw them away
admin-failed-n = { $n ->
    [one] { $n } login failed within a day
   *[other] { $n } logins failed within a day
}
admin-failed-lead = See whose and why
admin-all-well = All is well
admin-all-well-text = No job was given up, no login failed within a day
admin-tile-people = { $n ->
    [one] person
   *[other] people
}
admin-tile-channels = { $n ->
    [one] channel
   *[other] channels
}
admin-tile-posts = { $n ->
    [one] post
   *[other] posts
}
admin-tile-questions = { $n ->
    [one] question
   *[other] questions
}
admin-tile-jobs = { $n ->
    [one] job waits
   *[other] jobs wait
}
admin-tile-invites = { $n ->
    [one] open invite
   *[other] open invites
}
admin-readiness = What can be found
admin-indexed = By words
admin-embedded = By meaning
admin-rebuilding = The index is being rebuilt; searches use the old one meanwhile.
admin-model = Model of meanings: { $model }
admin-model-none = No model of meanings is installed: only words are searched.
admin-logins-day = Logins within a day
admin-hours = { $n ->
    [one] The last hour
   *[other] The last { $n } hours
}
admin-chart-questions = Questions
admin-chart-abstained = Questions without an answer
admin-chart-posts = Posts
admin-chart-people = New people
admin-chart-channels = New channels
admin-chart-p50 = Answers: half are faster
admin-chart-p95 = Answers: 95 of 100 are faster
admin-chart-jobs = Jobs waiting
admin-chart-dead = Jobs given up

## Common
admin-any = All
admin-refresh = Refresh
admin-what = What
admin-value = Value
admin-count = How many
admin-filter = Show
admin-changed = Changed
admin-stale = Somebody changed it meanwhile. This is how it is now; repeat if it is still needed.
admin-actor-person = person { $id }
admin-actor-token = token { $id }
admin-actor-operator = operator
admin-actor-system = the system

## People
admin-person = Person
admin-people-search = Name or username
admin-people-none = Nobody was found
admin-people-none-text = Change the words or the filters.
admin-people-n = { $n ->
    [one] { $n } person
   *[other] { $n } people
}
admin-role = Role
admin-role-text = An administrator sees these screens and changes what is in them.
admin-role-own = Stop being an administrator?
admin-role-own-text = Only another administrator can give the role back.
admin-role-own-yes = Stop
admin-last-admin = This is the only administrator. Appoint another one first.
admin-tier = Tier
admin-used = Used
admin-seen = seen
admin-seen-never = has not been here yet
admin-seen-last = Last seen
admin-came = Came
admin-username = Username
admin-telegram-id = Telegram id
admin-person-number = Number of the person
admin-person-number-hint = Stands on the person's page.
admin-sessions-end = End all sessions
admin-sessions-end-text = All devices have to sign in anew. Role and data stay.
admin-sessions-ended = { $n ->
    [one] { $n } session ended
   *[other] { $n } sessions ended
}

## Invites
admin-invite = Invite
admin-invite-new = New invite
admin-invites-active = Active
admin-invites-all = All
admin-status = State
admin-invites-none = There are no invites
admin-invites-none-text = With an invite somebody comes in without an administrator.
admin-invite-active = active
admin-invite-exhausted = used up
admin-invite-expired = expired
admin-invite-revoked = revoked
admin-invite-uses = used { $now } of { $max }
admin-invite-uses-open = used { $now }, no limit
admin-invite-until = until { $day }
admin-invite-no-end = does not expire
admin-invite-limit = How many people it lets in
admin-invite-limit-hint = 0 means no limit.
admin-invite-limit-wrong = A whole number from 0 to { $max }.
admin-invite-expires = Is good for
admin-invite-never = ever
admin-invite-notes = Whom it is for
admin-invite-notes-hint = Only administrators see this.
admin-invite-make = Create
admin-invite-made = The invite is ready
admin-invite-qr = The invite's address to scan
admin-invite-scan = Point a phone's camera here to open the invite.
admin-invite-copy = Copy the link
admin-invite-copy-code = Copy the code
admin-invite-share = Share
admin-invite-words = An invite to the channel assistant: { $address } Code: { $code }
admin-invite-used-by = Who came in
admin-invite-person = Telegram { $id }
admin-invite-left = This person has left
admin-invite-under-way = the login is still under way
admin-invite-revoke = Revoke
admin-invite-revoke-text = Nobody comes in by this code any more. Those who did stay.
admin-invite-revoked-done = The invite is revoked

## Jobs
admin-dead-title = Given up
admin-dead-text = These jobs failed as often as they may.
admin-dead-none = No job was given up
admin-dead-none-text = A job that fails again and again comes here with its reason.
admin-dead-requeue = Try again
admin-dead-requeue-all = Try all again
admin-dead-requeued = { $n ->
    [one] { $n } job is queued again
   *[other] { $n } jobs are queued again
}
admin-dead-discard = Throw away
admin-dead-discard-all = Throw all away
admin-dead-discard-text = This work will not be done. It cannot be brought back.
admin-dead-discarded = { $n ->
    [one] { $n } job was thrown away
   *[other] { $n } jobs were thrown away
}
admin-jobs-waiting = Waiting and under way
admin-jobs-none = Nothing waits.
admin-job-ready = waits
admin-job-scheduled = later
admin-job-claimed = under way
admin-job-dead = given up
admin-job-attempt = attempt { $now } of { $max }
admin-job-no-reason = No reason was written down
admin-job-id = number { $id }

## Linked pages
admin-links-read = Read linked pages
admin-links-lead = The server opens the pages that posts link to
admin-links-text = What the pages say is searched and answered from. The sites see the server's address. Switching it on begins with the links of the last 30 days.
admin-links-on = Pages are read
admin-links-off = Pages are no longer read
admin-links-pages = Pages
admin-links-done = read
admin-links-due = waiting
admin-links-failed = did not open
admin-links-refused = closed to readers like us

## Flags and experiments
admin-flags-here = For all people here
admin-flags-installation = For the whole installation
admin-on = on
admin-off = off
admin-percent = for { $n } %
admin-default = default: { $state }
admin-share = For how many people of a hundred
admin-share-hint = Who is in the share stays in it.
admin-share-set = Set the share
admin-share-wrong = A whole number from 0 to 100.
admin-flag-for-person = For this person
admin-flag-person-set = Set for the person
admin-flag-elsewhere = This flag is not set here.
admin-rules = Other rules
admin-rule-remove = Remove
admin-scope-installation = whole installation
admin-scope-tenant = all people here
admin-scope-user = one person
admin-flag-streamed = Streamed answers
admin-flag-streamed-text = An answer appears while it is put together
admin-flag-vector = Search by meaning
admin-flag-vector-text = Searches and answers use meanings beside words
admin-flag-registration = Open registration
admin-flag-registration-text = Newcomers come in without an invite where the configuration allows it
admin-flag-weights = Experiment: answer weights
admin-flag-weights-text = Who takes part in the experiment with other weights
admin-experiment-text = Rates are of people; in brackets the bounds that hold the true value in 95 of 100 cases. There is a difference where the bounds do not hold zero.
admin-experiment-people = People
admin-experiment-answers = Answers
admin-interval = { $value } % ({ $low }…{ $high })
admin-variant = Variant
admin-variant-control = as before
admin-variant-treatment = new
admin-difference = difference
admin-outcome-up = liked
admin-outcome-down = disliked
admin-outcome-follow = ask again

## Records
admin-audit = Actions
admin-logins = Logins
admin-feedback = Feedback
admin-consents = Consents
admin-audit-none = Administrators have changed nothing yet
admin-logins-none = There were no such logins
admin-feedback-none = There is no feedback yet
admin-consents-none = There are no consents yet
admin-who = Who
admin-target = On what
admin-when = When
admin-details = Details
admin-ip = Address
admin-browser = Browser
admin-request = Request
admin-reason = Reason
admin-login-id = Login id
admin-login-failed = failed
admin-somebody = somebody unknown
admin-rating-up = good
admin-rating-down = bad
admin-feedback-no-words = Without words
admin-consent-given = given
admin-consent-revoked = taken back
admin-auth-started = Login begun
admin-auth-shown = Code shown
admin-auth-scanned = Code scanned
admin-auth-password = Password asked for
admin-auth-authorized = Logged in
admin-auth-failed = Failed
admin-auth-expired = Ran out of time
admin-auth-cancelled = Cancelled
admin-auth-revoked = Session ended
admin-act-tenant-created = Space created
admin-act-tenant-deleted = Space deleted
admin-act-invite-created = Invite created
admin-act-invite-revoked = Invite revoked
admin-act-role = Role changed
admin-act-tier = Tier changed
admin-act-user-deleted = Person deleted
admin-act-sessions = Sessions ended
admin-act-token-created = Token created
admin-act-token-revoked = Token revoked
admin-act-requeued = Jobs tried again
admin-act-discarded = Jobs thrown away
admin-act-flag = Flag changed
admin-act-merged = Tags merged
admin-act-unmerged = Tag merge undone
admin-act-protected = Tag protection changed
admin-act-retagged = Post tagged anew
admin-act-passkey-added = Passkey added
admin-act-passkey-removed = Passkey removed
admin-act-links = Reading of links switched
admin-act-exported = Space exported
admin-act-imported = Space imported
admin-act-models = Models switched
admin-act-model-key-set = Model key set
admin-act-model-key-removed = Model key forgotten
admin-act-restored = Space restored
admin-act-backup = Backup made
admin-act-retention = Retention changed

## Installation
admin-health = State
admin-health-ok = works
admin-health-reduced = reduced
admin-health-problem = problem
admin-runs = version { $version }, up { $time }
admin-backups = Backups
admin-backup-last = Last backup
admin-backup-none = There is no backup yet
admin-backup-none-text = Without one, losing the disk is losing everything.
admin-disk = Disk
admin-disk-free = Free
admin-gib = { $n } GiB
admin-queue = Queue
admin-queue-ready = ready
admin-queue-claimed = under way
admin-queue-scheduled = scheduled
admin-queue-dead = given up
admin-queue-oldest = the oldest waits
admin-accounts = Telegram accounts
admin-accounts-connected = connected
admin-accounts-paused = paused
admin-accounts-ended = ended
admin-channels-followed = channels followed
admin-channels-overdue = overdue
admin-channels-refused = cannot be read
admin-tenants-n = { $n ->
    [one] { $n } space
   *[other] { $n } spaces
}
admin-since = since { $day }

## Models
admin-models-enabled = Models outside
admin-models-enabled-text = Posts and questions may go to a provider
admin-models-answers-text = A model writes the answer, for those who agreed
admin-models-tags-text = Posts of channels whose readers all agreed
admin-models-voice-text = Voice messages of those who agreed
admin-models-embedding-text = All posts, the old ones too, once everybody who reads a channel agreed; the provider's model then searches by meaning
admin-models-order = Order: { $order }. Agreed: { $n }.
admin-models-none = The server's configuration names no provider: everything is made here.
admin-feature-answers = Answers
admin-feature-tags = Tags
admin-feature-voice = Voice
admin-feature-embedding = Search by meaning
admin-feature-test = Test
admin-caps = Limits of use
admin-caps-change = Change
admin-caps-text = 0 means no limit. Beyond it the server answers by itself, without a model.
admin-caps-wrong = A number of zero or more.
admin-cap-money-day = Money a day
admin-cap-money-month = Money a month
admin-cap-tokens-day = Tokens a day
admin-cap-tokens-month = Tokens a month
admin-save = Save
admin-tagged = Tagged by a model
admin-tagged-done = done
admin-tagged-due = waiting
admin-tagged-failed = failed
admin-vectors = Search by meaning
admin-vectors-done = posts have vectors
admin-vectors-waiting = posts wait
admin-vectors-no-consent = Not everybody who reads a channel agreed: the model of this server makes the vectors.
admin-vectors-no-key = The provider has no key: the model of this server makes the vectors.
admin-retag = Tag anew
admin-retag-go = Tag
admin-retag-none = There is nothing to tag
admin-retag-begun = Tagging has begun
admin-retag-text = { $n ->
    [one] { $n } post, about { $tokens } tokens, { $money }.
   *[other] { $n } posts, about { $tokens } tokens, { $money }.
}
admin-spend = { $n ->
    [one] Spent within { $n } day
   *[other] Spent within { $n } days
}
admin-day = Day
admin-feature = For
admin-model-name = Model
admin-calls = Calls
admin-tokens = Tokens
admin-keys-here = Keys of this space
admin-keys-installation = Keys of the installation
admin-keys-text = A key is kept sealed and never shown again.
admin-provider-gigachat = GigaChat
admin-provider-openai = OpenAI's protocol
admin-provider-speech = Speech
admin-provider-salutespeech = SaluteSpeech
admin-provider-unused = not used
admin-provider-paused = paused until { $when }
admin-key = Key
admin-key-hint = Copy it whole, as the provider gave it.
admin-key-empty = Paste a key.
admin-key-save = Keep the key
admin-key-saved = The key is kept
admin-key-test = Try it out
admin-key-remove = Forget the key
admin-key-remove-text = The installation's key takes its place, if there is one.
admin-key-removed = The key is forgotten
admin-key-tenant = own
admin-key-configuration = configured
admin-key-operator = installation's
admin-key-not-needed = not needed
admin-key-missing = no key
admin-test-good = works
admin-test-bad = does not work

## Retention
admin-keep-ever = for ever
admin-keep-posts = Keep posts
admin-keep-own = The installation's: { $days }
admin-keep-default = As the installation has it
admin-keep-due = The next run removes
admin-keep-next = It runs { $when }
admin-keep-asked = Only when the operator asks
admin-keep-text = Days count from the day of the post. What is pinned or saved stays.
admin-keep-channels = By channel
admin-keep-as-all = as all
admin-keep-days = Days
admin-keep-days-hint = 0 keeps for ever. Empty: as it is one level above.
admin-keep-days-wrong = A whole number from 0 to { $max }.

## Backups
admin-restorable = Can be restored as of
admin-restorable-none = Restoring was not tried yet
admin-restorable-text = A backup is checked by restoring it on trial
admin-backup-failed = The last try failed
admin-backup-next = The next backup
admin-backup-asked = only when asked
admin-backup-place = They lie in { $place }.
admin-backup-make = Make a backup now
admin-backup-running = A backup is being made…
admin-backup-begun = A backup is being made
admin-backup-bad = bad
admin-backup-verified = verified
admin-backup-unverified = not verified
admin-mib = { $n } MiB
