//! The clients of model providers against a server that speaks their protocols: what goes right, and everything that goes wrong.
//!
//! The official Python clients talk to the same server, so that it is no dialect of our own; that runs where `TGA_MODELS_PYTHON` names a
//! Python that has them (`tests/run.sh` makes one).

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    process::Command,
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::{
    ai::{
        AnswerSchema, ChatAnswer, ChatMessage, ChatRequest, ChatRole, EmbedKind, Embedder as _, Remote,
        RemoteAuth, RemoteError, RemoteFault, RemoteSettings, Usage, remote,
    },
    clock::{Clock, ManualClock},
    model::{Disposition, Provider},
};
use zeroize::Zeroizing;

use crate::support::llm::{DIMENSIONS, EMBEDDING_MODEL, GIGACHAT_KEY, Llm, MODEL, OPENAI_KEY, Say, say};

const NOW: &str = "2026-11-21T12:00:00Z";

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

    fn openai(&self) -> Remote {
        self.openai_with(OPENAI_KEY)
    }

    fn openai_with(&self, key: &str) -> Remote {
        self.remote(Provider::OpenAi, "/v1", RemoteAuth::Bearer(Zeroizing::new(key.to_owned())))
    }

    fn gigachat(&self) -> Remote {
        self.gigachat_with(GIGACHAT_KEY, "GIGACHAT_API_PERS")
    }

    fn gigachat_with(&self, key: &str, scope: &str) -> Remote {
        let auth = RemoteAuth::OAuth {
            auth_url: self.llm.url("/oauth").parse().unwrap(),
            credentials: Zeroizing::new(key.to_owned()),
            scope: scope.to_owned(),
        };
        self.remote(Provider::GigaChat, "/api", auth)
    }

    fn remote(&self, provider: Provider, path: &str, auth: RemoteAuth) -> Remote {
        let settings = RemoteSettings {
            provider,
            base_url: self.llm.url(path).parse().unwrap(),
            auth,
            ca_pem: None,
            timeout: Duration::from_millis(700),
            concurrent_max: 2,
            json_schema: true,
        };
        Remote::new(settings, Arc::clone(&self.clock) as Arc<dyn Clock>).unwrap()
    }
}

fn request() -> ChatRequest {
    ChatRequest {
        messages: vec![
            ChatMessage { role: ChatRole::System, content: "Отвечай".to_owned() },
            ChatMessage { role: ChatRole::User, content: "Вопрос".to_owned() },
        ],
        tokens_max: 50,
        temperature: 0.1,
        schema: None,
    }
}

fn streamed(remote: &Remote) -> (Result<ChatAnswer, RemoteError>, Vec<String>) {
    let mut pieces = Vec::new();
    let answer = remote.chat(
        MODEL,
        &request(),
        Some(&mut |piece: &str| {
            pieces.push(piece.to_owned());
            true
        }),
    );
    (answer, pieces)
}

fn fault(remote: &Remote) -> RemoteFault {
    remote.chat(MODEL, &request(), None).unwrap_err().fault
}

#[test]
fn both_providers_answer_whole_and_by_pieces() {
    let bench = Bench::new();
    for remote in [bench.openai(), bench.gigachat()] {
        assert_eq!(remote.models().unwrap(), [MODEL]);
        bench.llm.script([say("Станция открыта [1]."), say("Станция открыта [1].")]);
        let whole = remote.chat(MODEL, &request(), None).unwrap();
        assert_eq!(whole.text, "Станция открыта [1].");
        assert_eq!(whole.usage, Usage { tokens_in: 120, tokens_out: 30 });
        let (answer, pieces) = streamed(&remote);
        assert_eq!(answer.unwrap().text, "Станция открыта [1].");
        assert!(pieces.len() > 2 && pieces.concat() == "Станция открыта [1].", "{pieces:?}");
        let body = bench.llm.calls("/chat/completions").last().unwrap().body.clone();
        assert_eq!(body["messages"][0]["role"], "system");
        assert_eq!((&body["temperature"], &body["max_tokens"]), (&json!(0.1), &json!(50)));
    }
}

