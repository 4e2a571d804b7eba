//! The emergency kit: the keys on paper, with what they open and how, proven before it is handed out.
//!
//! Two files of mode 0600: a page to print, with a code for each key, and the same as plain text. Both are read back as a person
//! with nothing else would have them, and must open what the installation seals and the newest backup. They are never printed on
//! a screen and never overwritten.

use std::{
    fmt::Write as _,
    fs::File,
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use qrcode::{EcLevel, QrCode, render::svg};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{App, Error, place::Place, rfc3339};
use crate::seal::{KeySecret, Keyring};

/// What a kit consists of.
pub const KIT_FILES: [&str; 2] = [HTML, TEXT];
const HTML: &str = "tga-emergency-kit.html";
const TEXT: &str = "tga-emergency-kit.txt";
/// Where the last kit's keys are noted, in control.db's settings: ids, no keys.
const KIT_SETTING: &str = "backup:kit";
/// Bytes of the newest backup that a kit is tried on: its head and a few of the pieces that are opened at once.
const OPENED_BYTES: u64 = 1024 * 1024;
/// Side of a code on the page, pixels.
const CODE_PIXELS: u32 = 220;

/// A kit that was made.
#[derive(Debug, Clone, Serialize)]
pub struct KitView {
    /// The files, to be printed and then deleted.
    pub files: Vec<String>,
    /// Ids of the keys in it.
    pub keys: Vec<String>,
    /// The backup it was tried on, beside a freshly sealed text.
    pub opened: Option<String>,
}

impl App {
    /// Writes the kit into a directory.
    pub fn backup_kit(&self, dir: &Path) -> Result<KitView, Error> {
        let place = self.backup_place()?;
        let secrets = self.keyring().secrets();
        let mut made = Vec::new();
        let done = (|| {
            for (name, text) in
                [(HTML, self.kit_html(&secrets, &place)?), (TEXT, self.kit_text(&secrets, &place))]
            {
                let path = dir.join(name);
                write(&path, &text)?;
                made.push(path);
            }
            for path in &made {
                self.kit_prove(path)?;
            }
            self.kit_open_newest(&made[1], &place)
        })();
        let opened = done.inspect_err(|_| {
            // A kit that proves nothing is worse than none.
            for path in &made {
                let _ = std::fs::remove_file(path);
            }
        })?;
        let keys: Vec<String> = secrets.iter().map(|key| key.id.clone()).collect();
        self.control.setting_put(KIT_SETTING, &keys.join(" "), self.now())?;
        self.log_system("info", format!("an emergency kit with keys {} was made", keys.join(", ")))?;
        let files = made.iter().map(|path| path.display().to_string()).collect();
        Ok(KitView { files, keys, opened })
    }

    /// What there is to say about kits: none, or one that lacks the newest key.
    pub fn backup_kit_hint(&self) -> Result<Option<&'static str>, Error> {
        let newest = self.keyring().ids().pop().unwrap_or_default();
        Ok(match self.control.setting_find(KIT_SETTING)? {
            None => Some(
                "nobody has made an emergency kit yet: without its keys no backup can be opened; `tga backup kit DIR`",
            ),
            Some(keys) if !keys.split(' ').any(|key| key == newest) => Some(
                "the emergency kit is older than the newest key; make a new one with `tga backup kit DIR`",
            ),
            Some(_) => None,
        })
    }

    /// Reads a file of the kit as somebody with nothing else would, and opens something freshly sealed.
    fn kit_prove(&self, path: &Path) -> Result<(), Error> {
        let broken = |what: &str| Error::Unavailable(format!("{}: {what}; no kit was made", path.display()));
        let ring = Keyring::gather(&[path.to_owned()])?;
        if ring.ids() != self.keyring().ids() {
            return Err(broken("it does not hold the keys of the installation"));
        }
        let mut probe = [0_u8; 32];
        getrandom::fill(&mut probe).map_err(|_| broken("the system's random source failed"))?;
        let mut sealer = self.keyring().sealer(&[], Vec::new())?;
        let sealed = sealer.write_all(&probe).and_then(|()| sealer.finish());
        let sealed = sealed.map_err(|_| broken("the probe could not be sealed"))?;
        let mut read = Vec::new();
        let opened = ring.opener(&*sealed)?.read_to_end(&mut read);
        if opened.is_err() || read != probe {
            return Err(broken("it does not open what the installation seals"));
        }
        Ok(())
    }

    /// Opens the beginning of the newest backup with the kit alone.
    fn kit_open_newest(&self, kit: &Path, place: &Place) -> Result<Option<String>, Error> {
        let Some(newest) = self.backup_ours(self.keyring())?.newest(place.list(&|| true)?) else {
            return Ok(None);
        };
        // Wherever it lies: what is sealed is opened in pieces, and the first says whether the key is the right one.
        let beginning = place.beginning(&newest.name, OPENED_BYTES)?;
        let ring = Keyring::gather(&[kit.to_owned()])?;
        let mut opened = ring.opener(&*beginning)?;
        let mut first = [0_u8; 4];
        let read = opened.read_exact(&mut first);
        read.map_err(|error| Error::io("read", Path::new(&newest.name), error))?;
        Ok(Some(newest.name))
    }

    fn kit_text(&self, secrets: &[KeySecret], place: &Place) -> Zeroizing<String> {
        let mut out = Zeroizing::new(format!(
            "Telegram Assistant: emergency kit\nMade {} by tga {}\n\n\
             Whoever has this has everything: print it, put it into a safe, delete the file.\n\n\
             Backups lie in: {}\n\nKeys, the one in use last:\n",
            rfc3339(self.now()),
            env!("CARGO_PKG_VERSION"),
            place.shown()
        ));
        for key in secrets {
            let _ = write!(out, "\nKey {} (public key {})\n{}\n", key.id, key.public, &*key.secret);
        }
        out.push_str(
            "\nTo restore on an empty machine:\n\
             1. Install tga, of the same version or a newer one.\n\
             2. Type the keys into a file keys.txt, one a line, or scan their codes.\n\
             3. tga --data-dir NEW_DIRECTORY backup restore BACKUP_FILE --keys keys.txt\n\
             4. Stop the old installation before the new one starts: a Telegram session is used in one place.\n\
             \nWithout tga: age -d -i keys.txt BACKUP_FILE | zstd -d | tar x\n",
        );
        out
    }

    fn kit_html(&self, secrets: &[KeySecret], place: &Place) -> Result<Zeroizing<String>, Error> {
        let mut keys = Zeroizing::new(String::new());
        for key in secrets {
            let code = QrCode::with_error_correction_level(key.secret.as_bytes(), EcLevel::M);
            let code = code.map_err(|error| Error::Unavailable(format!("draw a code: {error}")))?;
            let code = Zeroizing::new(
                code.render::<svg::Color<'_>>().min_dimensions(CODE_PIXELS, CODE_PIXELS).build(),
            );
            // Only what stands inside of the picture: its head is that of a file of its own.
            let picture = code.find("<svg").map_or("", |at| &code[at..]);
            let _ = writeln!(
                keys,
                "<section><h2>Key {}</h2><p>{}</p><p>Public key: <code>{}</code></p><p><code>{}</code></p></section>",
                key.id, picture, key.public, &*key.secret
            );
        }
        let words = self.kit_text(&[], place);
        Ok(Zeroizing::new(format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Telegram Assistant: emergency kit</title>\n\
             <style>body{{font:14px/1.5 sans-serif;max-width:46em;margin:2em auto}}code{{font-size:13px;overflow-wrap:anywhere}}\
             pre{{white-space:pre-wrap}}section{{break-inside:avoid;border-top:1px solid}}</style>\n<pre>{}</pre>\n{}</html>\n",
            escaped(&words),
            &*keys
        )))
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    })();
    written.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            let what = "is there already; delete it or name another directory";
            return Error::Conflict(format!("{} {what}", path.display()));
        }
        Error::io("write", path, error)
    })
}
