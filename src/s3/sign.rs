//! Signing requests as S3 wants them: AWS Signature Version 4, with the body's hash in the signature. Pure.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{Timestamp, tz::TimeZone};
use sha2::{Digest as _, Sha256};

/// Who signs.
pub(super) struct Credentials<'a> {
    pub(super) access_key: &'a str,
    pub(super) secret_key: &'a str,
    pub(super) region: &'a str,
}

/// What is asked; `path` and `query` are encoded, the query sorted.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body_sha256: &'a str,
}

/// The headers that make a request one of ours.
pub(super) fn headers(
    who: &Credentials<'_>,
    asked: &Asked<'_>,
    now: Timestamp,
) -> [(&'static str, String); 3] {
    let Asked { method, host, path, query, body_sha256 } = asked;
    let at = now.to_zoned(TimeZone::UTC);
    let moment = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = at.strftime("%Y%m%d").to_string();
    let named = "host;x-amz-content-sha256;x-amz-date";
    let canonical = format!(
        "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{body_sha256}\nx-amz-date:{moment}\n\n{named}\n{body_sha256}"
    );
    let scope = format!("{day}/{}/s3/aws4_request", who.region);
    let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex_sha256(canonical.as_bytes()));
    let first = format!("AWS4{}", who.secret_key);
    let key = [&*day, who.region, "s3", "aws4_request"]
        .iter()
        .fold(first.into_bytes(), |key, part| hmac(&key, part.as_bytes()));
    let signature = hex(&hmac(&key, text.as_bytes()));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={named}, Signature={signature}",
        who.access_key
    );
    [
        ("authorization", authorization),
        ("x-amz-content-sha256", (*body_sha256).to_owned()),
        ("x-amz-date", moment),
    ]
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        write!(out, "{byte:02x}").expect("a String takes every write");
    }
    out
}

/// Percent-encoded as the signature wants it; a path keeps its slashes.
pub(super) fn encoded(text: &str, slash: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (byte == b'/' && !slash);
        if plain {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a String takes every write");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of a listed bucket in Amazon's documentation of the signature.
    #[test]
    fn a_known_request_has_its_known_signature() {
        let who = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE",
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
        };
        let now = "2013-05-24T00:00:00Z".parse().unwrap();
        let empty = hex_sha256(b"");
        let host = "examplebucket.s3.amazonaws.com";
        let asked =
            Asked { method: "GET", host, path: "/", query: "max-keys=2&prefix=J", body_sha256: &empty };
        let signed = headers(&who, &asked, now);
        let signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert!(signed[0].1.ends_with(signature), "{}", signed[0].1);
    }

    #[test]
    fn names_are_encoded_once() {
        assert_eq!(encoded("a b/ё+~", false), "a%20b/%D1%91%2B~");
        assert_eq!(encoded("a/b", true), "a%2Fb");
    }
}
