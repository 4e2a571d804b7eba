//! Why each check matters, in one sentence: what people lose while it is not well.

/// The sentence of a check, by the name its findings have; checks of one tenant begin with `tenant `.
pub(super) fn why(check: &str) -> Option<&'static str> {
    Some(match check {
        "pipeline" => "while it is halted new posts are stored, and neither tagged nor found",
        "queue" => "posts that wait long are not found yet, and alerts about them come late",
        "dead letters" => "each is a post that was given up: it lacks tags or is not found",
        "embedding model" => "without one search finds the words that were typed, not what is meant",
        "data directory" => "what cannot be written is refused: new posts, logins, answers' history",
        "disk" => "a full disk refuses every write, and databases stop where they are",
        "telegram" => "only connected accounts bring new posts of their channels",
        "bot" => "people who write to it get no answer while it is not well",
        "sign-in" => "without it people cannot come in, only API tokens",
        "certificate" => "without a valid one browsers, Telegram's webhooks and Mini Apps refuse to connect",
        "name" => "people and the certificate authority find this machine by its name",
        "port" => "the certificate authority, browsers and Telegram come to this port",
        "authority" => "without it no certificate is made or renewed",
        "open files" => "each connection, index and database takes some; beyond the limit they are refused",
        "clock" => "sign-ins and certificates are good for a time; a wrong clock refuses them",
        "keys" => "whoever can read them can open sealed Telegram sessions and backups",
        "schema" => "a database of another version is opened by the matching program only",
        "backup" | "backups" => "without a fresh one a lost disk is a lost archive",
        provider if provider.starts_with("model provider ") => {
            "it writes answers and better tags or makes vectors; without it posts are quoted, tagged and found by their own words"
        }
        tenant if tenant.starts_with("tenant ") => {
            "what it lacks cannot be found by its people; the other tenants are not touched"
        }
        _ => return None,
    })
}