#[test]
fn a_token_is_used_until_shortly_before_its_end_and_made_anew_when_it_is_refused() {
    let bench = Bench::new();
    let remote = bench.gigachat();
    for _ in 0..3 {
        remote.chat(MODEL, &request(), None).unwrap();
    }
    assert_eq!(bench.llm.tokens_minted(), 1);
    let before = SignedDuration::try_from(remote::RENEW_BEFORE).unwrap();
    bench.clock.advance(SignedDuration::from_secs(1800) - before - SignedDuration::from_secs(1));
    remote.chat(MODEL, &request(), None).unwrap();
    assert_eq!(bench.llm.tokens_minted(), 1, "good for three minutes yet");
    bench.clock.advance(SignedDuration::from_secs(2));
    remote.chat(MODEL, &request(), None).unwrap();
    assert_eq!(bench.llm.tokens_minted(), 2, "renewed before its end");
    bench.llm.revoke_tokens();
    remote.chat(MODEL, &request(), None).unwrap();
    assert_eq!(bench.llm.tokens_minted(), 3, "a refused token is exchanged once");
    let ids = bench.llm.calls("/oauth").len();
    assert_eq!(ids, 3);
}

#[test]
fn a_token_that_runs_out_in_the_midst_of_an_answer_says_nothing_twice() {
    let bench = Bench::new();
    let remote = bench.gigachat();
    bench.llm.script([Say::ExpireAfter(String::new()), say("Целиком.")]);
    let (answer, pieces) = streamed(&remote);
    assert_eq!((answer.unwrap().text.as_str(), pieces.concat().as_str()), ("Целиком.", "Целиком."));
    bench.llm.script([Say::ExpireAfter("Первая половина".to_owned())]);
    let (answer, pieces) = streamed(&remote);
    let error = answer.unwrap_err();
    assert_eq!(error.fault, RemoteFault::Cut);
    assert_eq!(pieces.concat(), "Первая половина");
    assert!(error.spent.tokens_out > 0, "what was received was paid for");
}

#[test]
fn every_refusal_is_named_and_says_what_to_do() {
    let refusals = [
        (Say::Refuse(402, None, json!({ "message": "Payment Required" })), "payment", Disposition::Halt),
        (Say::Refuse(403, None, json!({})), "forbidden", Disposition::Halt),
        (Say::Refuse(429, None, json!({})), "rate_limited", Disposition::Retry { after: None }),
        (
            Say::Refuse(429, Some("17"), json!({})),
            "rate_limited",
            Disposition::Retry { after: Some(Duration::from_secs(17)) },
        ),
        (Say::Refuse(500, None, json!({})), "failed", Disposition::Retry { after: None }),
        (Say::Refuse(503, None, json!("oops")), "failed", Disposition::Retry { after: None }),
        (Say::Refuse(413, None, json!({})), "too_long", Disposition::Reject),
        (Say::Refuse(307, None, json!({})), "refused", Disposition::Reject),
        (Say::Garbage, "malformed", Disposition::Retry { after: None }),
        (Say::NoChoices, "empty", Disposition::Retry { after: None }),
        (Say::Empty, "empty", Disposition::Retry { after: None }),
        (Say::Finish("content_filter"), "filtered", Disposition::Reject),
        (Say::Finish("blacklist"), "filtered", Disposition::Reject),
        (Say::CutAfter(String::new()), "cut", Disposition::Retry { after: None }),
        (Say::Silence, "silent", Disposition::Retry { after: None }),
    ];
    let bench = Bench::new();
    for (said, name, disposition) in refusals {
        // A new client each: none is left alone for what another met.
        for remote in [bench.openai(), bench.gigachat()] {
            bench.llm.script([said.clone()]);
            let error = remote.chat(MODEL, &request(), None).unwrap_err();
            assert_eq!(error.fault.name(), name, "{error}");
            assert_eq!(error.disposition(), disposition, "{error}");
            assert!(error.to_string().starts_with(remote.provider().name()) && !error.fix().is_empty());
        }
    }
    for (said, name) in [
        (Say::CutAfter("Половина".to_owned()), "cut"),
        (Say::Empty, "empty"),
        (Say::Finish("blacklist"), "filtered"),
        (Say::Refuse(500, None, json!({})), "failed"),
        (Say::Silence, "silent"),
    ] {
        bench.llm.script([said]);
        assert_eq!(streamed(&bench.openai()).0.unwrap_err().fault.name(), name);
    }
    bench.llm.script([Say::Finish("length")]);
    assert!(bench.openai().chat(MODEL, &request(), None).unwrap().cut);
}

