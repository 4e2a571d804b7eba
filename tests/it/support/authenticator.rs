//! A passkey authenticator in software: answers challenges as a browser with a phone would, in the bytes of `WebAuthn`.
//!
//! Keys are ES256 and made from a number, so that a test repeats itself. It verifies the user always and attests nothing. What a
//! test wants to be wrong (origin, counter, whose key) it sets before asking.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const KEY_INCLUDED: u8 = 0x40;

/// One authenticator with one passkey.
#[derive(Debug, Clone)]
pub(crate) struct Authenticator {
    key: SigningKey,
    pub(crate) id: Vec<u8>,
    /// Whose it is; told at registration.
    pub(crate) user_handle: Vec<u8>,
    pub(crate) origin: String,
    pub(crate) rp_id: String,
    /// Signatures made; 0 stays 0, as with passkeys that are synchronised.
    pub(crate) counter: u32,
    pub(crate) counts: bool,
    pub(crate) verifies_user: bool,
}

impl Authenticator {
    pub(crate) fn new(number: u8, origin: &str) -> Self {
        let url = url::Url::parse(origin).unwrap();
        Self {
            key: SigningKey::from_slice(&[number; 32]).unwrap(),
            id: vec![number; 16],
            user_handle: Vec::new(),
            origin: origin.to_owned(),
            rp_id: url.host_str().unwrap().to_owned(),
            counter: 0,
            counts: true,
            verifies_user: true,
        }
    }

    /// `navigator.credentials.create`: a credential for these options.
    pub(crate) fn create(&mut self, public_key: &Value) -> Value {
        self.user_handle = bytes(&public_key["user"]["id"]);
        let client_data = self.client_data("webauthn.create", public_key);
        let mut data = self.data(KEY_INCLUDED);
        data.extend([0; 16]);
        data.extend((self.id.len() as u16).to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose_key());
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData");
        object.push(0x59);
        object.extend((data.len() as u16).to_be_bytes());
        object.extend(data);
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": { "attestationObject": text(&object), "clientDataJSON": text(&client_data) },
        })
    }

    /// `navigator.credentials.get`: a signature over these options.
    pub(crate) fn get(&mut self, public_key: &Value) -> Value {
        self.counter += u32::from(self.counts);
        let client_data = self.client_data("webauthn.get", public_key);
        let data = self.data(0);
        let signed = [&data[..], &Sha256::digest(&client_data)[..]].concat();
        let signature: Signature = self.key.sign(&signed);
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "authenticatorData": text(&data), "clientDataJSON": text(&client_data),
                "signature": text(signature.to_der().as_bytes()), "userHandle": text(&self.user_handle),
            },
        })
    }

    fn client_data(&self, kind: &str, public_key: &Value) -> Vec<u8> {
        json!({ "type": kind, "challenge": public_key["challenge"], "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    /// Authenticator data without a key.
    fn data(&self, flags: u8) -> Vec<u8> {
        let verified = if self.verifies_user { USER_VERIFIED } else { 0 };
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(USER_PRESENT | verified | flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// {1: 2, 3: -7, -1: 1, -2: x, -3: y}
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().unwrap(), point.y().unwrap());
        [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..], x, &[0x22, 0x58, 0x20], y]
            .concat()
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}
