//! The server's side of the two-step password (SRP-6a with Telegram's hashing).
//!
//! A user's salts and verifier are made once; each question gets a fresh secret `b`, which answers one try only.

use hmac::Hmac;
use num_bigint::BigUint;
use sha2::Sha512;

use super::key::{random, sha256};

/// Telegram's safe prime, 2048 bits.
const PRIME: &str = "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4dbfa336f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f642477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b";
/// The generator.
pub(super) const GENERATOR: i32 = 3;
/// Rounds of PBKDF2.
const ROUNDS: u32 = 100_000;

/// The prime's bytes.
pub(super) fn prime() -> Vec<u8> {
    BigUint::parse_bytes(PRIME.as_bytes(), 16).unwrap().to_bytes_be()
}

/// What the server keeps of a password.
#[derive(Debug, Clone)]
pub(super) struct Verifier {
    pub(super) salt1: Vec<u8>,
    pub(super) salt2: Vec<u8>,
    v: BigUint,
}

/// One question: answered once.
#[derive(Debug, Clone)]
pub(super) struct Challenge {
    pub(super) id: i64,
    b: BigUint,
    pub(super) public: Vec<u8>,
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 256 - bytes.len().min(256)];
    out.extend_from_slice(bytes);
    out
}

fn salted(data: &[u8], salt: &[u8]) -> [u8; 32] {
    sha256(&[salt, data, salt])
}

impl Verifier {
    pub(super) fn new(password: &str) -> Self {
        let salt1 = random::<40>().to_vec();
        let salt2 = random::<16>().to_vec();
        let first = salted(&salted(password.as_bytes(), &salt1), &salt2);
        let mut stretched = [0; 64];
        pbkdf2::pbkdf2::<Hmac<Sha512>>(&first, &salt1, ROUNDS, &mut stretched).unwrap();
        let x = BigUint::from_bytes_be(&salted(&stretched, &salt2));
        let v = BigUint::from(GENERATOR as u32).modpow(&x, &BigUint::from_bytes_be(&prime()));
        Self { salt1, salt2, v }
    }

    pub(super) fn challenge(&self) -> Challenge {
        let p = BigUint::from_bytes_be(&prime());
        let b = BigUint::from_bytes_be(&random::<256>());
        let g = BigUint::from(GENERATOR as u32);
        let k = BigUint::from_bytes_be(&sha256(&[&prime(), &padded(&[GENERATOR as u8])]));
        let public = (k * &self.v + g.modpow(&b, &p)) % &p;
        let id = i64::from_le_bytes(random());
        Challenge { id, b, public: padded(&public.to_bytes_be()) }
    }

    /// Whether a client that answers `a`, `m1` knows the password.
    pub(super) fn accepts(&self, challenge: &Challenge, a: &[u8], m1: &[u8]) -> bool {
        let p = BigUint::from_bytes_be(&prime());
        let a = padded(a);
        let public = BigUint::from_bytes_be(&a);
        if &public % &p == BigUint::ZERO {
            return false;
        }
        let u = BigUint::from_bytes_be(&sha256(&[&a, &challenge.public]));
        let shared = (public * self.v.modpow(&u, &p)).modpow(&challenge.b, &p);
        let k = sha256(&[&padded(&shared.to_bytes_be())]);
        let hash_g = sha256(&[&padded(&[GENERATOR as u8])]);
        let mixed: Vec<u8> = sha256(&[&prime()]).iter().zip(hash_g).map(|(p, g)| p ^ g).collect();
        let wanted =
            sha256(&[&mixed, &sha256(&[&self.salt1]), &sha256(&[&self.salt2]), &a, &challenge.public, &k]);
        wanted == *m1
    }
}
