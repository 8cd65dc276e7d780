//! Pictures with few colours, which are a third as long.

use std::cmp::Reverse;
use std::collections::HashMap;

use anyhow::{Context, ensure};
use png::{BitDepth, ColorType, Compression, Decoder, Encoder};

type Colour = [u8; 3];

/// The most colours of a palette.
const COLOURS_MAX: usize = 256;

/// The same picture with the colours that it has most of. Others become the nearest of these.
pub(super) fn with_palette(picture: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut reader = Decoder::new(std::io::Cursor::new(picture)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().context("the picture is too large")?];
    let frame = reader.next_frame(&mut pixels)?;
    let is_rgb = matches!(frame.color_type, ColorType::Rgb | ColorType::Rgba);
    ensure!(is_rgb && frame.bit_depth == BitDepth::Eight, "the browser's pictures have changed");
    let colours: Vec<Colour> = pixels
        .chunks_exact(frame.color_type.samples())
        .filter_map(|pixel| pixel.first_chunk().copied())
        .collect();

    let mut counts = HashMap::<Colour, usize>::new();
    for colour in &colours {
        *counts.entry(*colour).or_default() += 1;
    }
    let mut palette: Vec<Colour> = counts.keys().copied().collect();
    palette.sort_by_key(|colour| (Reverse(counts.get(colour)), *colour));
    palette.truncate(COLOURS_MAX);
    let nearest = |colour: &Colour| {
        let places = (0u8..=u8::MAX).zip(&palette);
        places.min_by_key(|(_, other)| distance(colour, other)).map_or(0, |(place, _)| place)
    };
    let places: HashMap<Colour, u8> =
        counts.keys().map(|colour| (*colour, nearest(colour))).collect();
    let indices: Vec<u8> = colours.iter().filter_map(|it| places.get(it).copied()).collect();

    let mut written = Vec::new();
    let mut encoder = Encoder::new(&mut written, frame.width, frame.height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    encoder.set_palette(palette.concat());
    encoder.write_header()?.write_image_data(&indices)?;
    Ok(written)
}

fn distance(one: &Colour, other: &Colour) -> u32 {
    one.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
}
