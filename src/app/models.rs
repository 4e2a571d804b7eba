//! The embedding model: which one is in use, opened on first need.
//!
//! The choice is configuration (`ai.model`), else what `tga model use` stored, else the newest installed. Without one there is
//! no embedder and search works by words; nothing pretends otherwise.

use std::{
    io::Read as _,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde::Serialize;

use super::{App, Error};
use crate::{
    ai::{self, Embedder},
    config::{Config, EmbedderKind},
};

/// The key in control.db's settings under which `tga model use` leaves its choice.
const MODEL_SETTING: &str = "ai.model";

/// Largest file that is fetched as a model, bytes.
pub const PULL_BYTES_MAX: u64 = 1 << 30;
/// Longest a fetch may take.
const PULL_TIMEOUT: Duration = Duration::from_mins(30);

/// An embedding model shared by everybody.
pub type SharedEmbedder = Arc<dyn Embedder>;

/// The models directory and what is open.
pub struct Models {
    dir: PathBuf,
    kind: EmbedderKind,
    configured: Option<String>,
    threads: NonZeroUsize,
    /// Open models by id: while one model's vectors replace another's, both answer.
    open: Mutex<Vec<(String, SharedEmbedder)>>,
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Models").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// An installed model as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelView {
    pub id: String,
    pub bytes: u64,
    pub active: bool,
}

impl Models {
    pub(super) fn new(config: &Config) -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            dir: config.models_dir(),
            kind: config.ai.embedder,
            configured: config.ai.model.clone(),
            threads: NonZeroUsize::new(config.ai.threads).unwrap_or(cores),
            open: Mutex::new(Vec::new()),
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The open models' ids, for figures.
    pub fn open_ids(&self) -> Vec<String> {
        self.open.lock().expect("no panic holds the models").iter().map(|(id, _)| id.clone()).collect()
    }
}

impl App {
    /// The model that new vectors are made with; `None` where none is installed or embedding is off.
    pub fn embedder(&self) -> Result<Option<SharedEmbedder>, Error> {
        if self.models.kind == EmbedderKind::Off {
            return Ok(None);
        }
        let wanted = match &self.models.configured {
            Some(name) => Some(name.clone()),
            None => self.control.setting_find(MODEL_SETTING)?,
        };
        let installed = ai::model_list(&self.models.dir)?;
        let chosen = match &wanted {
            None => installed.first(),
            Some(name) => installed.iter().find(|model| model.id.as_str() == name || model.id.name() == name),
        };
        match (chosen, wanted) {
            (Some(model), _) => self.embedder_open(model.id.as_str()).map(Some),
            (None, None) => Ok(None),
            (None, Some(wanted)) => {
                Err(ai::Error::ModelMissing { dir: self.models.dir.clone(), wanted }.into())
            }
        }
    }

    /// The model of this id, which must be installed: how a search asks vectors that an earlier model made.
    pub fn embedder_open(&self, id: &str) -> Result<SharedEmbedder, Error> {
        let mut open = self.models.open.lock().expect("no panic holds the models");
        if let Some((_, model)) = open.iter().find(|(known, _)| known == id) {
            return Ok(Arc::clone(model));
        }
        let model: SharedEmbedder =
            Arc::new(ai::model_open(&self.models.dir, Some(id), self.models.threads)?);
        open.push((id.to_owned(), Arc::clone(&model)));
        Ok(model)
    }

    /// Forgets an open model that no vectors need any more.
    pub fn embedder_close(&self, id: &str) {
        self.models.open.lock().expect("no panic holds the models").retain(|(known, _)| known != id);
    }

    /// Installs a model from a wheel or a bare model file.
    pub fn model_import(&self, source: &Path) -> Result<ai::ImportedModel, Error> {
        let imported = ai::model_import(source, &self.models.dir)?;
        self.tenants.stir(super::Upkeep::Embed);
        self.embed_wake.signal();
        Ok(imported)
    }

    /// Fetches a wheel or model file and installs it. HTTPS only; the structure is checked before anything is used.
    pub fn model_pull(&self, url: &str) -> Result<ai::ImportedModel, Error> {
        if !url.starts_with("https://") {
            return Err(Error::Invalid(format!("{url}: a model is fetched by https only")));
        }
        let failed = |error: &dyn std::fmt::Display| Error::Unavailable(format!("fetch {url}: {error}"));
        let client = reqwest::blocking::Client::builder()
            .timeout(PULL_TIMEOUT)
            .https_only(true)
            .build()
            .map_err(|error| failed(&error))?;
        let response = client
            .get(url)
            .send()
            .and_then(reqwest::blocking::Response::error_for_status)
            .map_err(|error| failed(&error))?;
        std::fs::create_dir_all(&self.models.dir)
            .map_err(|error| Error::io("create", &self.models.dir, error))?;
        let part = self.models.dir.join("pull.part");
        let mut file = std::fs::File::create(&part).map_err(|error| Error::io("create", &part, error))?;
        let copied = std::io::copy(&mut response.take(PULL_BYTES_MAX + 1), &mut file)
            .map_err(|error| failed(&error))?;
        let installed = if copied > PULL_BYTES_MAX {
            Err(Error::Invalid(format!(
                "{url}: is larger than {PULL_BYTES_MAX} bytes and no model this program knows"
            )))
        } else {
            self.model_import(&part)
        };
        std::fs::remove_file(&part).map_err(|error| Error::io("remove", &part, error))?;
        installed
    }

    pub fn model_list(&self) -> Result<Vec<ModelView>, Error> {
        let active = match self.embedder() {
            Ok(model) => model.map(|model| model.model().as_str().to_owned()),
            Err(Error::Ai(ai::Error::ModelMissing { .. } | ai::Error::ModelInvalid { .. })) => None,
            Err(error) => return Err(error),
        };
        let models = ai::model_list(&self.models.dir)?.into_iter();
        Ok(models
            .map(|model| {
                let id = model.id.as_str().to_owned();
                ModelView { active: active.as_deref() == Some(&id), id, bytes: model.bytes }
            })
            .collect())
    }

    /// Chooses the model for new vectors; existing posts are embedded again in the background while search goes on.
    pub fn model_use(&self, name: &str) -> Result<String, Error> {
        if let Some(configured) = &self.models.configured {
            return Err(Error::Conflict(format!(
                "ai.model in the configuration names {configured}; change it there"
            )));
        }
        let found = ai::model_list(&self.models.dir)?
            .into_iter()
            .find(|model| model.id.as_str() == name || model.id.name() == name)
            .ok_or_else(|| {
                Error::NotFound(format!(
                    "no model {name} is installed; `tga model list` shows those there are"
                ))
            })?;
        self.embedder_open(found.id.as_str())?;
        self.control.setting_put(MODEL_SETTING, found.id.as_str(), self.now())?;
        self.tenants.stir(super::Upkeep::Embed);
        self.embed_wake.signal();
        Ok(found.id.as_str().to_owned())
    }
}
