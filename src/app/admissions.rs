//! Who may come in, and as what: memberships made at login.
//!
//! A login asks [`App::admission_check`] before it shows a code, [`App::admit`] once Telegram has said who scanned it,
//! [`App::admission_confirm`] when the Telegram session is stored, and [`App::admission_take_back`] when anything failed in
//! between. Admitting is one transaction; asked twice for one login it admits once. A crash between the two calls leaves an open
//! admission, which whoever starts logins settles at start ([`App::admission_open_list`]).

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{App, Error, audit::Origin, invites::NewInvite, tokens::random_hex};
use crate::{
    config::Registration,
    model::{Flag, Refusal, Role, TenantId, Tier},
    store::{self, Admission, Member, OpenAdmission, Profile, Ticket},
};

/// The tier somebody begins with.
const TIER_AT_FIRST: Tier = Tier::Free;
/// Random hex digits in the name of a tenant that open registration makes.
const TENANT_NAME_DIGITS: usize = 8;

/// What somebody brings to a login.
#[derive(Debug, Clone, Default)]
pub struct Admittance {
    /// Telegram's id, where it is known already.
    pub telegram_id: Option<i64>,
    /// The tenant they chose, where they belong to several.
    pub tenant: Option<TenantId>,
    pub invite_code: Option<String>,
}

impl App {
    /// Whether this login can come to anything: says so before a code is shown. `Some` is the membership it will be for, `None`
    /// one that is still to be made.
    pub fn admission_check(&self, asked: &Admittance) -> Result<Option<Member>, Error> {
        match self.ticket(asked)? {
            (_, Some(member)) => Ok(Some(member)),
            (Ticket::Invite(code), None) => {
                self.invite_check(&code)?;
                Ok(None)
            }
            (Ticket::Member(_) | Ticket::NewTenant(_), None) => Ok(None),
        }
    }

    /// Lets somebody in whom Telegram has named, for one login. `asked.telegram_id` is not read: the profile says who it is.
    pub fn admit(&self, login_id: &str, profile: Profile, asked: &Admittance) -> Result<Admission, Error> {
        let asked = Admittance { telegram_id: Some(profile.telegram_id), ..asked.clone() };
        let (ticket, _) = self.ticket(&asked)?;
        let admission = self.control.admit(login_id, profile, ticket, TIER_AT_FIRST, self.now())?;
        Ok(admission?)
    }

    /// Lets somebody in by an invite outside a login. They are not signed in by it.
    pub fn register(&self, profile: Profile, asked: &Admittance, login_id: &str) -> Result<Member, Error> {
        if asked.invite_code.as_deref().is_none_or(|code| code.trim().is_empty()) {
            return Err(Refusal::InviteRequired.into());
        }
        // Whoever sends this has not proved to be anybody: a valid invite is needed even for somebody who is in.
        self.invite_check(asked.invite_code.as_deref().unwrap_or_default())?;
        let member = self.admit(login_id, profile, asked)?.member;
        self.admission_confirm(login_id)?;
        Ok(member)
    }

    /// Lets somebody into a tenant on an operator's word. Whoever is in stays as they are; for somebody new an invite of one use is
    /// made and used up, so that both logs tell how they came.
    pub fn register_by_operator(
        &self,
        profile: Profile,
        tenant: TenantId,
        origin: &Origin,
        login_id: &str,
    ) -> Result<Member, Error> {
        let memberships = self.control.memberships_of(profile.telegram_id)?;
        if let Some(member) = memberships.into_iter().find(|member| member.tenant_id == tenant) {
            return Ok(member);
        }
        let notes = Some("for one user, by an operator".to_owned());
        let new = NewInvite { role: Role::User, uses_limit: 1, expires_at: None, notes };
        let code = self.invite_create(tenant, &new, origin)?.code;
        let asked = Admittance {
            telegram_id: Some(profile.telegram_id),
            tenant: Some(tenant),
            invite_code: Some(code.clone()),
        };
        let registered = self.register(profile, &asked, login_id);
        if registered.is_err() {
            self.invite_revoke(&code, Some(tenant), origin)?;
        }
        registered
    }

    /// The login's session is stored: the admission stays. Does nothing for a member who was there before.
    pub fn admission_confirm(&self, login_id: &str) -> Result<(), Error> {
        self.control.admission_confirm(login_id, self.now())?;
        Ok(())
    }

    /// The login failed: what it made goes again and the invite has its use back. `false` if there was nothing to take back.
    pub fn admission_take_back(&self, login_id: &str) -> Result<bool, Error> {
        let (taken, tenant) = self.control.admission_take_back(login_id)?;
        if let Some(tenant) = tenant {
            self.tenant_forget(tenant)?;
        }
        Ok(taken)
    }

    /// Admissions older than `age` whose logins never said how they ended.
    pub fn admission_open_list(&self, age: SignedDuration) -> Result<Vec<OpenAdmission>, Error> {
        let before = self.now().checked_sub(age).unwrap_or(Timestamp::MIN);
        Ok(self.control.admission_open_list(before)?)
    }

    /// The right somebody comes in by, and the membership they have already.
    fn ticket(&self, asked: &Admittance) -> Result<(Ticket, Option<Member>), Error> {
        let memberships = match asked.telegram_id {
            Some(id) => self.control.memberships_of(id)?,
            None => Vec::new(),
        };
        let mut mine = memberships.into_iter().filter(|m| asked.tenant.is_none_or(|id| id == m.tenant_id));
        let mine = mine.next();
        if let Some(code) = asked.invite_code.as_deref().filter(|code| !code.trim().is_empty()) {
            match self.invite_check(code) {
                Ok(invite) => {
                    let member = mine.filter(|member| member.tenant_id == invite.tenant_id);
                    return Ok((Ticket::Invite(invite.code), member));
                }
                // Who is in already needs no invite, so a stale one in their link is no matter.
                Err(Error::Admission(_)) if mine.is_some() => {}
                Err(error) => return Err(error),
            }
        }
        match (mine, self.config.registration) {
            (Some(member), _) => Ok((Ticket::Member(member.tenant_id), Some(member))),
            (None, Registration::Invite) => Err(Refusal::InviteRequired.into()),
            (None, Registration::Closed) => Err(Refusal::RegistrationClosed.into()),
            (None, Registration::Open) if !self.flag_on(Flag::OpenRegistration, None, None) => {
                Err(Refusal::RegistrationClosed.into())
            }
            (None, Registration::Open) => Ok((Ticket::NewTenant(self.tenant_nameless()?), None)),
        }
    }

    /// A tenant for a newcomer; its name says nothing of them.
    fn tenant_nameless(&self) -> Result<store::Tenant, Error> {
        let name = format!("home-{}", &random_hex()?[..TENANT_NAME_DIGITS]);
        Ok(store::Tenant { id: TenantId(Uuid::new_v4()), slug: name.clone(), name, created_at: self.now() })
    }
}
