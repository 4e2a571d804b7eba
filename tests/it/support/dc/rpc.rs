//! Requests: unwrapped, written down, checked for faults and authorization, and handed to the method's handler.
//!
//! A method that is not served answers as Telegram answers nonsense, so a client that starts to use another one is noticed.

use std::time::SystemTime;

use grammers_tl_types as tl;
use tl::{Cursor, Deserializable as _, Identifiable as _, Serializable as _};

use super::objects::{self, error};
use super::world::{Call, ClientNames, Fault, Push, Shared, World};
use super::{rpc_auth, rpc_channel, rpc_updates};

/// What becomes of a request.
pub(super) enum Answer {
    Result(Vec<u8>),
    Nothing,
    Kill,
}

/// A request with who makes it.
pub(super) struct Request<'a> {
    pub(super) dc: i32,
    pub(super) key_id: [u8; 8],
    pub(super) method: u32,
    /// After the constructor.
    pub(super) arguments: &'a [u8],
}

/// A handler's answer: the object's bytes, or an error.
pub(super) type Handled = Result<Vec<u8>, (i32, &'static str)>;

/// Bad arguments.
pub(super) const MALFORMED: (i32, &str) = (400, "INPUT_FETCH_ERROR");

const INVOKE_WITH_LAYER: u32 =
    tl::functions::InvokeWithLayer::<tl::functions::help::GetConfig>::CONSTRUCTOR_ID;
const INIT_CONNECTION: u32 = tl::functions::InitConnection::<tl::functions::help::GetConfig>::CONSTRUCTOR_ID;
const INVOKE_WITHOUT_UPDATES: u32 =
    tl::functions::InvokeWithoutUpdates::<tl::functions::help::GetConfig>::CONSTRUCTOR_ID;
const INVOKE_AFTER_MSG: u32 = tl::functions::InvokeAfterMsg::<tl::functions::help::GetConfig>::CONSTRUCTOR_ID;

/// Takes off the wrappers of a request; notes what the client says about itself.
fn unwrapped<'a>(world: &Shared, mut body: &'a [u8]) -> tl::deserialize::Result<&'a [u8]> {
    loop {
        let mut cursor = Cursor::from_slice(body);
        let id = u32::deserialize(&mut cursor)?;
        if id == INVOKE_WITH_LAYER {
            i32::deserialize(&mut cursor)?;
        } else if id == INIT_CONNECTION {
            let flags = u32::deserialize(&mut cursor)?;
            let api_id = i32::deserialize(&mut cursor)?;
            let device_model = String::deserialize(&mut cursor)?;
            let system_version = String::deserialize(&mut cursor)?;
            let app_version = String::deserialize(&mut cursor)?;
            for _ in 0..3 {
                String::deserialize(&mut cursor)?;
            }
            if flags & 1 != 0 {
                tl::enums::InputClientProxy::deserialize(&mut cursor)?;
            }
            if flags & 2 != 0 {
                tl::enums::Jsonvalue::deserialize(&mut cursor)?;
            }
            world.lock().clients.push(ClientNames { api_id, device_model, system_version, app_version });
        } else if id == INVOKE_AFTER_MSG {
            i64::deserialize(&mut cursor)?;
        } else if id != INVOKE_WITHOUT_UPDATES {
            return Ok(body);
        }
        body = &body[cursor.pos()..];
    }
}

/// Answers one request.
pub(super) fn answer(world: &Shared, dc: i32, key_id: [u8; 8], body: &[u8]) -> Answer {
    let Ok(body) = unwrapped(world, body) else {
        return Answer::Result(error(400, "INPUT_FETCH_ERROR"));
    };
    let Ok(method) = u32::deserialize(&mut Cursor::from_slice(body)) else {
        return Answer::Result(error(400, "INPUT_FETCH_ERROR"));
    };
    let arguments = &body[4..];
    let name = tl::name_for_id(method);
    let mut guard = world.lock();
    let world = &mut *guard;
    let state = world.authorizations.get(&key_id);
    let user = state.and_then(|state| state.user);
    let revoked = state.and_then(|state| state.revoked.clone());
    world.calls.push(Call { dc, method: name.to_owned(), user, at: SystemTime::now() });
    let mut kill_after = false;
    match world.fault(name, user) {
        Some(Fault::Error(code, message)) => return Answer::Result(error(code, &message)),
        Some(Fault::NoAnswer) => return Answer::Nothing,
        Some(Fault::Kill) => return Answer::Kill,
        Some(Fault::KillAfter) => kill_after = true,
        None => {}
    }
    if let Some((code, message)) =
        revoked.filter(|_| method != tl::functions::help::GetConfig::CONSTRUCTOR_ID)
    {
        return Answer::Result(error(code, &message));
    }
    let handled = handle(world, &Request { dc, key_id, method, arguments });
    if kill_after {
        return Answer::Kill;
    }
    Answer::Result(handled.unwrap_or_else(|(code, message)| error(code, message)))
}

fn handle(world: &mut World, request: &Request<'_>) -> Handled {
    use tl::functions as f;
    let id = request.method;
    if id == f::help::GetConfig::CONSTRUCTOR_ID {
        return Ok(objects::config(world, request.dc).to_bytes());
    }
    if let Some(handled) = rpc_auth::handle(world, request) {
        return handled;
    }
    let state = world.authorizations.entry(request.key_id).or_default();
    let Some(user) = state.signed_in() else {
        let why = if state.needs_password { "SESSION_PASSWORD_NEEDED" } else { "AUTH_KEY_UNREGISTERED" };
        return Err((401, why));
    };
    if let Some(handled) = rpc_updates::handle(world, request, user) {
        return handled;
    }
    if let Some(handled) = rpc_channel::handle(world, request, user) {
        return handled;
    }
    Err((400, "INPUT_METHOD_INVALID"))
}

/// Arguments of the method, or the error for nonsense.
pub(super) fn arguments<T: tl::Deserializable>(request: &Request<'_>) -> Result<T, (i32, &'static str)> {
    let mut cursor = Cursor::from_slice(request.arguments);
    T::deserialize(&mut cursor).map_err(|_| MALFORMED)
}

/// Closes every connection of a key.
pub(super) fn disconnect(world: &mut World, key_id: [u8; 8]) {
    world.connections.retain(|connection| {
        let stays = connection.key_id != key_id;
        if !stays {
            // It may be closing already.
            let _ = connection.push.send(Push::Kill);
        }
        stays
    });
}
