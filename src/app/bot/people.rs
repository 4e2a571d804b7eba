//! Who writes to the bot: Telegram vouches for them, so their id leads to their memberships.

use super::super::{App, Error, access::Access, admissions::Admittance};
use crate::{
    config::Registration,
    model::{MembershipId, Refusal, TenantId},
    store::{BotChat, BotChatChange, Profile},
};

/// The setting that holds the bot's name.
const USERNAME: &str = "bot.username";

impl App {
    /// What a person chose, and what the bot waits for.
    pub fn bot_chat(&self, telegram_id: i64) -> Result<BotChat, Error> {
        Ok(self.control.bot_chat_get(telegram_id)?)
    }

    pub fn bot_chat_change(&self, change: BotChatChange) -> Result<(), Error> {
        Ok(self.control.bot_chat_change(change, self.now())?)
    }

    /// The person blocked the bot: nothing more is sent to them.
    pub fn bot_chat_stop(&self, telegram_id: i64) -> Result<(), Error> {
        Ok(self.control.bot_chat_stop(telegram_id, self.now())?)
    }

    /// The person writes again.
    pub fn bot_chat_resume(&self, telegram_id: i64) -> Result<(), Error> {
        Ok(self.control.bot_chat_resume(telegram_id, self.now())?)
    }

    /// What a person may whom Telegram named: in the tenant they chose, else in the one they have been in longest. `None` is
    /// somebody who belongs nowhere.
    pub fn bot_access(&self, telegram_id: i64, chosen: Option<TenantId>) -> Result<Option<Access>, Error> {
        let members = self.memberships_of(telegram_id)?;
        let chosen = members.iter().find(|member| Some(member.tenant_id) == chosen).cloned();
        let Some(member) = chosen.or_else(|| members.into_iter().next()) else { return Ok(None) };
        self.access_of(member, None).map(Some)
    }

    /// What a person may as one of their memberships; `None`: it is not theirs (any more).
    pub fn bot_access_as(&self, telegram_id: i64, member: MembershipId) -> Result<Option<Access>, Error> {
        let members = self.memberships_of(telegram_id)?;
        let member = members.into_iter().find(|theirs| theirs.id == member);
        member.map(|member| self.access_of(member, None)).transpose()
    }

    /// Everything that is kept of a person in a tenant, as a file; `None`: they are not in it any more. Refused where it would have
    /// more than `bytes_max`.
    pub fn bot_export(
        &self,
        telegram_id: i64,
        tenant: TenantId,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(member) = self.control.member_of(tenant, telegram_id)? else { return Ok(None) };
        let Some(tenant) = self.tenant_by_id(tenant)? else { return Ok(None) };
        let mut file = Vec::new();
        self.user_export(&tenant, &member, &mut |piece| {
            if file.len() + piece.len() > bytes_max {
                return Err(Error::Invalid(format!(
                    "the export has more than {bytes_max} bytes; the Mini App gives it whole"
                )));
            }
            file.extend_from_slice(piece.as_bytes());
            Ok(())
        })?;
        Ok(Some(file))
    }

    /// The bot's own name in Telegram, once Telegram has said it.
    pub fn bot_username(&self) -> Result<Option<String>, Error> {
        Ok(self.control.setting_find(USERNAME)?.filter(|name| !name.is_empty()))
    }

    pub fn bot_username_put(&self, name: &str) -> Result<(), Error> {
        Ok(self.control.setting_put(USERNAME, name, self.now())?)
    }

    /// What the bot remembers of what it told Telegram.
    pub fn bot_setting(&self, key: &str) -> Result<Option<String>, Error> {
        Ok(self.control.setting_find(key)?)
    }

    pub fn bot_setting_put(&self, key: &str, value: &str) -> Result<(), Error> {
        Ok(self.control.setting_put(key, value, self.now())?)
    }

    /// Whether somebody without an invite can come in.
    pub fn bot_registration_open(&self) -> bool {
        self.config.registration == Registration::Open
    }

    /// Lets a person in whom Telegram named, by an invite or, where registration is open, without one. `login_id` makes it happen
    /// once. Where they are in already, no use of the invite is spent.
    pub fn bot_admit(
        &self,
        login_id: &str,
        profile: Profile,
        invite_code: Option<&str>,
    ) -> Result<Access, Error> {
        let telegram_id = profile.telegram_id;
        if invite_code.is_none() && !self.bot_registration_open() {
            return Err(Refusal::InviteRequired.into());
        }
        let asked = Admittance {
            telegram_id: Some(telegram_id),
            tenant: None,
            invite_code: invite_code.map(str::to_owned),
        };
        // Who is in already reads so, even where the invite is used up by now.
        if let Some(invite) = invite_code.and_then(|code| self.invite_get(code, None).ok())
            && let Some(member) = self.control.member_of(invite.tenant_id, telegram_id)?
        {
            return self.access_of(member, None);
        }
        let member = self.admit(login_id, profile, &asked)?.member;
        self.admission_confirm(login_id)?;
        self.access_of(member, None)
    }
}
