//! Logging an account in by a code that a phone scans, and the password of two-step verification.
//!
//! Each step is one question to Telegram; when to ask, and for how long, is the caller's. Follows the account to its own data
//! centre. The password is used once and not kept.

use std::sync::Arc;

use grammers_client::{SignInError, client::PasswordToken};
use grammers_session::{
    Session as _,
    types::{PeerAuth, PeerId, PeerInfo, UpdateState, UpdatesState},
};
use grammers_tl_types as tl;
use zeroize::Zeroizing;

use super::{ConnectSettings, Connection, Error, TelegramClient as _, UserProfile, connection::Inner, error};
use crate::{lifecycle::Tasks, telegram::session::AccountSession};

/// Where a login stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginStep {
    /// To be shown as a code; `expires_at_s` is Telegram's time, seconds since 1970.
    Show {
        token: Vec<u8>,
        expires_at_s: i64,
    },
    /// Scanned; the account wants its password.
    PasswordNeeded,
    Done(UserProfile),
}

/// A login under way.
#[derive(Debug, Clone)]
pub struct LoginClient {
    connection: Connection,
}

impl LoginClient {
    pub fn start(
        session: Arc<AccountSession>,
        settings: &Arc<ConnectSettings>,
        tasks: &Tasks,
    ) -> Result<Self, Error> {
        Connection::login(session, settings, tasks).map(|connection| Self { connection })
    }

    pub fn session(&self) -> &Arc<AccountSession> {
        self.connection.session()
    }

    /// Returns when the code was scanned, or may have been.
    pub async fn scanned(&self) {
        self.connection.inner().scanned.notified().await;
    }

    /// Asks where the login stands; gives a code to show if nobody scanned the last one.
    pub async fn step(&self) -> Result<LoginStep, Error> {
        let settings = &self.connection.inner().settings;
        let export = tl::functions::auth::ExportLoginToken {
            api_id: settings.api_id,
            api_hash: settings.api_hash.clone(),
            except_ids: Vec::new(),
        };
        let mut answer = self.connection.invoke(&export).await;
        // One move is all there is: an account lives in one place.
        for _ in 0..2 {
            match answer {
                Ok(tl::enums::auth::LoginToken::Token(token)) => {
                    return Ok(LoginStep::Show {
                        token: token.token,
                        expires_at_s: i64::from(token.expires),
                    });
                }
                Ok(tl::enums::auth::LoginToken::Success(success)) => {
                    return self.finish(success.authorization).await.map(LoginStep::Done);
                }
                Ok(tl::enums::auth::LoginToken::MigrateTo(to)) => {
                    let session = self.session();
                    let Ok(()) = session.set_home_dc_id(to.dc_id).await;
                    let import = tl::functions::auth::ImportLoginToken { token: to.token };
                    answer = self.connection.invoke(&import).await;
                }
                Err(Error::PasswordNeeded) => return Ok(LoginStep::PasswordNeeded),
                Err(error) => return Err(error),
            }
        }
        Err(Error::Unreadable { method: "auth.importLoginToken" })
    }

    /// The hint its owner left for the password.
    pub async fn password_hint(&self) -> Result<Option<String>, Error> {
        let password = self.password_question().await?;
        Ok(password.hint.filter(|hint| !hint.is_empty()))
    }