#[test]
fn a_wrong_key_scope_or_model_is_told_apart_and_never_repeated() {
    let bench = Bench::new();
    let error = bench.openai_with("sk-wrong-key-1").chat(MODEL, &request(), None).unwrap_err();
    assert_eq!(error.fault, RemoteFault::KeyRefused);
    assert!(!error.to_string().contains("sk-wrong-key-1") && error.to_string().contains("***"), "{error}");
    assert_eq!(fault(&bench.gigachat_with("d3Jvbmc6d3Jvbmc=", "GIGACHAT_API_PERS")), RemoteFault::KeyRefused);
    let error = bench.gigachat_with(GIGACHAT_KEY, "GIGACHAT_API_CORP").models().unwrap_err();
    assert_eq!(error.fault, RemoteFault::ScopeRefused);
    assert!(error.fix().contains("GIGACHAT_API_B2B"));
    for remote in [bench.openai(), bench.gigachat()] {
        let error = remote.chat("no-such-model", &request(), None).unwrap_err();
        assert_eq!(error.fault, RemoteFault::NotFound);
    }
}

#[test]
fn a_server_that_does_not_know_schemas_is_asked_without_from_then_on() {
    let bench = Bench::new();
    bench.llm.forget_schemas();
    let remote = bench.openai();
    let schema = AnswerSchema { name: "tags", schema: json!({ "type": "object" }) };
    let request = ChatRequest { schema: Some(schema), ..request() };
    for asked in [2, 3] {
        remote.chat(MODEL, &request, None).unwrap();
        assert_eq!(bench.llm.calls("/chat/completions").len(), asked);
    }
    let body = bench.llm.calls("/chat/completions")[0].body.clone();
    assert_eq!(body["response_format"]["json_schema"]["strict"], json!(true));
    // Newer models want another word for the longest answer.
    let words = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
    bench.llm.script([Say::Refuse(400, None, json!({ "error": { "message": words } }))]);
    remote.chat(MODEL, &request, None).unwrap();
    let body = bench.llm.calls("/chat/completions").last().unwrap().body.clone();
    assert_eq!((&body["max_completion_tokens"], &body["max_tokens"]), (&json!(50), &Value::Null));
}

#[test]
fn a_provider_that_fails_is_left_alone_and_tried_by_one_question() {
    let bench = Bench::new();
    let remote = bench.openai();
    bench.llm.mind(|_| Say::Refuse(503, None, json!({})));
    for _ in 0..20 {
        assert!(remote.chat(MODEL, &request(), None).is_err());
    }
    let asked = || bench.llm.calls("/chat/completions").len();
    assert_eq!(asked(), remote::FAILURES_MAX as usize, "then it is left alone");
    assert!(matches!(fault(&remote), RemoteFault::Paused { .. }));
    bench.clock.advance(SignedDuration::try_from(remote::PAUSE_FIRST).unwrap());
    assert!(matches!(fault(&remote), RemoteFault::Failed { status: 503 }));
    assert!(matches!(fault(&remote), RemoteFault::Paused { .. }));
    assert_eq!(asked(), remote::FAILURES_MAX as usize + 1, "one tries after a minute");
    bench.llm.mind(|_| say("Да."));
    bench.clock.advance(SignedDuration::try_from(remote::PAUSE_FIRST * 2).unwrap());
    assert!(remote.chat(MODEL, &request(), None).is_ok());
    assert_eq!(remote.paused_until(), None);
}

#[test]
fn no_more_questions_run_at_once_than_may() {
    let bench = Bench::new();
    let running = Arc::new(std::sync::Mutex::new((0_usize, 0_usize)));
    let seen = Arc::clone(&running);
    bench.llm.mind(move |_| {
        let mut counts = seen.lock().unwrap();
        counts.0 += 1;
        counts.1 = counts.1.max(counts.0);
        counts.0 -= 1;
        say("Да.")
    });
    let remote = Arc::new(bench.openai());
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| remote.chat(MODEL, &request(), None).unwrap());
        }
    });
    assert_eq!(bench.llm.calls("/chat/completions").len(), 12);
    assert!(running.lock().unwrap().1 <= 2);
}

