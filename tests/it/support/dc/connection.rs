//! One connection: opens packets, unpacks containers, answers, pushes updates.
//!
//! Speaks the service messages a client depends on (salts, pings, acknowledgements, new session); everything else goes to
//! `rpc`. A request that a test wants unanswered gets no answer, one that must kill the connection ends the task.

use std::io::{self, Read as _, Write as _};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use grammers_tl_types as tl;
use tl::{Cursor, Deserializable as _, Identifiable as _, Serializable as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::frame::{self, Writer};
use super::key::Key;
use super::rpc::{self, Answer};
use super::world::{Connection, Push, Shared, now};

/// The salt of every session.
const SALT: i64 = 0x1122_3344_5566_7788;
/// Answers longer than this are sent compressed, bytes.
const COMPRESSED_ABOVE_BYTES: usize = 512;
const MSG_CONTAINER: u32 = 0x73f1_f8dc;
const GZIP_PACKED: u32 = 0x3072_cfa1;
const RPC_RESULT: u32 = 0xf35c_6d01;

/// Message ids grow and their last two bits say what kind it is: 1 an answer, 3 something else from the server.
fn message_id(kind: i64) -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let fraction = (i64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
    let base = ((elapsed.as_secs() as i64) << 32 | fraction) & !3;
    let last = LAST.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(base.max(last + 4)));
    base.max(last.unwrap_or_default() + 4) | kind
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Accepts connections until the listener dies with its runtime.
pub(super) async fn serve(world: Shared, dc: i32, listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let world = world.clone();
        tokio::spawn(async move {
            // A client that goes away or talks nonsense ends its own connection only.
            let _ = connection(world, dc, stream).await;
        });
    }
}

/// One side of an exchange: what is to be sent next.
enum Out {
    Result(i64, Vec<u8>),
    Plain(Vec<u8>),
}

/// The state of a connection's `MTProto` session.
struct Session {
    id: i64,
    sequence: i32,
    announced: bool,
}

async fn connection(world: Shared, dc: i32, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let (mut reader, mut writer) = frame::accept(read, write).await?;
    let (packets, mut packet) = mpsc::channel::<Vec<u8>>(16);
    // Reading in a task of its own: `select!` must not cut a packet in half.
    tokio::spawn(async move {
        while let Ok(packet) = reader.packet().await {
            if packets.send(packet).await.is_err() {
                break;
            }
        }
    });
    let (push, mut pushed) = mpsc::unbounded_channel();
    let result = async {
        let mut key: Option<Key> = None;
        let mut session = Session { id: 0, sequence: 0, announced: false };
        loop {
            let outs = tokio::select! {
                received = packet.recv() => {
                    let Some(received) = received else { return Ok(()) };
                    if received.len() < 24 {
                        return Err(broken("a packet too short"));
                    }
                    let id: [u8; 8] = received[..8].try_into().unwrap();
                    let known = world.lock().key(dc, id);
                    let Some(known) = known else {
                        // An unknown key, or a client that wants to agree on a new one: both are refused as Telegram does.
                        return writer.refusal(404).await;
                    };
                    if key.is_none() {
                        let mut world = world.lock();
                        world.connections_seen += 1;
                        world.connections.push(Connection { key_id: id, push: push.clone() });
                    }
                    let outs = received_packet(&world, dc, &known, &mut session, &received)?;
                    key = Some(known);
                    outs
                }
                update = pushed.recv() => match update {
                    Some(Push::Update(update)) => vec![Out::Plain(update)],
                    Some(Push::Kill) | None => return Ok(()),
                },
            };
            if let Some(key) = key.as_ref().filter(|_| !outs.is_empty()) {
                send(&mut writer, key, &mut session, outs).await?;
            }
        }
    }
    .await;
    world.lock().connections.retain(|connection| !connection.push.same_channel(&push));
    result
}

fn received_packet(
    world: &Shared,
    dc: i32,
    key: &Key,
    session: &mut Session,
    packet: &[u8],
) -> io::Result<Vec<Out>> {
    let body = key.open(packet).map_err(broken)?;
    let long = |at: usize| i64::from_le_bytes(body[at..at + 8].try_into().unwrap());
    let int = |at: usize| i32::from_le_bytes(body[at..at + 4].try_into().unwrap());
    let (salt, id, sequence) = (long(0), long(16), int(24));
    let length = int(28) as usize;
    session.id = long(8);
    if id % 4 != 0 {
        let refusal =
            tl::types::BadMsgNotification { bad_msg_id: id, bad_msg_seqno: sequence, error_code: 18 };
        return Ok(vec![Out::Plain(tl::enums::BadMsgNotification::Notification(refusal).to_bytes())]);
    }
    if salt != SALT {
        let refusal = tl::types::BadServerSalt {
            bad_msg_id: id,
            bad_msg_seqno: sequence,
            error_code: 48,
            new_server_salt: SALT,
        };
        return Ok(vec![Out::Plain(tl::enums::BadMsgNotification::BadServerSalt(refusal).to_bytes())]);
    }
    let mut outs = Vec::new();
    if !session.announced {
        session.announced = true;
        let created =
            tl::types::NewSessionCreated { first_msg_id: id, unique_id: message_id(0), server_salt: SALT };
        outs.push(Out::Plain(tl::enums::NewSession::Created(created).to_bytes()));
    }
    message(world, dc, key, id, &body[32..32 + length], &mut outs)?;
    Ok(outs)
}

