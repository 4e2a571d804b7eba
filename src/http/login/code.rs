//! Drawing a QR code: pixels for everybody, vectors for sharp screens.

use qrcode::{EcLevel, QrCode, render::svg};

/// Pixels of one module.
const MODULE_PIXELS: usize = 8;
/// White modules around the code, as the standard asks.
const QUIET_MODULES: usize = 4;
/// Smallest side of the vector drawing, pixels.
const SVG_SIDE_MIN: u32 = 256;

fn encode(text: &str) -> Option<QrCode> {
    QrCode::with_error_correction_level(text, EcLevel::M).ok()
}

/// The code as a greyscale PNG.
pub(in crate::http) fn png(text: &str) -> Option<Vec<u8>> {
    let code = encode(text)?;
    let modules = code.width();
    let side = (modules + 2 * QUIET_MODULES) * MODULE_PIXELS;
    let mut pixels = vec![u8::MAX; side * side];
    let colours = code.to_colors();
    for (at, _) in colours.iter().enumerate().filter(|(_, colour)| **colour == qrcode::Color::Dark) {
        let left = (at % modules + QUIET_MODULES) * MODULE_PIXELS;
        let top = (at / modules + QUIET_MODULES) * MODULE_PIXELS;
        for row in top..top + MODULE_PIXELS {
            pixels[row * side + left..row * side + left + MODULE_PIXELS].fill(0);
        }
    }
    let mut out = Vec::new();
    let side = u32::try_from(side).ok()?;
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(out)
}

/// The code as an SVG document.
pub(in crate::http) fn svg(text: &str) -> Option<Vec<u8>> {
    let code = encode(text)?;
    Some(code.render::<svg::Color<'_>>().min_dimensions(SVG_SIDE_MIN, SVG_SIDE_MIN).build().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_in_both_forms() {
        let url = format!("tg://login?token={}", "A".repeat(43));
        let drawn = png(&url).expect("drawn");
        let mut reader = png::Decoder::new(std::io::Cursor::new(&drawn)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("a frame");
        assert_eq!(info.width, info.height);
        assert_eq!(pixels[0], 255, "the margin is white");
        let first = (QUIET_MODULES * MODULE_PIXELS) * info.width as usize + QUIET_MODULES * MODULE_PIXELS;
        assert_eq!(pixels[first], 0, "the corner mark is black");
        assert!(String::from_utf8(svg(&url).expect("drawn")).expect("text").contains("<svg"));
    }
}
