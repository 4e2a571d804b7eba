//! The test data centre serves a real client: grammers connects, logs in, reads and hears what happens.
//!
//! Checks the tool the other Telegram tests stand on, without any code of the product.

#![expect(clippy::disallowed_methods, reason = "runs a client by itself, without the product's supervision")]

use std::{collections::HashMap, sync::Arc, time::Duration};

use grammers_client::{Client, client::UpdateStream, update::Update};
use grammers_mtsender::{ConnectionParams, NoRetries, SenderPool, UpdatesConfiguration};
use grammers_session::{
    SessionData,
    storages::MemorySession,
    types::{DcOption, PeerInfo, UpdateState, UpdatesState},
    updates::UpdatesLike,
};
use grammers_tl_types as tl;

use crate::support::dc::{FIRST_DC, OTHER_DC, TestDc};

/// Longest wait for an answer of the server in this process.
const PATIENCE: Duration = Duration::from_secs(20);

struct Peer {
    client: Client,
    session: Arc<MemorySession>,
    updates: tokio::sync::mpsc::Receiver<UpdatesLike>,
}

fn connect(dc: &TestDc, number: u64) -> Peer {
    let options = [FIRST_DC, OTHER_DC].map(|id| {
        let ipv4 = dc.address(id);
        let ipv6 = std::net::SocketAddrV6::new(std::net::Ipv6Addr::LOCALHOST, ipv4.port(), 0, 0);
        (id, DcOption { id, ipv4, ipv6, auth_key: Some(dc.key(id, number).data) })
    });
    let data =
        SessionData { home_dc: FIRST_DC, dc_options: HashMap::from(options), ..SessionData::default() };
    let session = Arc::new(MemorySession::from(data));
    let params = ConnectionParams { retry_policy: Box::new(NoRetries), ..ConnectionParams::default() };
    let pool = SenderPool::with_configuration(Arc::clone(&session), 1, params);
    let client = Client::new(pool.handle);
    tokio::spawn(pool.runner.run());
    Peer { client, session, updates: pool.updates }
}

/// Scans and follows the login to its end.
async fn log_in(dc: &TestDc, peer: &mut Peer, user: i64, password: Option<&str>) -> bool {
    use grammers_session::Session as _;
    let export =
        tl::functions::auth::ExportLoginToken { api_id: 1, api_hash: String::new(), except_ids: vec![] };
    let Ok(tl::enums::auth::LoginToken::Token(token)) = peer.client.invoke(&export).await else {
        panic!("no token")
    };
    assert!(dc.accept_login(&token.token, user));
    assert!(!dc.accept_login(&token.token, user), "a token is good once");
    let update = tokio::time::timeout(PATIENCE, peer.updates.recv()).await.unwrap();
    let Some(UpdatesLike::Updates(tl::enums::Updates::UpdateShort(update))) = update else {
        panic!("no update")
    };
    assert!(matches!(update.update, tl::enums::Update::LoginToken));
    let mut step = peer.client.invoke(&export).await;
    let mut migrated = false;
    if let Ok(tl::enums::auth::LoginToken::MigrateTo(to)) = &step {
        migrated = true;
        peer.session.set_home_dc_id(to.dc_id).await.unwrap();
        step = peer.client.invoke(&tl::functions::auth::ImportLoginToken { token: to.token.clone() }).await;
    }
    match step {
        Ok(tl::enums::auth::LoginToken::Success(_)) => assert!(password.is_none()),
        Err(error) if error.is("SESSION_PASSWORD_NEEDED") => {
            let tl::enums::account::Password::Password(question) =
                peer.client.invoke(&tl::functions::account::GetPassword {}).await.unwrap();
            let wrong = grammers_client::client::PasswordToken::new(question.clone());
            assert!(peer.client.check_password(wrong, "nonsense").await.is_err());
            let right = grammers_client::client::PasswordToken::new(question);
            peer.client.check_password(right, password.unwrap()).await.unwrap();
        }
        other => panic!("{other:?}"),
    }
    let me = PeerInfo::User { id: user, auth: None, bot: Some(false), is_self: Some(true) };
    peer.session.cache_peer(me).await.unwrap();
    let state = UpdatesState { pts: 1, qts: 0, date: 1, seq: 1, channels: vec![] };
    peer.session.set_update_state(UpdateState::All(state)).await.unwrap();
    migrated
}

async fn next(stream: &mut UpdateStream) -> Update {
    tokio::time::timeout(PATIENCE, stream.next()).await.expect("an update").unwrap()
}

#[test]
fn a_real_client_logs_in_reads_and_hears_of_posts() {
    for (home, password) in [(FIRST_DC, None), (OTHER_DC, Some("секрет"))] {
        let dc = TestDc::start();
        dc.add_user(100_200_300, "Ivan", home);
        dc.set_password(100_200_300, password, "pet");
        dc.add_channel(1_234_567, Some("TestNews"), "Test news");
        dc.join(1_234_567, 100_200_300);
        dc.fill(1_234_567, 250, 1_700_000_000, 600, |id| format!("post {id}"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.unwrap().block_on(async {
            let mut peer = connect(&dc, 7);
            assert!(!peer.client.is_authorized().await.unwrap());
            let migrated = log_in(&dc, &mut peer, 100_200_300, password).await;
            assert_eq!(migrated, home == OTHER_DC);
            assert_eq!(dc.logins(100_200_300), 1);

            let channel = peer.client.resolve_username("testnews").await.unwrap().unwrap();
            let channel = channel.to_ref().await.unwrap().unwrap();
            let mut history = peer.client.iter_messages(channel);
            let mut ids = Vec::new();
            while let Some(message) = history.next().await.unwrap() {
                ids.push(message.id());
            }
            assert_eq!(ids, (1..=251).rev().collect::<Vec<_>>(), "250 posts and the channel's creation");

            let configuration = UpdatesConfiguration { catch_up: true };
            let mut stream = peer.client.stream_updates(peer.updates, configuration).await.unwrap();
            let (client, server) = (peer.client.clone(), &dc);
            server.post(1_234_567, "first");
            let Update::NewMessage(first) = next(&mut stream).await else { panic!("not a message") };
            assert_eq!(first.text(), "first");
            server.post_silently(1_234_567, "lost on the way");
            server.post(1_234_567, "third");
            let mut texts = Vec::new();
            while texts.len() < 2 {
                if let Update::NewMessage(message) = next(&mut stream).await {
                    texts.push(message.text().to_owned());
                }
            }
            assert_eq!(texts, ["lost on the way", "third"], "the gap was noticed and filled");
            server.flood("messages.getHistory", 17);
            let refused = client.iter_messages(channel).next().await.unwrap_err();
            assert!(refused.is("FLOOD_WAIT"), "{refused}");
            server.revoke(100_200_300, 401, "SESSION_REVOKED");
            assert!(client.get_me().await.is_err());
            assert_eq!(server.logins(100_200_300), 0);
        });
    }
}
