//! The bundled embedder on a synthetic model: promises of the trait, and that no file makes it panic.

use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::{LocalModel, TEXT_BYTES_MAX, TILE_TOKENS, digest_hex, id_of, tiles};
use crate::ai::{
    EmbedKind, Embedder as _, ModelId,
    embedder::{SyntheticShape, kernel::Isa, synthetic_model},
};

const THREADS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

fn model(threads: NonZeroUsize) -> LocalModel {
    let bytes = synthetic_model(SyntheticShape { layers: 2, ..SyntheticShape::default() });
    LocalModel::from_bytes(bytes, "test", threads).unwrap()
}

fn one(model: &LocalModel, kind: EmbedKind, text: &str) -> Vec<f32> {
    model.embed(kind, &[text]).unwrap().remove(0)
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

const TEXTS: [&str; 6] = [
    "Центральный банк повысил ставку",
    "",
    "Rust 1.95 is out",
    "ЦЕНТРАЛЬНЫЙ банк повысил ставку",
    "\u{feff}🚀\0\u{10ffff}",
    "длинный текст, который заведомо не помещается в одно окно этой маленькой модели и потому делится на несколько окон",
];

#[test]
fn vectors_are_unit_and_the_same_in_any_company() {
    let (single, several) = (model(NonZeroUsize::MIN), model(THREADS));
    let together = several.embed(EmbedKind::Passage, &TEXTS).unwrap();
    assert_eq!(together.len(), TEXTS.len());
    for (text, vector) in TEXTS.iter().zip(&together) {
        assert_eq!(vector.len(), several.dimensions());
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5, "{text:?} is not a unit vector");
        let alone = one(&single, EmbedKind::Passage, text);
        assert!(cosine(vector, &alone) > 0.99999, "{text:?} differs in company");
    }
    assert!(several.embed(EmbedKind::Query, &[]).unwrap().is_empty());
}

#[test]
fn kinds_differ_and_shared_words_bring_texts_closer() {
    let model = model(NonZeroUsize::MIN);
    let passage = one(&model, EmbedKind::Passage, TEXTS[0]);
    assert!(cosine(&passage, &one(&model, EmbedKind::Query, TEXTS[0])) < 0.9999);
    let near = one(&model, EmbedKind::Passage, TEXTS[3]);
    let far = one(&model, EmbedKind::Passage, TEXTS[2]);
    assert!(cosine(&passage, &near) > cosine(&passage, &far));
}

#[test]
fn every_instruction_set_gives_the_same_vectors() {
    let bytes = synthetic_model(SyntheticShape { layers: 2, ..SyntheticShape::default() });
    let vectors = |isa| {
        let model = LocalModel::from_bytes_on(bytes.clone(), "test", THREADS, isa).unwrap();
        model.embed(EmbedKind::Passage, &TEXTS).unwrap()
    };
    let all = Isa::all();
    let expected = vectors(*all.last().unwrap());
    for isa in all {
        for (a, b) in vectors(isa).iter().zip(&expected) {
            assert!(cosine(a, b) > 0.9999, "{} differs: {}", isa.name(), cosine(a, b));
        }
    }
}

#[test]
fn a_long_text_is_read_to_its_limit() {
    let model = model(THREADS);
    let limit = "ж".repeat(TEXT_BYTES_MAX / 2);
    let tokens = |text: &str| model.content(EmbedKind::Passage, text);
    let most = tokens(&limit);
    assert_eq!(tokens(&format!("{limit}жж")), most);
    assert!(tokens(&limit[2..]).len() < most.len());
}

#[test]
fn tiles_hold_every_window_once() {
    let window = |len: usize| super::Window { text: 0, weight: 1.0, ids: vec![0; len] };
    let lengths = [10, 500, 3, TILE_TOKENS, 1, 100, 100, 100];
    let windows: Vec<_> = lengths.into_iter().map(window).collect();
    for threads in 1..9 {
        let tiles = tiles(&windows, NonZeroUsize::new(threads).unwrap());
        let covered: Vec<usize> = tiles.iter().cloned().flatten().collect();
        assert_eq!(covered, (0..windows.len()).collect::<Vec<_>>());
        for tile in tiles {
            let tokens: usize = tile.clone().map(|at| lengths[at]).sum();
            assert!(tile.len() == 1 || tokens <= TILE_TOKENS);
        }
    }
}

#[test]
fn ids_are_names_and_content() {
    let check = |hex: &str, stem: &str, expected: &str| {
        let id = id_of(hex, stem);
        assert_eq!(id.as_str(), expected);
        assert_eq!(ModelId::parse(expected), Some(id));
    };
    check(super::KNOWN[0].0, "renamed", "e5-small-q4@1571fc982750");
    let hex = digest_hex(b"abc");
    assert!(hex.starts_with("ba7816bf8f01cfea"));
    check(&hex, "My Model@0123", "mymodel@ba7816bf8f01");
    check(&hex, "модель", "model@ba7816bf8f01");
    for wrong in [
        "",
        "e5",
        "@ba7816bf8f01",
        "E5@ba7816bf8f01",
        "e5@ba7816bf8f0",
        "e5@BA7816BF8F01",
        "../e@ba7816bf8f01",
    ] {
        assert_eq!(ModelId::parse(wrong), None, "{wrong:?}");
    }
}

/// Opens what may be damaged; if that works, uses it. Neither may panic.
fn check_damaged(bytes: Vec<u8>) {
    if let Ok(model) = LocalModel::from_bytes(bytes, "test", NonZeroUsize::MIN) {
        let _ = model.embed(EmbedKind::Passage, &["ставка 1.95"]);
        let _ = model.chunks("ставка. ставка");
    }
}

#[test]
fn every_cut_of_the_head_is_an_error() {
    let whole = synthetic_model(SyntheticShape { heads: 1, ..SyntheticShape::default() });
    let lengths = (0..6000).step_by(7).chain([whole.len() - 1]);
    for len in lengths {
        let error = LocalModel::from_bytes(whole[..len].to_vec(), "test", NonZeroUsize::MIN);
        assert!(error.unwrap_err().contains("cut short"), "{len} bytes of {}", whole.len());
    }
}

#[test]
fn sizes_beyond_the_limits_are_named() {
    let whole = synthetic_model(SyntheticShape::default());
    let fields = ["hidden size", "layers", "heads", "inner size", "vocabulary", "positions", "types"];
    for (field, name) in fields.into_iter().enumerate() {
        for value in [0u32, u32::MAX, 0x7fff_ffff] {
            let mut bytes = whole.clone();
            bytes[8 + 4 * field..][..4].copy_from_slice(&value.to_le_bytes());
            let error = LocalModel::from_bytes(bytes, "test", NonZeroUsize::MIN).unwrap_err();
            assert!(error.contains(name), "{name} = {value}: {error}");
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let mut bytes = synthetic_model(SyntheticShape::default());
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let error = LocalModel::from_bytes(bytes, "test", NonZeroUsize::MIN).unwrap_err();
    assert!(error.contains("not finite"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damage_never_panics(
        damage in proptest::collection::vec((0usize..9000, any::<u8>()), 1..8),
        anywhere in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = synthetic_model(SyntheticShape { heads: 1, ..SyntheticShape::default() });
        for (at, byte) in damage {
            let len = bytes.len();
            bytes[at % len] = byte;
        }
        for (at, byte) in anywhere {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        check_damaged(bytes);
    }

    #[test]
    fn any_text_gives_a_unit_vector(text in "\\PC{0,80}") {
        let vector = one(&model(NonZeroUsize::MIN), EmbedKind::Query, &text);
        prop_assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-4);
    }
}
