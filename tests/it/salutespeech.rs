//! Voice messages by `SaluteSpeech`: through the bot, and everything its protocol can answer.

use std::{sync::Arc, time::Duration};

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::{
    ai::{Remote, RemoteAuth, RemoteError, RemoteFault, RemoteSettings, remote},
    app::{doctor::Finding, voice::Voice},
    clock::{Clock, ManualClock},
    config::Config,
    model::{Disposition, Provider, Role},
};
use zeroize::Zeroizing;

use crate::{
    bot::follow,
    support::{
        Person, TestApp,
        bot::{Bot, Talker},
        bot_api::VOICE,
        llm::{GIGACHAT_KEY, Llm, SALUTE_KEY, Say, TOKEN_S, say},
    },
};

const ANNA: i64 = 7001;
const NOW: &str = "2026-11-21T12:00:00Z";
const OGG: &str = "audio/ogg";

struct Bench {
    llm: Llm,
    clock: Arc<ManualClock>,
}

impl Bench {
    fn new() -> Self {
        let (llm, clock) = (Llm::start(), Arc::new(ManualClock::at(NOW.parse().unwrap())));
        llm.watch(&(Arc::clone(&clock) as Arc<dyn Clock>));
        Self { llm, clock }
    }

    fn remote(&self, key: &str, scope: &str) -> Remote {
        let settings = RemoteSettings {
            provider: Provider::SaluteSpeech,
            base_url: self.llm.url("/salute").parse().unwrap(),
            auth: RemoteAuth::OAuth {
                auth_url: self.llm.url("/oauth").parse().unwrap(),
                credentials: Zeroizing::new(key.to_owned()),
                scope: scope.to_owned(),
            },
            ca_pem: None,
            timeout: Duration::from_millis(700),
            concurrent_max: 2,
            json_schema: false,
        };
        Remote::new(settings, Arc::clone(&self.clock) as Arc<dyn Clock>).unwrap()
    }

    fn salute(&self) -> Remote {
        self.remote(SALUTE_KEY, "SALUTE_SPEECH_PERS")
    }

    fn asked(&self) -> Vec<Value> {
        self.llm.calls("/speech:recognize").into_iter().map(|call| call.body).collect()
    }
}

fn heard(remote: &Remote) -> Result<String, RemoteError> {
    remote.transcribe("general", VOICE, OGG, Some("ru"))
}

#[test]
fn a_recording_goes_as_it_is_and_comes_back_as_sentences() {
    let bench = Bench::new();
    let remote = bench.salute();
    bench.llm.script([say("Что нового в метро? Когда откроют станцию?"), say("What is new?")]);
    assert_eq!(heard(&remote).unwrap(), "Что нового в метро? Когда откроют станцию?");
    assert_eq!(bench.llm.audio(), VOICE);
    assert_eq!(remote.transcribe("callcenter", VOICE, "audio/mpeg", Some("en")).unwrap(), "What is new?");
    // A language it does not know is not named.
    heard(&remote).unwrap();
    remote.transcribe("general", VOICE, "audio/ogg; codecs=opus", Some("de")).unwrap();
    let asked = bench.asked();
    assert_eq!(asked[0]["type"], "audio/ogg;codecs=opus");
    assert_eq!(asked[0]["query"], json!({ "model": "general", "language": "ru-RU" }));
    assert_eq!(asked[1]["type"], "audio/mpeg");
    assert_eq!(asked[1]["query"], json!({ "model": "callcenter", "language": "en-US" }));
    assert_eq!(asked[3]["query"], json!({ "model": "general" }));
    assert_eq!(bench.llm.tokens_minted(), 1);
}

#[test]
fn a_token_is_renewed_before_its_end_and_once_when_it_is_refused() {
    let bench = Bench::new();
    let remote = bench.salute();
    heard(&remote).unwrap();
    let before = SignedDuration::try_from(remote::RENEW_BEFORE).unwrap();
    bench.clock.advance(SignedDuration::from_secs(TOKEN_S) - before - SignedDuration::from_secs(1));
    heard(&remote).unwrap();
    assert_eq!(bench.llm.tokens_minted(), 1);
    bench.clock.advance(SignedDuration::from_secs(2));
    heard(&remote).unwrap();
    assert_eq!(bench.llm.tokens_minted(), 2, "renewed before its end");
    bench.llm.revoke_tokens();
    heard(&remote).unwrap();
    assert_eq!(bench.llm.tokens_minted(), 3, "a refused token is exchanged once");
    let refuse = || Say::Refuse(401, None, json!({ "status": 401, "message": "Token has expired" }));
    bench.llm.script([refuse(), refuse(), say("Да.")]);
    assert_eq!(heard(&remote).unwrap_err().fault, RemoteFault::KeyRefused);
    assert_eq!(bench.llm.tokens_minted(), 4, "and not twice");
}

