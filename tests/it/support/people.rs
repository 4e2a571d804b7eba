//! People in a test: members with a session, and a bot whose `initData` the tests can make.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tga::{
    app::{admissions::Admittance, audit::Origin, invites::NewInvite, sessions::Device},
    model::{MembershipId, Role},
    store::{Member, Profile, SignInMethod},
};

use super::TestApp;

/// A bot of nobody; only tests know it.
pub(crate) const BOT_TOKEN: &str = "424242:AAtestsAAtestsAAtestsAAtestsAAtests";

/// A member who has signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) user_id: MembershipId,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) session_id: String,
}

impl TestApp {
    /// Lets somebody into a tenant.
    pub(crate) fn member(&self, tenant: &str, telegram_id: i64, role: Role) -> Member {
        let tenant = self.tenant_named(tenant);
        let new = NewInvite { role, uses_limit: 1, expires_at: None, notes: None };
        let code = self.app().invite_create(tenant.id(), &new, &Origin::operator()).unwrap().code;
        let profile = Profile {
            telegram_id,
            username: Some(format!("reader{telegram_id}")),
            first_name: Some("Анна".to_owned()),
            last_name: None,
            language: Some("ru".to_owned()),
        };
        let login = format!("test-{}-{telegram_id}", tenant.id());
        let asked = Admittance { invite_code: Some(code), ..Admittance::default() };
        let admission = self.app().admit(&login, profile, &asked).unwrap();
        self.app().admission_confirm(&login).unwrap();
        admission.member
    }

    /// Lets somebody in and signs them in.
    pub(crate) fn person(&self, tenant: &str, telegram_id: i64, role: Role) -> Person {
        let member = self.member(tenant, telegram_id, role);
        self.sign_in(&member)
    }

    /// Signs a member in once more.
    pub(crate) fn sign_in(&self, member: &Member) -> Person {
        let signed = self.app().session_open(member, SignInMethod::Webapp, Device::default(), None).unwrap();
        Person {
            user_id: member.id,
            access: signed.access_token,
            refresh: signed.refresh_token,
            session_id: signed.session_id.to_string(),
        }
    }

    /// `initData` as Telegram makes it for [`BOT_TOKEN`] at the test's time, `ago` seconds before.
    pub(crate) fn init_data(&self, telegram_id: i64, ago: i64, more: &[(&str, &str)]) -> String {
        let user = format!(r#"{{"id":{telegram_id},"first_name":"Анна","language_code":"ru"}}"#);
        let auth_date = (self.app().now().as_second() - ago).to_string();
        let mut fields = vec![("auth_date", auth_date.as_str()), ("query_id", "AAH1"), ("user", &user)];
        fields.extend(more);
        fields.sort_unstable();
        let text: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mac = |key: &[u8], message: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(message);
            mac.finalize().into_bytes()
        };
        let hash = mac(&mac(b"WebAppData", BOT_TOKEN.as_bytes()), text.join("\n").as_bytes());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        out.extend_pairs(fields).append_pair("hash", &hash).finish()
    }
}
