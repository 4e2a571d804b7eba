//! Login by QR code, the two-step password, logging out, and who one is.

use grammers_tl_types as tl;
use tl::{Identifiable as _, Serializable as _};

use super::key::random;
use super::objects;
use super::rpc::{Handled, Request, arguments};
use super::world::{Authorization, LoginToken, World, now};

/// Bytes of a login token.
const TOKEN_BYTES: usize = 32;

pub(super) fn handle(world: &mut World, request: &Request<'_>) -> Option<Handled> {
    use tl::functions as f;
    Some(match request.method {
        f::auth::ExportLoginToken::CONSTRUCTOR_ID => export_token(world, request),
        f::auth::ImportLoginToken::CONSTRUCTOR_ID => import_token(world, request),
        f::account::GetPassword::CONSTRUCTOR_ID => Ok(get_password(world, request)),
        f::auth::CheckPassword::CONSTRUCTOR_ID => check_password(world, request),
        f::auth::LogOut::CONSTRUCTOR_ID => {
            world.authorizations.insert(request.key_id, Authorization::default());
            let out = tl::types::auth::LoggedOut { future_auth_token: None };
            Ok(tl::enums::auth::LoggedOut::Out(out).to_bytes())
        }
        f::users::GetUsers::CONSTRUCTOR_ID => get_users(world, request),
        _ => return None,
    })
}

fn export_token(world: &mut World, request: &Request<'_>) -> Handled {
    if let Some(user) = world.signed_in(request.key_id) {
        return Ok(success(world, user));
    }
    let given = world.tokens.iter().find(|token| token.key_id == request.key_id).cloned();
    if let Some(LoginToken { token, accepted_by: Some(user), .. }) = given {
        let home = world.users[&user].home_dc;
        if home == request.dc {
            return finish(world, request.key_id, user);
        }
        let migrate = tl::types::auth::LoginTokenMigrateTo { dc_id: home, token };
        return Ok(tl::enums::auth::LoginToken::MigrateTo(migrate).to_bytes());
    }
    // Until it expires a token is given out again, as Telegram does.
    let expires = now() + world.token_lifetime_s;
    let fresh = match given {
        Some(token) if token.expires > now() => token,
        Some(_) | None => LoginToken {
            token: random::<TOKEN_BYTES>().to_vec(),
            key_id: request.key_id,
            expires,
            accepted_by: None,
        },
    };
    world.tokens.retain(|token| token.key_id != request.key_id);
    world.tokens.push(fresh.clone());
    let token = tl::types::auth::LoginToken { expires: fresh.expires, token: fresh.token };
    Ok(tl::enums::auth::LoginToken::Token(token).to_bytes())
}

fn import_token(world: &mut World, request: &Request<'_>) -> Handled {
    let asked: tl::functions::auth::ImportLoginToken = arguments(request)?;
    let token = world.tokens.iter().find(|token| token.token == asked.token);
    let Some(token) = token else { return Err((400, "AUTH_TOKEN_INVALID")) };
    if token.expires <= now() {
        return Err((400, "AUTH_TOKEN_EXPIRED"));
    }
    let Some(user) = token.accepted_by else { return Err((400, "AUTH_TOKEN_INVALID")) };
    if world.users[&user].home_dc != request.dc {
        return Err((400, "AUTH_TOKEN_INVALID"));
    }
    finish(world, request.key_id, user)
}

/// Logs a key in, as far as one can get without the password.
fn finish(world: &mut World, key_id: [u8; 8], user: i64) -> Handled {
    let needs_password = world.users[&user].password.is_some();
    let state = Authorization { user: Some(user), needs_password, ..Authorization::default() };
    world.authorizations.insert(key_id, state);
    if needs_password {
        return Err((401, "SESSION_PASSWORD_NEEDED"));
    }
    Ok(success(world, user))
}

fn success(world: &World, user: i64) -> Vec<u8> {
    let authorization = objects::authorization(&world.users[&user]);
    tl::enums::auth::LoginToken::Success(tl::types::auth::LoginTokenSuccess { authorization }).to_bytes()
}

fn get_password(world: &mut World, request: &Request<'_>) -> Vec<u8> {
    let state = world.authorizations.entry(request.key_id).or_default();
    let user = state.user.and_then(|user| world.users.get(&user));
    state.challenge = user.and_then(|user| user.password.as_ref()).map(super::srp::Verifier::challenge);
    objects::password(user, state.challenge.as_ref()).to_bytes()
}

fn check_password(world: &mut World, request: &Request<'_>) -> Handled {
    let asked: tl::functions::auth::CheckPassword = arguments(request)?;
    let tl::enums::InputCheckPasswordSrp::Srp(proof) = asked.password else {
        return Err((400, "PASSWORD_HASH_INVALID"));
    };
    let state = world.authorizations.entry(request.key_id).or_default();
    let user = state.user.and_then(|user| world.users.get(&user));
    let (Some(user), Some(challenge)) = (user, state.challenge.take()) else {
        return Err((400, "SRP_ID_INVALID"));
    };
    if challenge.id != proof.srp_id {
        return Err((400, "SRP_ID_INVALID"));
    }
    let verifier = user.password.as_ref().ok_or((400, "PASSWORD_HASH_INVALID"))?;
    if !verifier.accepts(&challenge, &proof.a, &proof.m1) {
        // Telegram lets a client try again with the same question.
        state.challenge = Some(challenge);
        return Err((400, "PASSWORD_HASH_INVALID"));
    }
    state.needs_password = false;
    Ok(objects::authorization(user).to_bytes())
}

fn get_users(world: &World, request: &Request<'_>) -> Handled {
    let asked: tl::functions::users::GetUsers = arguments(request)?;
    let state = world.authorizations.get(&request.key_id).cloned().unwrap_or_default();
    let me = state.signed_in().ok_or((
        401,
        if state.needs_password { "SESSION_PASSWORD_NEEDED" } else { "AUTH_KEY_UNREGISTERED" },
    ))?;
    let found = asked.id.iter().filter_map(|wanted| match wanted {
        tl::enums::InputUser::UserSelf => world.users.get(&me),
        tl::enums::InputUser::User(user) => world.users.get(&user.user_id),
        tl::enums::InputUser::Empty | tl::enums::InputUser::FromMessage(_) => None,
    });
    let found: Vec<tl::enums::User> = found.map(|user| objects::user(user, user.id == me)).collect();
    Ok(found.to_bytes())
}