#[test]
fn every_refusal_is_named_and_says_what_to_do() {
    let retry = |after| Disposition::Retry { after };
    let seventeen = Some(Duration::from_secs(17));
    let message = |status: u16| json!({ "status": status, "message": "no" });
    let refusals = [
        (Say::Refuse(400, None, message(400)), "refused", Disposition::Reject),
        (Say::Refuse(402, None, message(402)), "payment", Disposition::Halt),
        (Say::Refuse(403, None, message(403)), "forbidden", Disposition::Halt),
        (Say::Refuse(404, None, json!({})), "not_found", Disposition::Halt),
        (Say::Refuse(413, None, message(413)), "too_long", Disposition::Reject),
        (Say::Refuse(415, None, message(415)), "refused", Disposition::Reject),
        (Say::Refuse(429, None, message(429)), "rate_limited", retry(None)),
        (Say::Refuse(429, Some("17"), message(429)), "rate_limited", retry(seventeen)),
        (Say::Refuse(500, None, message(500)), "failed", retry(None)),
        (Say::Refuse(503, Some("17"), json!("oops")), "rate_limited", retry(seventeen)),
        (Say::Garbage, "malformed", retry(None)),
        (Say::NoChoices, "malformed", retry(None)),
        (Say::Empty, "empty", retry(None)),
        (Say::Silence, "silent", retry(None)),
    ];
    let bench = Bench::new();
    for (said, name, disposition) in refusals {
        // A new client each: none is left alone for what another met.
        let remote = bench.salute();
        bench.llm.script([said]);
        let error = heard(&remote).unwrap_err();
        assert_eq!((error.fault.name(), error.disposition()), (name, disposition), "{error}");
        assert!(error.to_string().starts_with("salutespeech: ") && !error.fix().is_empty());
    }
    // The wait that was asked for is waited.
    let remote = bench.salute();
    bench.llm.script([Say::Refuse(429, Some("17"), json!({}))]);
    heard(&remote).unwrap_err();
    assert!(matches!(heard(&remote).unwrap_err().fault, RemoteFault::Paused { .. }));
    bench.clock.advance(SignedDuration::from_secs(17));
    heard(&remote).unwrap();
}

#[test]
fn a_wrong_key_scope_format_or_size_costs_nothing() {
    let bench = Bench::new();
    let fault = |key, scope| heard(&bench.remote(key, scope)).unwrap_err();
    assert_eq!(fault("d3Jvbmc6d3Jvbmc=", "SALUTE_SPEECH_PERS").fault, RemoteFault::KeyRefused);
    let error = fault(SALUTE_KEY, "SALUTE_SPEECH_CORP");
    assert_eq!(error.fault, RemoteFault::ScopeRefused);
    assert!(error.fix().contains("SALUTE_SPEECH_B2B"), "{}", error.fix());
    // The key of another project is good for another scope only.
    assert_eq!(fault(GIGACHAT_KEY, "SALUTE_SPEECH_PERS").fault, RemoteFault::ScopeRefused);
    let remote = bench.salute();
    let error = remote.transcribe("general", VOICE, "audio/mp4", None).unwrap_err();
    assert_eq!(error.fault, RemoteFault::Refused { status: 415 });
    let max = remote::audio_bytes_max(Provider::SaluteSpeech);
    let long = vec![7_u8; max + 1];
    assert_eq!(remote.transcribe("general", &long, OGG, None).unwrap_err().fault, RemoteFault::TooLong);
    assert!(bench.asked().is_empty(), "none of these was sent");
    remote.transcribe("general", &long[..max], OGG, None).unwrap();
}

fn voice_update(seconds: u32) -> Value {
    json!({ "voice": {
        "file_id": "voice-1", "file_unique_id": "u", "file_size": VOICE.len(), "duration": seconds, "mime_type": OGG,
    }})
}

fn spoken(bot: &mut Bot, app: &TestApp, who: Talker) -> Vec<String> {
    let before = bot.api.chat(ANNA).len();
    let update = bot.message_with(who, &voice_update(7));
    bot.deliver(app, &update);
    bot.settle(app);
    bot.api.chat(ANNA).into_iter().skip(before).map(|shown| shown.html).collect()
}