/// One message, or a container of them.
fn message(world: &Shared, dc: i32, key: &Key, id: i64, body: &[u8], outs: &mut Vec<Out>) -> io::Result<()> {
    let mut cursor = Cursor::from_slice(body);
    let constructor = u32::deserialize(&mut cursor).map_err(|_| broken("a message without a constructor"))?;
    if constructor == MSG_CONTAINER {
        let count = i32::deserialize(&mut cursor).map_err(|_| broken("a container without a length"))?;
        let mut at = 8;
        for _ in 0..count {
            let inner = body.get(at..at + 16).ok_or_else(|| broken("a container cut short"))?;
            let inner_id = i64::from_le_bytes(inner[..8].try_into().unwrap());
            let length = i32::from_le_bytes(inner[12..].try_into().unwrap()) as usize;
            at += 16;
            let inner = body.get(at..at + length).ok_or_else(|| broken("a container cut short"))?;
            message(world, dc, key, inner_id, inner, outs)?;
            at += length;
        }
    } else if constructor == GZIP_PACKED {
        let packed = Vec::<u8>::deserialize(&mut cursor).map_err(|_| broken("a packed message cut short"))?;
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut plain)?;
        message(world, dc, key, id, &plain, outs)?;
    } else if constructor == tl::types::MsgsAck::CONSTRUCTOR_ID {
        // Acknowledgements are taken for granted.
    } else if constructor == tl::functions::Ping::CONSTRUCTOR_ID
        || constructor == tl::functions::PingDelayDisconnect::CONSTRUCTOR_ID
    {
        let ping_id = i64::deserialize(&mut cursor).map_err(|_| broken("a ping without an id"))?;
        outs.push(Out::Plain(tl::enums::Pong::Pong(tl::types::Pong { msg_id: id, ping_id }).to_bytes()));
    } else if constructor == tl::functions::GetFutureSalts::CONSTRUCTOR_ID {
        outs.push(Out::Plain(future_salts(id)));
    } else {
        match rpc::answer(world, dc, key.id, body) {
            Answer::Result(result) => outs.push(Out::Result(id, result)),
            Answer::Nothing => {}
            Answer::Kill => return Err(broken("killed by the test")),
        }
    }
    Ok(())
}

fn future_salts(request: i64) -> Vec<u8> {
    let now = now();
    let salt = |since, until| tl::types::FutureSalt { valid_since: since, valid_until: until, salt: SALT };
    tl::enums::FutureSalts::Salts(tl::types::FutureSalts {
        req_msg_id: request,
        now,
        salts: tl::RawVec(vec![salt(now - 60, now + 3600), salt(now + 3000, now + 7200)]),
    })
    .to_bytes()
}

/// Sends everything in one packet: alone, or as a container.
async fn send(writer: &mut Writer, key: &Key, session: &mut Session, outs: Vec<Out>) -> io::Result<()> {
    let mut messages = Vec::new();
    for out in outs {
        let (id, body) = match out {
            Out::Result(request, result) => {
                let mut body = RPC_RESULT.to_bytes();
                body.extend(request.to_bytes());
                if result.len() > COMPRESSED_ABOVE_BYTES {
                    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                    packer.write_all(&result)?;
                    body.extend(GZIP_PACKED.to_bytes());
                    body.extend(packer.finish()?.to_bytes());
                } else {
                    body.extend(result);
                }
                (message_id(1), body)
            }
            Out::Plain(body) => (message_id(3), body),
        };
        session.sequence += 2;
        messages.push((id, session.sequence - 1, body));
    }
    let (id, sequence, body) = if messages.len() == 1 {
        messages.remove(0)
    } else {
        let mut body = MSG_CONTAINER.to_bytes();
        body.extend((messages.len() as i32).to_bytes());
        for (id, sequence, message) in messages {
            body.extend(id.to_bytes());
            body.extend(sequence.to_bytes());
            body.extend((message.len() as i32).to_bytes());
            body.extend(message);
        }
        (message_id(3), session.sequence, body)
    };
    let mut plain = SALT.to_bytes();
    plain.extend(session.id.to_bytes());
    plain.extend(id.to_bytes());
    plain.extend(sequence.to_bytes());
    plain.extend((body.len() as i32).to_bytes());
    plain.extend(body);
    writer.packet(&key.seal(plain)).await
}