    /// Gives the password.
    pub async fn password(&self, password: Zeroizing<String>) -> Result<UserProfile, Error> {
        const METHOD: &str = "auth.checkPassword";
        let question = self.password_question().await?;
        let known = matches!(
            question.current_algo,
            Some(tl::enums::PasswordKdfAlgo::Sha256Sha256Pbkdf2Hmacsha512iter100000Sha256ModPow(_))
        );
        if !known || question.srp_b.is_none() || question.srp_id.is_none() {
            return Err(Error::Unreadable { method: "account.getPassword" });
        }
        let inner = self.connection.inner();
        let client = inner.client().await?;
        let (tasks, patience) = (inner.tasks.clone(), inner.settings.request_timeout);
        // The proof takes the processor for a good part of a second, and the library panics on odd parameters.
        let checked = inner.tasks.spawn_blocking(move || {
            let check = client.check_password(PasswordToken::new(question), password.as_bytes());
            tasks.block_on(async { tokio::time::timeout(patience * 2, check).await })
        });
        match checked.await {
            Ok(Ok(Ok(_))) => self.connection.me().await,
            Ok(Ok(Err(SignInError::InvalidPassword(_)))) => Err(Error::PasswordWrong),
            Ok(Ok(Err(SignInError::Other(error)))) => Err(error::read(error, METHOD)),
            Ok(Err(_)) => Err(Error::Timeout { method: METHOD, seconds: patience.as_secs() * 2 }),
            // The library panicked, or said something that does not belong to passwords.
            Err(_)
            | Ok(Ok(Err(
                SignInError::SignUpRequired | SignInError::PasswordRequired(_) | SignInError::InvalidCode,
            ))) => Err(Error::Unreadable { method: METHOD }),
        }
    }

    /// Ends what was begun: Telegram forgets the key.
    pub async fn log_out(&self) -> Result<(), Error> {
        self.connection.log_out().await
    }

    /// Closes the connection and waits until the session may be used by another.
    pub async fn close(&self) {
        self.connection.close().await;
    }

    async fn password_question(&self) -> Result<tl::types::account::Password, Error> {
        let answer = self.connection.invoke(&tl::functions::account::GetPassword {}).await?;
        let tl::enums::account::Password::Password(password) = answer;
        Ok(password)
    }

    /// Remembers who is logged in and where updates begin.
    async fn finish(&self, authorization: tl::enums::auth::Authorization) -> Result<UserProfile, Error> {
        const METHOD: &str = "auth.exportLoginToken";
        let tl::enums::auth::Authorization::Authorization(authorization) = authorization else {
            return Err(Error::Unreadable { method: METHOD });
        };
        let profile = profile(&authorization.user).ok_or(Error::Unreadable { method: METHOD })?;
        remember(self.session(), &authorization.user).await;
        let state = self.connection.invoke(&tl::functions::updates::GetState {}).await?;
        begin_updates(self.session(), state).await;
        Ok(profile)
    }
}

/// Makes sure that an account is logged in, and that its session knows who it is and where updates begin: an imported one does
/// not yet.
pub(super) async fn resume(connection: &Inner, client: &grammers_client::Client) -> Result<(), Error> {
    let session = &connection.session;
    let Ok(me) = session.peer(PeerId::self_user()).await;
    if me.is_none() {
        let request = tl::functions::users::GetUsers { id: vec![tl::enums::InputUser::UserSelf] };
        let users = connection.ask(client, &request).await?;
        let me = users.first().ok_or(Error::Unreadable { method: "users.getUsers" })?;
        remember(session, me).await;
    }
    let state = connection.ask(client, &tl::functions::updates::GetState {}).await?;
    let Ok(known) = session.updates_state().await;
    if known.pts == 0 {
        begin_updates(session, state).await;
    }
    Ok(())
}

async fn begin_updates(session: &AccountSession, state: tl::enums::updates::State) {
    let tl::enums::updates::State::State(state) = state;
    let state = UpdatesState {
        pts: state.pts,
        qts: state.qts,
        date: state.date,
        seq: state.seq,
        channels: Vec::new(),
    };
    let Ok(()) = session.set_update_state(UpdateState::All(state)).await;
}

/// Without its own account in the session the library never asks where updates begin.
async fn remember(session: &AccountSession, user: &tl::enums::User) {
    if let tl::enums::User::User(user) = user {
        let auth = user.access_hash.map(PeerAuth::from_hash);
        let me = PeerInfo::User { id: user.id, auth, bot: Some(user.bot), is_self: Some(true) };
        let Ok(()) = session.cache_peer(me).await;
    }
}

/// A user in our words.
pub(super) fn profile(user: &tl::enums::User) -> Option<UserProfile> {
    let tl::enums::User::User(user) = user else { return None };
    Some(UserProfile {
        telegram_id: user.id,
        username: user.username.clone(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        language: user.lang_code.clone(),
    })
}