fn put(app: &TestApp, person: &Person, path: &str, body: &Value) {
    let reply = app.request(Method::PUT, path).token(&person.access).json(body).send();
    assert!(reply.status.is_success(), "{}", reply.text());
}

#[test]
fn a_voice_message_is_a_question_answered_once_it_is_agreed_to() {
    let llm = Llm::start();
    llm.mind(|_| say("Когда откроют метро в Казани?"));
    let mut bot = Bot::start();
    let mut app = TestApp::builder().bot(&bot).salutespeech(&llm).build();
    llm.watch(app.app().clock());
    bot.attach(&app);
    let anna = Talker::ru(ANNA);
    let member = app.member("main", ANNA, Role::Admin);
    let person = app.sign_in(&member);
    follow(&mut app, ANNA, 1);
    let written = || llm.calls("/speech:recognize").len();
    assert!(spoken(&mut bot, &app, anna)[0].contains("не расшифровываются"));
    let switched = json!({ "enabled": true, "answers": false, "tags": false, "voice": true });
    put(&app, &person, "/api/admin/models", &switched);
    assert!(spoken(&mut bot, &app, anna)[0].contains("согласие"));
    assert_eq!((written(), llm.calls("/oauth").len(), bot.api.calls("getfile").len()), (0, 0, 0));
    put(&app, &person, "/api/users/me/consents/external_models", &json!({ "given": true }));
    for _ in 0..2 {
        let shown = spoken(&mut bot, &app, anna);
        assert!(shown[0].contains("🎤 <i>Когда откроют метро в Казани?</i>"), "{shown:?}");
        assert!(shown[1].contains("Метро в Казани откроют в мае"), "{shown:?}");
        assert_eq!((written(), llm.audio()), (1, VOICE.to_vec()), "the same recording is sent once");
    }
}

#[test]
fn a_recording_in_which_nothing_is_said_is_told_so_and_not_sent_again() {
    let llm = Llm::start();
    llm.mind(|_| Say::Empty);
    let mut bot = Bot::start();
    let mut app = TestApp::builder().bot(&bot).salutespeech(&llm).build();
    llm.watch(app.app().clock());
    bot.attach(&app);
    let person = app.person("main", ANNA, Role::Admin);
    follow(&mut app, ANNA, 1);
    put(&app, &person, "/api/admin/models", &json!({ "enabled": true }));
    put(&app, &person, "/api/users/me/consents/external_models", &json!({ "given": true }));
    for _ in 0..2 {
        assert!(spoken(&mut bot, &app, Talker::ru(ANNA))[0].contains("не разобрал слов"));
        assert_eq!(llm.calls("/speech:recognize").len(), 1);
    }
}

#[test]
fn what_it_costs_is_counted_capped_and_written_to_the_record() {
    let llm = Llm::start();
    llm.mind(|_| say("Что нового?"));
    let app = TestApp::builder()
        .salutespeech(&llm)
        .set("TGA__AI__SALUTESPEECH__PRICE_PER_MINUTE", "0.5")
        .set("TGA__AI__TENANT_MONEY_PER_DAY", "0.6")
        .build();
    llm.watch(app.app().clock());
    let member = app.member("main", 1, Role::Admin);
    let person = app.sign_in(&member);
    put(&app, &person, "/api/admin/models", &json!({ "enabled": true }));
    put(&app, &person, "/api/users/me/consents/external_models", &json!({ "given": true }));
    let tenant = app.tenant();
    let heard = |audio: &[u8], seconds| {
        let length = Duration::from_secs(seconds);
        let voice = Voice { audio, mime: OGG, length, language: Some("ru") };
        app.app().voice_transcribe(&tenant, &member, voice).map_err(|error| error.code().name())
    };
    assert_eq!(heard(b"OggS 1", 61), Err("voice_too_long"));
    let max = remote::audio_bytes_max(Provider::SaluteSpeech);
    let long = vec![7_u8; max + 1];
    assert_eq!(heard(&long, 60), Err("voice_too_long"));
    assert_eq!(heard(b"OggS 1", 60).as_deref(), Ok("Что нового?"));
    let row = app.get("/api/admin/models/spend", &person.access).ok()["rows"][0].clone();
    assert_eq!((&row["feature"], &row["provider"]), (&json!("voice"), &json!("salutespeech")));
    assert_eq!((&row["model"], &row["money_micros"]), (&json!("general"), &json!(500_000)));
    assert_eq!(heard(b"OggS 2", 5), Err("budget_exceeded"));
    assert_eq!(heard(b"OggS 1", 60).as_deref(), Ok("Что нового?"), "what is known costs nothing");
    assert_eq!(llm.calls("/speech:recognize").len(), 1);
    // A key of the tenant's own goes before, sealed and with a line in the audit log.
    let path = "/api/admin/models/keys/salutespeech";
    put(&app, &person, path, &json!({ "key": "d3Jvbmc6d3Jvbmc=" }));
    let listed = app.get("/api/admin/models/providers", &person.access).ok();
    let shown = listed["providers"].as_array().unwrap().iter().find(|one| one["provider"] == "salutespeech");
    assert_eq!((&shown.unwrap()["key"], &shown.unwrap()["used"]), (&json!("tenant"), &json!(true)));
    assert!(app.get("/api/admin/audit?limit=5", &person.access).text().contains("model_key_set"));
    let test =
        app.post("/api/admin/models/test", &person.access, &json!({ "provider": "salutespeech" })).ok();
    assert_eq!((&test["ok"], &test["problem"]), (&json!(false), &json!("key_refused")));
}

