//! Links that sign a member in once: how the bot lets somebody into the Mini App outside Telegram.
//!
//! The token is a JWT of its own audience that lives for minutes. It stands behind the `#` of the address, so no server on the
//! way and no preview of the link reads it; the app hands it in by POST. That it is good once is kept with the session it opens
//! (`proofs_used`), in the same transaction: a crash leaves a link that still works, or a session.

use std::time::Duration;

use super::{
    App, Error, ErrorCode,
    jwt::Audience,
    sessions::{Device, SignedIn},
    tokens::sha256,
};
use crate::{
    model::MembershipId,
    store::{Member, SignInMethod},
};

/// How long a link is good.
pub const LINK_TTL: Duration = Duration::from_mins(10);

impl App {
    /// The address that signs this member in once, within [`LINK_TTL`]; `None` where the Mini App has no address.
    pub fn sign_in_link(&self, member: &Member) -> Result<Option<String>, Error> {
        let Some(app) = self.app_address() else { return Ok(None) };
        let token = self.sign_in_link_mint(member.id)?;
        Ok(Some(format!("{app}/enter#{token}")))
    }

    /// Where browsers find the Mini App, without a slash at its end.
    pub(super) fn app_address(&self) -> Option<String> {
        let config = self.config();
        // Telegram opens apps over https only; a browser on this machine also opens http://localhost.
        let local = || config.public_url.as_ref().map(|url| format!("{}app", url.as_str()));
        let app = config.bot.app_url.as_ref().map(ToString::to_string).or_else(local)?;
        Some(app.trim_end_matches('/').to_owned())
    }

    /// The token of such an address.
    pub fn sign_in_link_mint(&self, member: MembershipId) -> Result<String, Error> {
        self.ticket_mint(Audience::SignInLink, &member.to_string(), LINK_TTL)
    }

    /// Signs in whoever brings the token of a link, good once.
    pub fn sign_in_link_use(&self, token: &str, device: Device) -> Result<SignedIn, Error> {
        let claims = self.jwt_verify(Audience::SignInLink, token).map_err(|_| link_invalid())?;
        let id = claims.sub.parse().map(MembershipId).map_err(|_| link_invalid())?;
        let member = self.member_find(id)?.ok_or_else(link_invalid)?;
        // The id within the token, not its bytes: another way of writing the same token is the same link.
        let proof = sha256(&format!("sign-in-link:{}", claims.jti));
        self.session_open(&member, SignInMethod::Link, device, Some(proof))
    }
}

/// What a link reads that opens nothing, whatever the reason.
pub(super) fn link_invalid() -> Error {
    let message = "token: the link is unknown, expired, or was used already; ask the bot for a new one";
    Error::refused(ErrorCode::LinkInvalid, message)
}
