//! What a credential opens: the only way from a token to a tenant.
//!
//! An access token belongs to a member and shows the channels they follow; an API token belongs to a tenant and shows all of its
//! channels, or those it is narrowed to. Whatever is wrong with a credential, its bearer reads the same words.

use std::sync::Arc;

use uuid::Uuid;

use super::{App, Error, Tenant, jwt::Audience, tokens::TOKEN_PREFIX};
use crate::{
    model::{Actor, ChannelSet, Role},
    store::{Member, Scope},
};

const REFUSED: Error = Error::Unauthorized("the token is unknown, expired or revoked");

/// Whoever a credential belongs to, and what they may.
#[derive(Debug, Clone)]
pub struct Access {
    pub tenant: Arc<Tenant>,
    pub actor: Actor,
    pub scope: Scope,
    pub channels: ChannelSet,
    /// The person, where it is one and not a token.
    pub member: Option<Member>,
    /// The session of that person.
    pub session: Option<Uuid>,
}

impl App {
    /// What a bearer token opens.
    pub fn access(&self, bearer: &str) -> Result<Access, Error> {
        if bearer.starts_with(TOKEN_PREFIX) {
            let token = self.token_authenticate(bearer)?;
            let tenant = self.tenant_by_id(token.tenant_id)?.ok_or(REFUSED)?;
            let channels = token.channels.map_or(ChannelSet::All, ChannelSet::Only);
            return Ok(Access {
                tenant,
                actor: Actor::Token(token.id),
                scope: token.scope,
                channels,
                member: None,
                session: None,
            });
        }
        let claims = self.jwt_verify(Audience::Api, bearer)?;
        let session = claims.sid.ok_or(REFUSED)?;
        let (session, member) = self.control.session_find(session, self.now())?.ok_or(REFUSED)?;
        if claims.sub.parse() != Ok(member.id.0) || claims.tid != Some(member.tenant_id) {
            return Err(REFUSED);
        }
        self.access_of(member, Some(session.id))
    }

    /// What a member may, however they proved who they are.
    pub fn access_of(&self, member: Member, session: Option<Uuid>) -> Result<Access, Error> {
        let tenant = self.tenant_by_id(member.tenant_id)?.ok_or(REFUSED)?;
        let channels = ChannelSet::Only(tenant.store().subscription_channels(member.id)?);
        self.member_touch(&member)?;
        let scope = match member.role {
            Role::User => Scope::Write,
            Role::Admin => Scope::Admin,
        };
        let actor = Actor::Member(member.id);
        Ok(Access { tenant, actor, scope, channels, member: Some(member), session })
    }

    /// Whether this person runs the installation.
    pub fn is_operator(&self, member: &Member) -> bool {
        self.config().operators.contains(&member.profile.telegram_id)
    }
}