fn finding(app: &TestApp) -> Finding {
    let findings = app.app().doctor().unwrap();
    findings.into_iter().find(|finding| finding.check == "model provider salutespeech").unwrap()
}

#[test]
fn doctor_and_the_test_button_name_what_is_wrong() {
    let llm = Llm::start();
    let app = TestApp::builder().salutespeech(&llm).set("TGA__OPERATORS", "[9]").build();
    llm.watch(app.app().clock());
    let operator = app.person("main", 9, Role::Admin);
    llm.set_salute_scope("SALUTE_SPEECH_CORP");
    let found = finding(&app);
    assert!(found.detail.contains("another scope") && found.detail.contains("not written down"), "{found:?}");
    assert!(found.fix.unwrap().contains("ai.salutespeech.scope"));
    llm.set_salute_scope("SALUTE_SPEECH_PERS");
    assert_eq!(finding(&app).fix, None);
    assert!(llm.audio().is_empty(), "no sound is sent to try it out");
    let test = |key: Option<&str>| {
        let body = match key {
            Some(key) => json!({ "provider": "salutespeech", "key": key }),
            None => json!({ "provider": "salutespeech" }),
        };
        app.post("/api/operator/models/test", &operator.access, &body).ok()
    };
    assert_eq!(test(None)["ok"], json!(true));
    let wrong = test(Some("d3Jvbmc6d3Jvbmc="));
    assert_eq!((&wrong["ok"], &wrong["problem"]), (&json!(false), &json!("key_refused")));
    assert!(!wrong.to_string().contains("d3Jvbmc6d3Jvbmc="));
}

#[test]
fn doctor_names_a_certificate_that_is_not_trusted() {
    let llm = Llm::start();
    let port = crate::providers::tls_server();
    let app = TestApp::builder()
        .salutespeech(&llm)
        .set("TGA__AI__SALUTESPEECH__BASE_URL", &format!("https://localhost:{port}/rest/v1"))
        .build();
    llm.watch(app.app().clock());
    let found = finding(&app);
    assert!(found.detail.contains("certificate"), "{found:?}");
    assert!(found.fix.unwrap().contains("ca_file"));
}

#[test]
fn the_configuration_takes_known_kinds_scopes_and_models_only() {
    let load = |more: &[(&str, &str)]| {
        let environment: Vec<_> =
            more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::load(None, &environment, None).map(|(config, _)| config.ai)
    };
    let ai = load(&[("TGA__AI__VOICE", "salutespeech")]).unwrap();
    assert_eq!(ai.voice().map(|config| config.provider), Some(Provider::SaluteSpeech));
    assert!(load(&[]).unwrap().voice().is_none(), "by itself nobody is asked");
    let whisper = load(&[("TGA__AI__SPEECH__BASE_URL", "http://127.0.0.1:9/v1")]).unwrap();
    assert_eq!(whisper.voice().map(|config| config.provider), Some(Provider::Speech));
    for (name, value) in [
        ("TGA__AI__VOICE", "gigachat"),
        ("TGA__AI__SALUTESPEECH__SCOPE", "GIGACHAT_API_PERS"),
        ("TGA__AI__SALUTESPEECH__MODEL", "whisper-1"),
        ("TGA__AI__SALUTESPEECH__BASE_URL", "http://smartspeech.sber.ru/rest/v1"),
    ] {
        let key = name.trim_start_matches("TGA__").replace("__", ".").to_lowercase();
        let error = load(&[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(&key), "{error}");
    }
}