#[test]
fn vectors_come_as_the_embedder_gives_them() {
    let bench = Bench::new();
    for remote in [bench.openai(), bench.gigachat()] {
        let provider = remote.provider().name();
        let (dimensions, usage) = remote::RemoteEmbedder::probe(&remote, EMBEDDING_MODEL).unwrap();
        assert_eq!((dimensions, usage.tokens_in), (DIMENSIONS, 2), "the whole answer's, or the row's");
        let embedder = remote::RemoteEmbedder::new(Arc::new(remote), EMBEDDING_MODEL, dimensions);
        assert_eq!(embedder.dimensions(), DIMENSIONS);
        assert!(embedder.model().as_str().starts_with(&format!("{provider}-embeddings@")));
        let texts = ["один", "другой текст", "one"];
        let vectors = embedder.embed(EmbedKind::Passage, &texts).unwrap();
        assert_eq!(vectors.len(), 3);
        for vector in &vectors {
            let norm: f32 = vector.iter().map(|n| n * n).sum();
            assert!((norm - 1.0).abs() < 1e-4);
        }
        assert_eq!(embedder.embed(EmbedKind::Query, &texts[1..2]).unwrap()[0], vectors[1]);
        let long = "Первое предложение этого поста. ".repeat(200);
        let chunks = embedder.chunks(&long);
        assert!(chunks.len() > 3 && chunks.iter().all(|range| long[range.clone()].chars().count() <= 1000));
        assert!(embedder.chunks("  \n ").is_empty());
        let small = embedder.with_small_pieces().chunks(&long);
        assert!(small.len() > 2 * chunks.len());
    }
}

/// Answers one question over TLS with a certificate that only the root of the fixtures has signed; then ends.
pub(crate) fn tls_server() -> u16 {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
    let chain = CertificateDer::pem_slice_iter(include_bytes!("../fixtures/tls/server.pem"))
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../fixtures/tls/server.key")).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming().take(4) {
            let Ok(mut stream) = stream else { return };
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            let mut buffer = [0; 4096];
            if tls.read(&mut buffer).is_ok() {
                let body = json!({ "data": [{ "id": "behind-tls" }] }).to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = tls.write_all(format!("{head}{body}").as_bytes());
            }
        }
    });
    port
}

#[test]
fn a_certificate_of_an_unknown_root_is_refused_until_the_root_is_named() {
    tga::lifecycle::start("off", tga::config::LogFormat::Text);
    let port = tls_server();
    let remote = |ca_pem: Option<&[u8]>| {
        let settings = RemoteSettings {
            provider: Provider::OpenAi,
            base_url: format!("https://localhost:{port}/v1").parse().unwrap(),
            auth: RemoteAuth::None,
            ca_pem: ca_pem.map(<[u8]>::to_vec),
            timeout: Duration::from_secs(5),
            concurrent_max: 1,
            json_schema: true,
        };
        Remote::new(settings, Arc::new(ManualClock::at(NOW.parse().unwrap())))
    };
    let error = remote(None).and_then(|remote| remote.models()).unwrap_err();
    assert_eq!(error.fault, RemoteFault::Certificate, "{error}");
    assert!(error.fix().contains("ca_file"));
    let root: &[u8] = include_bytes!("../fixtures/tls/ca.pem");
    assert_eq!(remote(Some(root)).unwrap().models().unwrap(), ["behind-tls"]);
}

#[test]
fn the_official_clients_talk_to_the_same_server() {
    let Some(python) = std::env::var_os("TGA_MODELS_PYTHON") else {
        eprintln!("skipped: TGA_MODELS_PYTHON names no Python with gigachat and openai");
        return;
    };
    let llm = Llm::start();
    llm.mind(|body| {
        if body.is_null() {
            say("что нового в метро")
        } else {
            say("Ответ одной строкой.")
        }
    });
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/check.py");
    let out = Command::new(python)
        .arg(script)
        .args([llm.url(""), GIGACHAT_KEY.to_owned(), OPENAI_KEY.to_owned(), MODEL.to_owned()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{said}\n{}", String::from_utf8_lossy(&out.stderr));
    for step in [
        "GIGACHAT-CHAT",
        "GIGACHAT-STREAM",
        "GIGACHAT-EMBEDDINGS",
        "GIGACHAT-REFUSED",
        "OPENAI-CHAT",
        "OPENAI-STREAM",
        "OPENAI-VOICE",
        "OPENAI-REFUSED",
    ] {
        assert!(said.contains(step), "{step} is missing in {said}");
    }
}
