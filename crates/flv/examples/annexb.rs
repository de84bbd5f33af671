//! Writes the video of an FLV file as Annex B: `cargo run -p flv --example annexb -- IN.flv OUT [--no-reordering]`.
//!
//! With `--no-reordering` the parameter sets say that pictures come out in the order in which they go in, whether or not
//! that is true: to see what a decoder makes of it.

use std::error::Error;

use flv::{Item, Reader, VideoConfig, VideoKind};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, options @ ..] = arguments.as_slice() else {
        return Err("IN.flv OUT [--no-reordering]".into());
    };
    let immediate = options.iter().any(|option| option == "--no-reordering");
    let file = std::fs::read(input)?;
    let (mut reader, mut rest, mut config, mut out) =
        (Reader::default(), file.as_slice(), None, Vec::new());
    loop {
        let tag = match reader.next_in(&mut rest) {
            Ok(None) => break,
            Ok(Some(Item::Video(tag))) => tag,
            Ok(Some(_)) => continue,
            Err(report) => {
                eprintln!("{report}");
                continue;
            }
        };
        match (tag.kind, &config) {
            (VideoKind::SequenceHeader, _) => {
                let sent = VideoConfig::parse(tag.codec, tag.data)?;
                let changed = if immediate {
                    sent.without_reordering()
                } else {
                    None
                };
                config = Some(changed.unwrap_or(sent));
            }
            (VideoKind::AccessUnit, Some(config)) => {
                config.write_annexb(tag.data, tag.key, immediate, &mut out)?
            }
            _ => {}
        }
    }
    std::fs::write(output, out)?;
    Ok(())
}
